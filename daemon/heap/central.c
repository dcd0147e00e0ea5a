/* SPDX-License-Identifier: MIT */
#include "heap/central.h"

#include <string.h>

#include "base/assert.h"
#include "heap/internals.h"
#include "heap/marks.h"
#include "heap/pages.h"

static uint32_t central_new_span(struct heap *heap, unsigned hole_index, unsigned generation,
                                 bool urgent)
{
        const struct size_class *class = &size_class_table[hole_index / 2];
        struct span *span;
        uint32_t page;
        bool zeroed;

        if (pages_alloc(heap, class->n_pages, true, urgent, &page, &zeroed) < 0) {
                return 0;
        }
        span = heap_span(heap, page);
        span->class = (uint8_t)(hole_index / 2);
        span->noscan = hole_index & 1;
        span->n_slots = class->n_slots;
        span->zeroed = zeroed;
        span_set_generation(span, generation);
        for (uint32_t i = 0; span->noscan && i < class->n_pages; i++) {
                atomic_store_explicit(heap_page_flags(heap, page + i), PAGE_NOSCAN,
                                      memory_order_relaxed);
        }
        span_set_state(span, SPAN_CACHED);
        pages_publish(heap, page);
        atomic_fetch_add_explicit(&heap->counters[span->class].n_spans, 1, memory_order_relaxed);
        return page;
}

uint32_t central_take(struct heap *heap, unsigned hole_index, unsigned generation, bool urgent)
{
        struct central *central = &heap->central[generation][hole_index];
        uint32_t page;

        pthread_mutex_lock(&central->lock);
        if (central->partial == 0) {
                central->partial = span_take_all(&central->swept);
        }
        page = central->partial;
        if (page != 0) {
                central->partial = heap_span(heap, page)->next;
        }
        pthread_mutex_unlock(&central->lock);
        if (page == 0) {
                page = central_new_span(heap, hole_index, generation, urgent);
        } else {
                hd_assert(span_state(heap_span(heap, page)) == SPAN_CENTRAL);
                hd_assert(span_generation(heap_span(heap, page)) == generation);
                span_set_state(heap_span(heap, page), SPAN_CACHED);
        }
        if (page != 0) {
                heap_span(heap, page)->cursor = 0;
        }
        return page;
}

void central_put(struct heap *heap, uint32_t page, unsigned generation)
{
        struct span *span = heap_span(heap, page);

        span_set_generation(span, generation);
        span_set_state(span, SPAN_CENTRAL);
        span_push(heap, &heap->central[generation][span_hole_index(span)].swept, page);
}

void central_reset(struct heap *heap, unsigned generation)
{
        for (unsigned i = 0; i < HEAP_CLASSES_MAX * 2; i++) {
                heap->central[generation][i].partial = 0;
                atomic_store_explicit(&heap->central[generation][i].swept, 0, memory_order_relaxed);
        }
}

uint64_t central_alloc_large(struct heap *heap, uint64_t size_bytes, bool noscan,
                             unsigned generation, bool black)
{
        uint64_t n_pages = (size_bytes + HEAP_PAGE_BYTES - 1) >> HEAP_PAGE_SHIFT;
        struct span *span;
        uint32_t page;
        bool zeroed;

        if (n_pages > UINT32_MAX / 2 ||
            pages_alloc(heap, (uint32_t)n_pages, false, false, &page, &zeroed) < 0) {
                return 0;
        }
        span = heap_span(heap, page);
        span->class = SIZE_CLASS_LARGE;
        span->noscan = noscan;
        span->n_slots = 1;
        span_set_generation(span, generation);
        if (noscan) {
                atomic_store_explicit(heap_page_flags(heap, page), PAGE_NOSCAN,
                                      memory_order_relaxed);
        } else if (!zeroed) {
                memset(heap->data.base + heap_page_offset(page), 0, size_bytes);
        }
        *heap_alloc_row(heap, page) = 1;
        if (black) {
                marks_set(heap, heap_page_offset(page), 1);
        }
        span_set_state(span, SPAN_LARGE);
        pages_publish(heap, page);
        atomic_fetch_add_explicit(&heap->counters[0].n_spans, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&heap->counters[0].n_mallocs, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&heap->large_alloc_bytes, heap_page_offset((uint32_t)n_pages),
                                  memory_order_relaxed);
        return heap_page_offset(page);
}
