/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Internals: the layout of struct heap, for the files of heap/ and, through marks.h, for the
 * collector's marking loop. Others use heap.h.
 *
 * Side tables, each an arena committed in step with the pages it describes:
 *   spans       struct span per page (the first page of a span or run)
 *   page_head   uint32_t per page: first page of the span or run it belongs to (all pages of a
 * small span, first and last of a run, first of a large object) page_flags  uint8_t per page starts
 * 1 bit per page: a span in use starts here (what the sweep walks) alloc       1 bit per granule:
 * an object starts here, as of the owner's last flush seen        1 bit per granule: marked in this
 * cycle
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "heap/arena.h"
#include "heap/descriptor.h"
#include "heap/heap.h"
#include "heap/sizeclass.h"
#include "heap/span.h"

#define HEAP_PAGE_SHIFT    13
#define HEAP_GRANULE_SHIFT 4
#define PAGE_GRANULES      (HEAP_PAGE_BYTES / HEAP_GRANULE_BYTES) /* 512: eight words of a bitmap */
#define PAGE_ROW_WORDS     (PAGE_GRANULES / 64)
#define ARENA_PAGES        (HEAP_ARENA_BYTES / HEAP_PAGE_BYTES)

/* What a page costs with its share of the side tables; the limit counts both. */
#define HEAP_PAGE_COST_BYTES \
        (HEAP_PAGE_BYTES + sizeof(struct span) + sizeof(uint32_t) + 1 + 2 * PAGE_GRANULES / 8)

enum page_flag {
        PAGE_NOSCAN = 1,   /* objects that start here hold no references */
        PAGE_OVERFLOW = 2, /* the collector owes this page a rescan */
        PAGE_RELEASED = 4, /* free, and the kernel has the memory: reads as zero */
        PAGE_WEAK = 8,     /* an object with weak words was made here */
};

/* Bins of free runs, two-level as in TLSF (Masmano et al., 2004): exact below 8 pages, then eight
 * per power of two. */
#define BIN_SPLIT  3
#define BIN_LEVELS 29
#define BIN_N      (BIN_LEVELS << BIN_SPLIT)

struct page_heap {
        pthread_mutex_t lock; /* never held by a marking or sweeping thread (HEAP-7) */
        uint32_t bins[BIN_N]; /* first run of each, 0: none */
        uint32_t level_map;   /* levels that have a run */
        uint8_t bin_map[BIN_LEVELS];
        _Atomic uint32_t n_pages; /* committed, grows under the lock; page 0 is never used */
        uint32_t pending;         /* chain taken off `freed`, being worked off in bounded steps */
        _Atomic uint32_t
                freed; /* stack of SPAN_FREED; sweepers push, holders of the lock take all */
        _Atomic uint64_t inuse_pages; /* in spans; falls as soon as a span is swept empty */
        _Atomic uint64_t released_pages;
        _Atomic uint64_t limit_pages;    /* in use, for those who are urgent; UINT64_MAX: none */
        _Atomic uint64_t ordinary_pages; /* for all others */
};

struct central {
        pthread_mutex_t lock;   /* between mutators, held for O(1) */
        uint32_t partial;       /* chain of spans with free slots */
        _Atomic uint32_t swept; /* stack; sweepers push, holders of the lock take all */
};

struct class_counters {
        _Atomic uint64_t n_mallocs, n_frees, n_spans;
};

struct heap {
        struct arena data;
        struct arena spans, page_head, page_flags, starts, alloc, seen;
        struct page_heap pages;
        struct central central[2]
                              [HEAP_CLASSES_MAX * 2]; /* by generation, then class * 2 + noscan */
        struct class_counters counters[HEAP_CLASSES_MAX];
        _Atomic uint64_t limit_bytes, spare_bytes, other_bytes; /* as given */
        _Atomic uint64_t large_alloc_bytes, large_free_bytes;   /* sizes of large objects */
        uint8_t class_of[SIZE_MAP_ENTRIES];
        pthread_mutex_t descriptor_lock;
        struct descriptor *descriptors; /* HEAP_DESCRIPTORS_MAX, lazily touched */
        _Atomic uint32_t n_descriptors;
};

static inline struct span *heap_span(const struct heap *heap, uint32_t page)
{
        return (struct span *)heap->spans.base + page;
}

static inline uint32_t *heap_page_head(const struct heap *heap, uint32_t page)
{
        return (uint32_t *)heap->page_head.base + page;
}

static inline _Atomic uint8_t *heap_page_flags(const struct heap *heap, uint32_t page)
{
        return (_Atomic uint8_t *)heap->page_flags.base + page;
}

static inline uint64_t *heap_alloc_row(const struct heap *heap, uint32_t page)
{
        return (uint64_t *)heap->alloc.base + (uint64_t)page * PAGE_ROW_WORDS;
}

static inline _Atomic uint64_t *heap_seen_row(const struct heap *heap, uint32_t page)
{
        return (_Atomic uint64_t *)heap->seen.base + (uint64_t)page * PAGE_ROW_WORDS;
}

static inline _Atomic uint64_t *heap_starts_word(const struct heap *heap, uint32_t page)
{
        return (_Atomic uint64_t *)heap->starts.base + page / 64;
}

/* Free pages that hold memory. Without the lock the three numbers need not be of one moment. */
static inline uint64_t pages_idle(const struct page_heap *ph)
{
        uint64_t n_pages = atomic_load_explicit(&ph->n_pages, memory_order_relaxed);
        uint64_t elsewhere = atomic_load_explicit(&ph->inuse_pages, memory_order_relaxed) +
                             atomic_load_explicit(&ph->released_pages, memory_order_relaxed) +
                             1; /* page 0 */

        return n_pages > elsewhere ? n_pages - elsewhere : 0;
}

static inline uint64_t heap_page_offset(uint32_t page)
{
        return (uint64_t)page << HEAP_PAGE_SHIFT;
}

static inline unsigned span_hole_index(const struct span *span)
{
        return span->class * 2u + span->noscan;
}

static inline uint64_t span_slot_bytes(const struct span *span)
{
        return span->class == SIZE_CLASS_LARGE ? heap_page_offset(span->n_pages)
                                               : size_class_table[span->class].size_bytes;
}

/* Pushes a span on a lock-free stack. Safe from ABA because the only way off is to take all. */
static inline void span_push(struct heap *heap, _Atomic uint32_t *stack, uint32_t page)
{
        uint32_t head = atomic_load_explicit(stack, memory_order_relaxed);

        do {
                heap_span(heap, page)->next = head;
                /* Release: the taker sees the link and the span's new content. */
        } while (!atomic_compare_exchange_weak_explicit(stack, &head, page, memory_order_release,
                                                        memory_order_relaxed));
}

static inline uint32_t span_take_all(_Atomic uint32_t *stack)
{
        if (atomic_load_explicit(stack, memory_order_relaxed) == 0) {
                return 0;
        }
        return atomic_exchange_explicit(stack, 0, memory_order_acquire);
}
