/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "heap/heap.h"
#include "heap/internals.h"
#include "heap/object.h"
#include "heap/pages.h"

/*
 * The walk sees what the bitmaps say; heap_verify() holds every structure against every other, so
 * that a bug shows at the place that broke a rule and not a million requests later.
 */

static bool walk_span(struct heap *heap, uint32_t page, heap_visit_fn *visit, void *user)
{
        const struct span *span = heap_span(heap, page);
        const uint64_t *row = heap_alloc_row(heap, page);
        uint64_t slot_bytes = span_slot_bytes(span);
        uint32_t n_rows = span->class == SIZE_CLASS_LARGE ? 1 : span->n_pages * PAGE_ROW_WORDS;

        for (uint32_t i = 0; i < n_rows; i++) {
                for (uint64_t bits = row[i]; bits; bits &= bits - 1) {
                        uint64_t granule = i * 64u + (unsigned)__builtin_ctzll(bits);
                        uint64_t offset = heap_page_offset(page) + granule * HEAP_GRANULE_BYTES;
                        uint64_t header = *(const uint64_t *)(heap->data.base + offset);

                        if (!visit(user, offset, header, slot_bytes, span->noscan)) {
                                return false;
                        }
                }
        }
        return true;
}

void heap_walk(struct heap *heap, heap_visit_fn *visit, void *user)
{
        for (uint32_t page = 0; page < heap->pages.n_pages; page += 64) {
                uint64_t bits = atomic_load_explicit(heap_starts_word(heap, page),
                                                     memory_order_relaxed);

                for (; bits; bits &= bits - 1) {
                        if (!walk_span(heap, page + (uint32_t)__builtin_ctzll(bits), visit, user)) {
                                return;
                        }
                }
        }
}

struct verify {
        struct heap *heap;
        char *text;
        size_t text_size;
        bool ok;
        uint64_t inuse, released, n_free_runs, n_binned, n_listed, n_central;
};

static bool verify_fail(struct verify *v, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static bool verify_fail(struct verify *v, const char *format, ...)
{
        va_list ap;

        if (v->ok) {
                va_start(ap, format);
                vsnprintf(v->text, v->text_size, format, ap);
                va_end(ap);
        }
        v->ok = false;
        return false;
}

static bool verify_free_run(struct verify *v, uint32_t page)
{
        const struct span *run = heap_span(v->heap, page);
        uint32_t last = page + run->n_pages - 1, n_released = 0, n_lead = 0;

        if (*heap_page_head(v->heap, page) != page || *heap_page_head(v->heap, last) != page) {
                return verify_fail(v, "free run at page %u: its ends do not name it", page);
        }
        if (last + 1 < v->heap->pages.n_pages &&
            span_state(heap_span(v->heap, last + 1)) == SPAN_FREE) {
                return verify_fail(v, "free runs at pages %u and %u were not merged", page,
                                   last + 1);
        }
        for (uint32_t i = page; i <= last; i++) {
                n_released += *heap_page_flags(v->heap, i) == PAGE_RELEASED;
                n_lead += n_lead == i - page && *heap_page_flags(v->heap, i) == PAGE_RELEASED;
        }
        if (n_released < run->n_pages && run->cursor > n_lead) {
                return verify_fail(v,
                                   "free run at page %u: only %u pages at its front are released",
                                   page, n_lead);
        }
        if (n_released != run->n_released) {
                return verify_fail(v, "free run at page %u: %u pages released, %u counted", page,
                                   n_released, run->n_released);
        }
        v->released += n_released;
        v->n_free_runs++;
        return true;
}

static bool verify_span_objects(struct verify *v, uint32_t page)
{
        const struct heap *heap = v->heap;
        const struct span *span = heap_span(heap, page);
        const uint64_t *alloc = heap_alloc_row(heap, page);
        const _Atomic uint64_t *seen = heap_seen_row(heap, page);
        uint64_t slot_bytes = span_slot_bytes(span);
        uint32_t n_rows = span->class == SIZE_CLASS_LARGE ? 1 : span->n_pages * PAGE_ROW_WORDS;

        for (uint32_t i = 0; i < n_rows; i++) {
                if (atomic_load_explicit(&seen[i], memory_order_relaxed) != 0) {
                        return verify_fail(v, "span at page %u: marks outside a cycle", page);
                }
                for (uint64_t bits = alloc[i]; bits; bits &= bits - 1) {
                        uint64_t at = (i * 64u + (unsigned)__builtin_ctzll(bits)) *
                                      (uint64_t)HEAP_GRANULE_BYTES;
                        uint64_t header = *(const uint64_t *)(heap->data.base +
                                                              heap_page_offset(page) + at);

                        if (at % slot_bytes != 0 || at / slot_bytes >= span->n_slots) {
                                return verify_fail(v, "span at page %u: a bit between slots", page);
                        }
                        if (object_header_descriptor(header) == 0 ||
                            object_header_descriptor(header) >= heap->n_descriptors) {
                                return verify_fail(v, "object at page %u + %llu: header %#llx",
                                                   page, (unsigned long long)at,
                                                   (unsigned long long)header);
                        }
                        if (descriptor_find(heap, object_header_descriptor(header))->noscan !=
                                    span->noscan ||
                            object_size_bytes(span->noscan, object_header_count(header)) >
                                    slot_bytes) {
                                return verify_fail(v, "object at page %u + %llu: not of its span",
                                                   page, (unsigned long long)at);
                        }
                }
        }
        return true;
}

static bool verify_used_span(struct verify *v, uint32_t page)
{
        const struct span *span = heap_span(v->heap, page);
        uint32_t n_heads = span->class == SIZE_CLASS_LARGE ? 1 : span->n_pages;

        if (span->class >= SIZE_CLASSES || span->n_pages == 0) {
                return verify_fail(v, "span at page %u: class %u, %u pages", page, span->class,
                                   span->n_pages);
        }
        if (!(*heap_starts_word(v->heap, page) >> (page & 63) & 1)) {
                return verify_fail(v, "span at page %u is not in the bitmap of starts", page);
        }
        for (uint32_t i = 0; i < n_heads; i++) {
                if (*heap_page_head(v->heap, page + i) != page ||
                    (*heap_page_flags(v->heap, page + i) & ~PAGE_WEAK) !=
                            (span->noscan ? PAGE_NOSCAN : 0)) {
                        return verify_fail(v, "page %u does not belong to its span at %u", page + i,
                                           page);
                }
        }
        v->inuse += span->n_pages;
        v->n_central += span_state(span) == SPAN_CENTRAL;
        return verify_span_objects(v, page);
}

/* Steps from head to head: every page must belong to exactly one span or run. */
static bool verify_pages(struct verify *v)
{
        uint32_t page = 1;

        while (v->ok && page < v->heap->pages.n_pages) {
                const struct span *span = heap_span(v->heap, page);

                switch (span_state(span)) {
                case SPAN_FREE:
                        verify_free_run(v, page);
                        break;
                case SPAN_CACHED:
                case SPAN_CENTRAL:
                case SPAN_FULL:
                case SPAN_LARGE:
                        verify_used_span(v, page);
                        break;
                case SPAN_NONE:
                case SPAN_FREED:
                case _SPAN_STATE_N:
                default:
                        verify_fail(v, "page %u: no span starts here, state %d", page,
                                    (int)span_state(span));
                }
                page += span->n_pages;
        }
        return v->ok;
}

static bool verify_bins(struct verify *v)
{
        const struct page_heap *ph = &v->heap->pages;

        for (unsigned bin = 0; bin < BIN_N; bin++) {
                uint32_t first = ph->bins[bin], page = first;
                bool in_map = ph->bin_map[bin >> BIN_SPLIT] >> (bin & 7) & 1;

                if (in_map != (first != 0)) {
                        return verify_fail(v, "bin %u and its map disagree", bin);
                }
                while (page != 0) {
                        if (span_state(heap_span(v->heap, page)) != SPAN_FREE ||
                            v->n_binned > v->n_free_runs) {
                                return verify_fail(v, "bin %u: page %u is not a free run", bin,
                                                   page);
                        }
                        v->n_binned++;
                        page = heap_span(v->heap, page)->next;
                        page = page == first ? 0 : page;
                }
        }
        return v->n_binned == v->n_free_runs ||
               verify_fail(v, "%llu free runs, %llu in bins", (unsigned long long)v->n_free_runs,
                           (unsigned long long)v->n_binned);
}

static bool verify_chain(struct verify *v, uint32_t page, unsigned hole_index, unsigned generation)
{
        for (; page != 0; page = heap_span(v->heap, page)->next) {
                const struct span *span = heap_span(v->heap, page);

                if (span_state(span) != SPAN_CENTRAL || span_hole_index(span) != hole_index ||
                    span_generation(span) != generation || v->n_listed >= v->n_central) {
                        return verify_fail(v, "central list %u holds the wrong span at page %u",
                                           hole_index, page);
                }
                v->n_listed++;
        }
        return true;
}

static bool verify_central(struct verify *v)
{
        for (unsigned generation = 0; generation < 2; generation++) {
                for (unsigned i = 0; i < HEAP_CLASSES_MAX * 2; i++) {
                        const struct central *central = &v->heap->central[generation][i];

                        if (!verify_chain(v, central->partial, i, generation) ||
                            !verify_chain(v, central->swept, i, generation)) {
                                return false;
                        }
                }
        }
        return v->n_listed == v->n_central ||
               verify_fail(v, "%llu spans say they are in a central list, %llu are",
                           (unsigned long long)v->n_central, (unsigned long long)v->n_listed);
}

bool heap_verify(struct heap *heap, char *ret_text, size_t text_size)
{
        struct verify v = {.heap = heap, .text = ret_text, .text_size = text_size, .ok = true};

        pages_drain(heap);
        if (!verify_pages(&v) || !verify_bins(&v) || !verify_central(&v)) {
                return false;
        }
        if (v.inuse != heap->pages.inuse_pages || v.released != heap->pages.released_pages) {
                return verify_fail(
                        &v, "%llu pages in use, %llu counted; %llu released, %llu counted",
                        (unsigned long long)v.inuse, (unsigned long long)heap->pages.inuse_pages,
                        (unsigned long long)v.released,
                        (unsigned long long)heap->pages.released_pages);
        }
        return true;
}
