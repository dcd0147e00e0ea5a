/* SPDX-License-Identifier: MIT */
#include "heap/pages.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "heap/internals.h"

/*
 * Free runs lie in bins by size, found through two levels of bitmaps. A bin is a circular list:
 * runs that hold memory at the front, runs that the kernel has already at the back. So allocation
 * prefers resident pages, and the scavenger sees at the front whether a bin has work for it.
 * The first and last page of a run name its head, so that neighbours merge in O(1).
 */

#define DRAIN_PER_ALLOC   16
#define DRAIN_BEFORE_GROW 4096
#define FIT_TRIES         32
#define SCAVENGE_PAGES    4096u /* 32 MiB: how much one step takes out of circulation */

static unsigned pages_bin(uint32_t n_pages)
{
        unsigned log;

        if (n_pages < (1u << BIN_SPLIT)) {
                return n_pages;
        }
        log = 31u - (unsigned)__builtin_clz(n_pages);
        return ((log - BIN_SPLIT + 1) << BIN_SPLIT) + ((n_pages >> (log - BIN_SPLIT)) & 7u);
}

static bool pages_resident(const struct span *run)
{
        return run->n_released < run->n_pages;
}

static void pages_bin_insert(struct heap *heap, uint32_t page)
{
        struct page_heap *ph = &heap->pages;
        struct span *run = heap_span(heap, page);
        unsigned bin = pages_bin(run->n_pages);
        uint32_t head = ph->bins[bin];

        if (head == 0) {
                run->next = run->prev = page;
                ph->bins[bin] = page;
                ph->bin_map[bin >> BIN_SPLIT] |= (uint8_t)(1u << (bin & 7));
                ph->level_map |= 1u << (bin >> BIN_SPLIT);
        } else {
                run->next = head;
                run->prev = heap_span(heap, head)->prev;
                heap_span(heap, run->prev)->next = page;
                heap_span(heap, head)->prev = page;
                if (pages_resident(run)) {
                        ph->bins[bin] = page;
                }
        }
        span_set_state(run, SPAN_FREE);
        *heap_page_head(heap, page) = page;
        *heap_page_head(heap, page + run->n_pages - 1) = page;
}

static void pages_bin_remove(struct heap *heap, uint32_t page)
{
        struct page_heap *ph = &heap->pages;
        struct span *run = heap_span(heap, page);
        unsigned bin = pages_bin(run->n_pages);

        if (run->next == page) {
                ph->bins[bin] = 0;
                ph->bin_map[bin >> BIN_SPLIT] &= (uint8_t) ~(1u << (bin & 7));
                if (ph->bin_map[bin >> BIN_SPLIT] == 0) {
                        ph->level_map &= ~(1u << (bin >> BIN_SPLIT));
                }
        } else {
                heap_span(heap, run->prev)->next = run->next;
                heap_span(heap, run->next)->prev = run->prev;
                if (ph->bins[bin] == page) {
                        ph->bins[bin] = run->next;
                }
        }
        span_set_state(run, SPAN_NONE);
}

/* How many pages at the front of a run are known to be released: a scavenger goes on behind them,
 * instead of looking at each of a long run again with every step. */
static uint32_t pages_lead(const struct span *run)
{
        return pages_resident(run) ? run->cursor : run->n_pages;
}

static void pages_append(struct span *run, const struct span *next)
{
        if (pages_lead(run) == run->n_pages) {
                run->cursor = run->n_pages + pages_lead(next);
        }
        run->n_pages += next->n_pages;
        run->n_released += next->n_released;
}

/* Enters a run, merged with its free neighbours. */
static void pages_insert(struct heap *heap, uint32_t page, uint32_t n_pages, uint32_t n_released)
{
        struct span run = {.n_pages = n_pages, .n_released = n_released};
        uint32_t next = page + n_pages;
        uint32_t prev = *heap_page_head(heap, page - 1);

        span_set_state(heap_span(heap, page), SPAN_NONE);
        if (next < heap->pages.n_pages && span_state(heap_span(heap, next)) == SPAN_FREE) {
                pages_bin_remove(heap, next);
                pages_append(&run, heap_span(heap, next));
        }
        if (span_state(heap_span(heap, prev)) == SPAN_FREE) {
                struct span before = *heap_span(heap, prev);

                pages_bin_remove(heap, prev);
                pages_append(&before, &run);
                run = before;
                page = prev;
        }
        heap_span(heap, page)->n_pages = run.n_pages;
        heap_span(heap, page)->n_released = run.n_released;
        heap_span(heap, page)->cursor = run.cursor;
        pages_bin_insert(heap, page);
}

/* Moves up to `max` swept spans to the free runs. */
static void pages_drain_some(struct heap *heap, unsigned max)
{
        struct page_heap *ph = &heap->pages;

        while (max-- > 0) {
                uint32_t page;

                if (ph->pending == 0) {
                        ph->pending = span_take_all(&ph->freed);
                        if (ph->pending == 0) {
                                return;
                        }
                }
                page = ph->pending;
                hd_assert(span_state(heap_span(heap, page)) == SPAN_FREED);
                ph->pending = heap_span(heap, page)->next;
                pages_insert(heap, page, heap_span(heap, page)->n_pages, 0);
        }
}

void pages_drain(struct heap *heap)
{
        bool more = true;

        while (more) {
                pthread_mutex_lock(&heap->pages.lock);
                pages_drain_some(heap, 1024);
                more = heap->pages.pending != 0 ||
                       atomic_load_explicit(&heap->pages.freed, memory_order_relaxed) != 0;
                pthread_mutex_unlock(&heap->pages.lock);
        }
}

/* A run of at least n pages, not yet removed from its bin; 0: none. */
static uint32_t pages_find(struct heap *heap, uint32_t n_pages)
{
        struct page_heap *ph = &heap->pages;
        unsigned bin = pages_bin(n_pages);
        unsigned level, map;

        /* Its own bin may hold a run that is long enough. */
        if (ph->bins[bin]) {
                uint32_t page = ph->bins[bin];

                for (int i = 0; i < FIT_TRIES; i++) {
                        if (heap_span(heap, page)->n_pages >= n_pages) {
                                return page;
                        }
                        page = heap_span(heap, page)->next;
                        if (page == ph->bins[bin]) {
                                break;
                        }
                }
        }
        /* Any run of a higher bin is. */
        bin++;
        level = bin >> BIN_SPLIT;
        if (level >= BIN_LEVELS) {
                return 0;
        }
        map = ph->bin_map[level] & (0xffu << (bin & 7));
        if (map == 0) {
                uint32_t levels = level + 1 < 32 ? ph->level_map & (UINT32_MAX << (level + 1)) : 0;

                if (levels == 0) {
                        return 0;
                }
                level = (unsigned)__builtin_ctz(levels);
                map = ph->bin_map[level];
        }
        return ph->bins[(level << BIN_SPLIT) + (unsigned)__builtin_ctz(map)];
}

/* Atomic, because marking threads look at the flags of any page in use. */
static void pages_set_flags(struct heap *heap, uint32_t page, uint32_t n_pages, uint8_t flags)
{
        for (uint32_t i = 0; i < n_pages; i++) {
                atomic_store_explicit(heap_page_flags(heap, page + i), flags, memory_order_relaxed);
        }
}

static int pages_commit_tables(struct heap *heap, uint32_t n_arenas)
{
        const struct {
                struct arena *table;
                uint64_t bytes;
        } tables[] = {
                {&heap->data, HEAP_ARENA_BYTES},
                {&heap->spans, ARENA_PAGES * sizeof(struct span)},
                {&heap->page_head, ARENA_PAGES * sizeof(uint32_t)},
                {&heap->page_flags, ARENA_PAGES},
                {&heap->alloc, HEAP_ARENA_BYTES / HEAP_GRANULE_BYTES / 8},
                {&heap->seen, HEAP_ARENA_BYTES / HEAP_GRANULE_BYTES / 8},
        };

        for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
                uint64_t want = (heap->pages.n_pages / ARENA_PAGES + n_arenas) * tables[i].bytes;
                uint64_t have = tables[i].table->committed_bytes;
                /* An earlier attempt may have got half-way through this list. */
                int r = want > have ? arena_commit(tables[i].table, want - have) : 0;

                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

static int pages_grow(struct heap *heap, uint32_t n_pages)
{
        struct page_heap *ph = &heap->pages;
        uint32_t n_arenas = (n_pages + ARENA_PAGES) / ARENA_PAGES; /* page 0 may be among them */
        uint32_t first = ph->n_pages;
        uint32_t n_new = n_arenas * ARENA_PAGES;
        int r = pages_commit_tables(heap, n_arenas);

        if (r < 0) {
                return r;
        }
        ph->n_pages += n_new;
        if (first == 0) {
                first = 1; /* offset 0 means nothing, so no object may start there */
                n_new--;
        }
        pages_set_flags(heap, first, n_new, PAGE_RELEASED);
        atomic_fetch_add_explicit(&ph->released_pages, n_new, memory_order_relaxed);
        pages_insert(heap, first, n_new, n_new);
        return 0;
}

static uint32_t pages_count_released(struct heap *heap, uint32_t page, uint32_t n_pages)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < n_pages; i++) {
                n += *heap_page_flags(heap, page + i) == PAGE_RELEASED;
        }
        return n;
}

/* Takes a stretch out of a free run; what lies before and behind it stays free. Returns how many of
 * its pages are released. */
static uint32_t pages_carve(struct heap *heap, uint32_t run_page, uint32_t page, uint32_t n_pages)
{
        struct span run = *heap_span(heap, run_page);
        uint32_t before = page - run_page, behind = run.n_pages - before - n_pages;
        uint32_t n_released = 0, n_before = 0;
        bool uniform = run.n_released == run.n_pages;

        pages_bin_remove(heap, run_page);
        if (run.n_released != 0) {
                n_before = uniform || before <= pages_lead(&run)
                                   ? before
                                   : pages_count_released(heap, run_page, before);
                n_released = uniform ? n_pages : pages_count_released(heap, page, n_pages);
        }
        if (before > 0) {
                heap_span(heap, run_page)->n_pages = before;
                heap_span(heap, run_page)->n_released = n_before;
                heap_span(heap, run_page)->cursor = before < pages_lead(&run) ? before
                                                                              : pages_lead(&run);
                pages_bin_insert(heap, run_page);
        }
        if (behind > 0) {
                heap_span(heap, page + n_pages)->n_pages = behind;
                heap_span(heap, page + n_pages)->n_released = run.n_released - n_before -
                                                              n_released;
                heap_span(heap, page + n_pages)->cursor = 0;
                pages_bin_insert(heap, page + n_pages);
        }
        heap_span(heap, page)->n_pages = n_pages;
        return n_released;
}

static void pages_enter_span(struct heap *heap, uint32_t page, uint32_t n_pages, bool all_heads)
{
        pages_set_flags(heap, page, n_pages, 0);
        if (all_heads) {
                for (uint32_t i = 0; i < n_pages; i++) {
                        *heap_page_head(heap, page + i) = page;
                }
        } else {
                *heap_page_head(heap, page) = page;
                *heap_page_head(heap, page + n_pages - 1) = page;
        }
}

void pages_publish(struct heap *heap, uint32_t page)
{
        /* Release: a sweeping thread that sees the bit sees the span complete. */
        atomic_fetch_or_explicit(heap_starts_word(heap, page), UINT64_C(1) << (page & 63),
                                 memory_order_release);
}

int pages_alloc(struct heap *heap, uint32_t n_pages, bool all_heads, bool urgent,
                uint32_t *ret_page, bool *ret_zeroed)
{
        struct page_heap *ph = &heap->pages;
        const _Atomic uint64_t *most = urgent ? &ph->limit_pages : &ph->ordinary_pages;
        uint32_t page, n_released;
        int r = 0;

        pthread_mutex_lock(&ph->lock);
        if (atomic_load_explicit(&ph->inuse_pages, memory_order_relaxed) + n_pages >
            atomic_load_explicit(most, memory_order_relaxed)) {
                r = -ENOMEM;
        } else {
                pages_drain_some(heap, DRAIN_PER_ALLOC);
                page = pages_find(heap, n_pages);
                if (page == 0) {
                        pages_drain_some(heap, DRAIN_BEFORE_GROW);
                        page = pages_find(heap, n_pages);
                }
                if (page == 0) {
                        r = pages_grow(heap, n_pages);
                        page = r == 0 ? pages_find(heap, n_pages) : 0;
                }
        }
        if (r == 0) {
                hd_assert(page != 0);
                n_released = pages_carve(heap, page, page, n_pages);
                pages_enter_span(heap, page, n_pages, all_heads);
                atomic_fetch_add_explicit(&ph->inuse_pages, n_pages, memory_order_relaxed);
                atomic_fetch_sub_explicit(&ph->released_pages, n_released, memory_order_relaxed);
                *ret_page = page;
                *ret_zeroed = n_released == n_pages;
        }
        pthread_mutex_unlock(&ph->lock);
        return r;
}

void pages_push_freed(struct heap *heap, uint32_t page)
{
        struct span *span = heap_span(heap, page);

        span_set_state(span, SPAN_FREED);
        atomic_fetch_and_explicit(heap_starts_word(heap, page), ~(UINT64_C(1) << (page & 63)),
                                  memory_order_relaxed);
        atomic_fetch_sub_explicit(&heap->pages.inuse_pages, span->n_pages, memory_order_relaxed);
        span_push(heap, &heap->pages.freed, page);
}

/* The largest run that still holds memory, from the fullest bins down; 0: none. */
static uint32_t pages_find_resident(struct heap *heap)
{
        for (unsigned bin = BIN_N; bin-- > 0;) {
                uint32_t page = heap->pages.bins[bin];

                if (page != 0 && pages_resident(heap_span(heap, page))) {
                        return page;
                }
        }
        return 0;
}

/* Takes a resident stretch of some run, of n_max pages at most, out of circulation. */
static uint32_t pages_take_resident(struct heap *heap, uint32_t n_max, uint32_t *ret_n_pages,
                                    uint32_t *ret_n_released)
{
        uint32_t run = pages_find_resident(heap), page = run, n_pages;

        if (run == 0) {
                return 0;
        }
        page += heap_span(heap, run)->cursor;
        n_pages = run + heap_span(heap, run)->n_pages - page;
        n_pages = n_pages < n_max ? n_pages : n_max;
        *ret_n_released = pages_carve(heap, run, page, n_pages);
        *ret_n_pages = n_pages;
        return page;
}

/* The bitmaps' rows of free pages are zero, so the kernel may have them too. */
static void pages_release_rows(struct arena *table, uint32_t page, uint32_t n_pages)
{
        const uint64_t row_bytes = PAGE_GRANULES / 8, step = 4096;
        uint64_t from = (page * row_bytes + step - 1) / step * step;
        uint64_t to = (page + (uint64_t)n_pages) * row_bytes / step * step;

        if (from < to) {
                arena_release(table, from, to - from);
        }
}

/* One step of the scavenger: the system calls are made without the lock. Returns how many pages it
 * has dealt with, 0 at the end. */
static uint32_t pages_scavenge_step(struct heap *heap, uint64_t resident_max, uint32_t n_max,
                                    uint64_t *ret_bytes)
{
        struct page_heap *ph = &heap->pages;
        uint32_t page = 0, n_pages = 0, n_released = 0;
        uint64_t idle;

        pthread_mutex_lock(&ph->lock);
        idle = pages_idle(ph);
        if (idle > resident_max) {
                n_max = n_max < idle - resident_max ? n_max : (uint32_t)(idle - resident_max);
                page = pages_take_resident(heap, n_max, &n_pages, &n_released);
        }
        pthread_mutex_unlock(&ph->lock);
        if (page == 0) {
                return 0;
        }
        arena_release(&heap->data, heap_page_offset(page), heap_page_offset(n_pages));
        pages_release_rows(&heap->alloc, page, n_pages);
        pages_release_rows(&heap->seen, page, n_pages);
        pthread_mutex_lock(&ph->lock);
        pages_set_flags(heap, page, n_pages, PAGE_RELEASED);
        atomic_fetch_add_explicit(&ph->released_pages, n_pages - n_released, memory_order_relaxed);
        pages_insert(heap, page, n_pages, n_pages);
        pthread_mutex_unlock(&ph->lock);
        *ret_bytes += heap_page_offset(n_pages - n_released);
        return n_pages;
}

uint64_t pages_scavenge(struct heap *heap, uint64_t retain_bytes, uint64_t max_bytes)
{
        uint64_t n_left = max_bytes >> HEAP_PAGE_SHIFT, released = 0;
        uint32_t n_max, n_done;

        pages_drain(heap);
        do {
                n_max = n_left < SCAVENGE_PAGES ? (uint32_t)n_left : SCAVENGE_PAGES;
                n_done = n_max ? pages_scavenge_step(heap, retain_bytes >> HEAP_PAGE_SHIFT, n_max,
                                                     &released)
                               : 0;
                n_left -= n_done;
        } while (n_done > 0);
        return released;
}

uint64_t pages_largest_free(struct heap *heap)
{
        uint64_t largest = 0;

        pthread_mutex_lock(&heap->pages.lock);
        for (unsigned bin = BIN_N; bin-- > 0 && largest == 0;) {
                uint32_t first = heap->pages.bins[bin], page = first;

                for (int i = 0; first != 0 && i < FIT_TRIES; i++) {
                        uint64_t n_pages = heap_span(heap, page)->n_pages;

                        largest = n_pages > largest ? n_pages : largest;
                        page = heap_span(heap, page)->next;
                        if (page == first) {
                                break;
                        }
                }
        }
        pthread_mutex_unlock(&heap->pages.lock);
        return heap_page_offset((uint32_t)largest);
}

int pages_init(struct heap *heap, uint64_t reserve_bytes)
{
        struct page_heap *ph = &heap->pages;
        uint64_t n_arenas = reserve_bytes / HEAP_ARENA_BYTES;
        uint64_t n_pages = n_arenas * ARENA_PAGES;
        int r;

        pthread_mutex_init(&ph->lock, NULL);
        atomic_init(&ph->limit_pages, UINT64_MAX);
        atomic_init(&ph->ordinary_pages, UINT64_MAX);
        if ((r = arena_reserve(&heap->data, n_arenas * HEAP_ARENA_BYTES)) < 0 ||
            (r = arena_reserve(&heap->spans, n_pages * sizeof(struct span))) < 0 ||
            (r = arena_reserve(&heap->page_head, n_pages * sizeof(uint32_t))) < 0 ||
            (r = arena_reserve(&heap->page_flags, n_pages)) < 0 ||
            (r = arena_reserve(&heap->starts, n_pages / 8)) < 0 ||
            (r = arena_reserve(&heap->alloc, n_pages * PAGE_GRANULES / 8)) < 0 ||
            (r = arena_reserve(&heap->seen, n_pages * PAGE_GRANULES / 8)) < 0) {
                return r;
        }
        /* One bit per page: too small to commit in step with 64 MiB of data. */
        return arena_commit(&heap->starts, heap->starts.reserved_bytes);
}

void pages_deinit(struct heap *heap)
{
        struct arena *tables[] = {&heap->data,   &heap->spans, &heap->page_head, &heap->page_flags,
                                  &heap->starts, &heap->alloc, &heap->seen};

        for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
                arena_unreserve(tables[i]);
        }
        pthread_mutex_destroy(&heap->pages.lock);
}
