/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "heap/internals.h"
#include "heap/pages.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "short texts lie in words byte by byte");
static_assert(sizeof(struct span) == 32, "side tables are committed in whole pages per arena");
static_assert(HEAP_PAGE_BYTES == 1u << HEAP_PAGE_SHIFT, "");

#define HEAP_SPARE_MIN (UINT64_C(1) << 20)

/* Address space may be rationed (ulimit -v, a container): take what there is. */
static int heap_reserve(struct heap *heap, uint64_t reserve_bytes)
{
        bool fixed = reserve_bytes != 0;
        int r;

        if (!fixed) {
                reserve_bytes = HEAP_RESERVE_DEFAULT;
        }
        if (reserve_bytes < HEAP_ARENA_BYTES || reserve_bytes > HEAP_RESERVE_DEFAULT * 16) {
                return -EINVAL;
        }
        for (;;) {
                r = pages_init(heap, reserve_bytes);
                if (r == 0 || fixed || reserve_bytes <= HEAP_RESERVE_MIN) {
                        return r;
                }
                pages_deinit(heap);
                reserve_bytes /= 2;
        }
}

int heap_new(struct heap **ret_heap, const struct heap_config *config)
{
        struct heap *heap = calloc(1, sizeof(*heap));
        int r;

        if (!heap) {
                return -ENOMEM;
        }
        r = heap_reserve(heap, config->reserve_bytes);
        if (r < 0) {
                pages_deinit(heap);
                free(heap);
                return r;
        }
        if (config->huge_pages) {
                arena_use_huge_pages(&heap->data);
        }
        /* Lazily touched: a heap with ten descriptors holds one page of them. */
        heap->descriptors = mmap(NULL, HEAP_DESCRIPTORS_MAX * sizeof(struct descriptor),
                                 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (heap->descriptors == MAP_FAILED) {
                pages_deinit(heap);
                free(heap);
                return -ENOMEM;
        }
        atomic_init(&heap->n_descriptors, 1); /* 0 means: free */
        pthread_mutex_init(&heap->descriptor_lock, NULL);
        for (unsigned i = 0; i < HEAP_CLASSES_MAX * 2; i++) {
                pthread_mutex_init(&heap->central[0][i].lock, NULL);
                pthread_mutex_init(&heap->central[1][i].lock, NULL);
        }
        size_class_fill_map(heap->class_of);
        heap_set_spare(heap, config->spare_bytes);
        heap_set_limit(heap, config->limit_bytes);
        *ret_heap = heap;
        return 0;
}

void heap_free(struct heap *heap)
{
        if (!heap) {
                return;
        }
        for (unsigned i = 0; i < HEAP_CLASSES_MAX * 2; i++) {
                pthread_mutex_destroy(&heap->central[0][i].lock);
                pthread_mutex_destroy(&heap->central[1][i].lock);
        }
        pthread_mutex_destroy(&heap->descriptor_lock);
        munmap(heap->descriptors, HEAP_DESCRIPTORS_MAX * sizeof(struct descriptor));
        pages_deinit(heap);
        free(heap);
}

uint8_t *heap_base(const struct heap *heap)
{
        return heap->data.base;
}

uint64_t heap_inuse_bytes(const struct heap *heap)
{
        return atomic_load_explicit(&heap->pages.inuse_pages, memory_order_relaxed) *
               HEAP_PAGE_BYTES;
}

uint64_t heap_limit_bytes(const struct heap *heap)
{
        return atomic_load_explicit(&heap->limit_bytes, memory_order_relaxed);
}

uint64_t heap_other_bytes(const struct heap *heap)
{
        return atomic_load_explicit(&heap->other_bytes, memory_order_relaxed);
}

uint64_t heap_allowance_bytes(const struct heap *heap)
{
        uint64_t n_pages = atomic_load_explicit(&heap->pages.ordinary_pages, memory_order_relaxed);

        return n_pages == UINT64_MAX ? UINT64_MAX : n_pages * HEAP_PAGE_BYTES;
}

static uint64_t heap_default_spare(uint64_t limit_bytes)
{
        uint64_t spare = limit_bytes / 100 * 3, least = HEAP_SPARE_MIN;

        least = least < limit_bytes / 16 ? least : limit_bytes / 16;
        return spare > least ? spare : least;
}

static void heap_update_limits(struct heap *heap)
{
        struct page_heap *ph = &heap->pages;
        uint64_t limit, other, spare, room;

        pthread_mutex_lock(&ph->lock);
        limit = heap_limit_bytes(heap);
        other = heap_other_bytes(heap);
        spare = atomic_load_explicit(&heap->spare_bytes, memory_order_relaxed);
        spare = spare ? spare : heap_default_spare(limit);
        room = limit > other ? limit - other : 0;
        atomic_store_explicit(&ph->limit_pages, limit ? room / HEAP_PAGE_COST_BYTES : UINT64_MAX,
                              memory_order_relaxed);
        room = room > spare ? room - spare : 0;
        atomic_store_explicit(&ph->ordinary_pages, limit ? room / HEAP_PAGE_COST_BYTES : UINT64_MAX,
                              memory_order_relaxed);
        pthread_mutex_unlock(&ph->lock);
}

uint64_t heap_reserved_bytes(const struct heap *heap)
{
        return heap->data.reserved_bytes;
}

void heap_set_limit(struct heap *heap, uint64_t limit_bytes)
{
        atomic_store_explicit(&heap->limit_bytes, limit_bytes, memory_order_relaxed);
        heap_update_limits(heap);
}

void heap_set_spare(struct heap *heap, uint64_t spare_bytes)
{
        atomic_store_explicit(&heap->spare_bytes, spare_bytes, memory_order_relaxed);
        heap_update_limits(heap);
}

void heap_set_other(struct heap *heap, uint64_t other_bytes)
{
        atomic_store_explicit(&heap->other_bytes, other_bytes, memory_order_relaxed);
        heap_update_limits(heap);
}

uint64_t heap_idle_bytes(const struct heap *heap)
{
        return pages_idle(&heap->pages) * HEAP_PAGE_BYTES;
}

uint64_t heap_resident_bytes(const struct heap *heap)
{
        uint64_t n_pages = (heap_inuse_bytes(heap) + heap_idle_bytes(heap)) / HEAP_PAGE_BYTES;

        return n_pages * HEAP_PAGE_COST_BYTES;
}

uint64_t heap_scavenge(struct heap *heap, uint64_t retain_bytes, uint64_t max_bytes)
{
        return pages_scavenge(heap, retain_bytes, max_bytes);
}

static void heap_get_class_fragmentation(const struct heap *heap, unsigned i,
                                         struct heap_class_stats *class)
{
        uint64_t objects = (class->n_mallocs - class->n_frees) * class->size_bytes;

        if (i == SIZE_CLASS_LARGE) {
                /* One object in each, of its span's size: what it leaves free is not known. */
                class->span_bytes = objects = atomic_load_explicit(&heap->large_alloc_bytes,
                                                                   memory_order_relaxed) -
                                              atomic_load_explicit(&heap->large_free_bytes,
                                                                   memory_order_relaxed);
        } else {
                class->span_bytes = class->n_spans * size_class_table[i].n_pages * HEAP_PAGE_BYTES;
        }
        class->free_bytes = class->span_bytes > objects ? class->span_bytes - objects : 0;
}

static void heap_get_class_stats(struct heap *heap, struct heap_stats *stats)
{
        stats->n_classes = SIZE_CLASSES;
        for (unsigned i = 0; i < SIZE_CLASSES; i++) {
                struct heap_class_stats *class = &stats->by_size[i];

                class->size_bytes = size_class_table[i].size_bytes;
                /* Frees first: an object is counted as made before it is counted as gone. */
                class->n_frees = atomic_load_explicit(&heap->counters[i].n_frees,
                                                      memory_order_acquire);
                class->n_mallocs = atomic_load_explicit(&heap->counters[i].n_mallocs,
                                                        memory_order_relaxed);
                class->n_spans = atomic_load_explicit(&heap->counters[i].n_spans,
                                                      memory_order_relaxed);
                heap_get_class_fragmentation(heap, i, class);
                stats->n_mallocs += class->n_mallocs;
                stats->n_frees += class->n_frees;
                stats->total_alloc += class->n_mallocs * class->size_bytes;
                stats->alloc += (class->n_mallocs - class->n_frees) * class->size_bytes;
                stats->n_spans += class->n_spans;
        }
        stats->n_large = stats->by_size[SIZE_CLASS_LARGE].n_spans;
        stats->n_objects = stats->n_mallocs - stats->n_frees;
}

void heap_get_stats(struct heap *heap, struct heap_stats *ret_stats)
{
        struct page_heap *ph = &heap->pages;
        struct heap_stats stats = {0};
        uint64_t large_freed, large_alloc, n_pages, inuse, released;

        heap_get_class_stats(heap, &stats);
        large_freed = atomic_load_explicit(&heap->large_free_bytes, memory_order_acquire);
        large_alloc = atomic_load_explicit(&heap->large_alloc_bytes, memory_order_relaxed);
        stats.total_alloc += large_alloc;
        stats.alloc += large_alloc - large_freed;
        pthread_mutex_lock(&ph->lock);
        n_pages = ph->n_pages;
        inuse = atomic_load_explicit(&ph->inuse_pages, memory_order_relaxed);
        released = atomic_load_explicit(&ph->released_pages, memory_order_relaxed);
        pthread_mutex_unlock(&ph->lock);
        stats.heap_sys = n_pages * HEAP_PAGE_BYTES;
        stats.heap_inuse = inuse * HEAP_PAGE_BYTES;
        stats.heap_idle = stats.heap_sys - stats.heap_inuse;
        stats.heap_released = released * HEAP_PAGE_BYTES;
        stats.span_free = stats.heap_inuse > stats.alloc ? stats.heap_inuse - stats.alloc : 0;
        stats.largest_free_run = pages_largest_free(heap);
        stats.metadata = n_pages * (HEAP_PAGE_COST_BYTES - HEAP_PAGE_BYTES);
        stats.sys = stats.heap_sys + stats.metadata;
        stats.limit = heap_limit_bytes(heap);
        *ret_stats = stats;
}
