/* SPDX-License-Identifier: MIT */
#include "heap/sweep.h"

#include <string.h>

#include "base/assert.h"
#include "heap/central.h"
#include "heap/internals.h"
#include "heap/pages.h"

/* Of heap, for each word of its bitmaps. */
#define SWEEP_ROW_BYTES (UINT64_C(64) * HEAP_GRANULE_BYTES)

uint32_t sweep_n_chunks(const struct heap *heap)
{
        return heap->pages.n_pages / ARENA_PAGES;
}

/* A large object has one bit in the row of its first page; a small span has all its pages' rows. */
static uint32_t sweep_rows(const struct span *span)
{
        return span->class == SIZE_CLASS_LARGE ? 1 : span->n_pages * PAGE_ROW_WORDS;
}

/* Neither a header nor a word of such bytes means anything. */
static void sweep_poison(struct heap *heap, uint64_t offset, uint64_t bits, uint64_t slot_bytes)
{
        uint64_t n_bytes = slot_bytes < 65536 ? slot_bytes : 65536;

        for (; bits; bits &= bits - 1) {
                uint64_t at = offset + (unsigned)__builtin_ctzll(bits) * HEAP_GRANULE_BYTES;

                memset(heap->data.base + at, 0xdb, n_bytes);
        }
}

/* While the span is in no list: what is told here is told before the memory can be used again,
 * and the push that ends the sweep of a span hands on what the listener did (GC-12). */
static void sweep_bury(struct heap *heap, const struct sweep_order *order, const struct span *span,
                       uint64_t offset, uint64_t bits)
{
        struct sweep_freed freed;

        if (order->freed) {
                freed = (struct sweep_freed){
                        .memory = heap->data.base + offset,
                        .offset = offset,
                        .bits = bits,
                        .slot_bytes = span_slot_bytes(span),
                        .noscan = span->noscan,
                };
                order->freed(order->freed_user, order->worker, &freed);
        }
        if (order->poison) {
                sweep_poison(heap, offset, bits, span_slot_bytes(span));
        }
}

static void sweep_span(struct heap *heap, uint32_t page, const struct sweep_order *order,
                       struct sweep_totals *totals, uint64_t n_freed[])
{
        struct span *span = heap_span(heap, page);
        uint64_t *alloc = heap_alloc_row(heap, page);
        _Atomic uint64_t *seen = heap_seen_row(heap, page);
        uint64_t slot_bytes = span_slot_bytes(span), offset = heap_page_offset(page);
        uint32_t n_rows = sweep_rows(span);
        uint64_t n_before = 0, n_live = 0;

        for (uint32_t i = 0; i < n_rows; i++, offset += SWEEP_ROW_BYTES) {
                uint64_t marked = atomic_load_explicit(&seen[i], memory_order_relaxed);
                uint64_t dead = alloc[i] & ~marked;

                hd_assert((marked & ~alloc[i]) == 0); /* GC-7 */
                n_before += (uint64_t)__builtin_popcountll(alloc[i]);
                n_live += (uint64_t)__builtin_popcountll(marked);
                if (dead) {
                        sweep_bury(heap, order, span, offset, dead);
                        alloc[i] = marked;
                }
                if (marked) {
                        atomic_store_explicit(&seen[i], 0, memory_order_relaxed);
                }
        }
        hd_assert(n_live <= n_before);
        totals->live_objects += n_live;
        totals->live_bytes += n_live * slot_bytes;
        totals->freed_objects += n_before - n_live;
        totals->freed_bytes += (n_before - n_live) * slot_bytes;
        n_freed[span->class] += n_before - n_live;
        if (span->class == SIZE_CLASS_LARGE && n_live == 0) {
                atomic_fetch_add_explicit(&heap->large_free_bytes, slot_bytes,
                                          memory_order_relaxed);
        }
        if (n_live == 0) {
                atomic_fetch_sub_explicit(&heap->counters[span->class].n_spans, 1,
                                          memory_order_relaxed);
                pages_push_freed(heap, page);
        } else if (n_live < span->n_slots) {
                central_put(heap, page, order->generation);
        } else {
                span_set_generation(span, order->generation);
                span_set_state(span, span->class == SIZE_CLASS_LARGE ? SPAN_LARGE : SPAN_FULL);
        }
}

void sweep_chunk(struct heap *heap, uint32_t chunk, const struct sweep_order *order,
                 struct sweep_totals *totals)
{
        uint64_t n_freed[SIZE_CLASSES] = {0};

        for (uint32_t word = 0; word < ARENA_PAGES / 64; word++) {
                uint32_t page = chunk * ARENA_PAGES + word * 64;
                /* Acquire: pairs with pages_publish(). */
                uint64_t bits = atomic_load_explicit(heap_starts_word(heap, page),
                                                     memory_order_acquire);

                for (; bits; bits &= bits - 1) {
                        uint32_t start = page + (uint32_t)__builtin_ctzll(bits);

                        if (span_generation(heap_span(heap, start)) != order->generation) {
                                sweep_span(heap, start, order, totals, n_freed);
                        }
                }
        }
        for (unsigned i = 0; i < SIZE_CLASSES; i++) {
                if (n_freed[i]) {
                        atomic_fetch_add_explicit(&heap->counters[i].n_frees, n_freed[i],
                                                  memory_order_relaxed);
                }
        }
}
