/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Heap: the face of the memory layer. One contiguous range of addresses, cut into 8 KiB pages, runs
 * of pages into spans, spans into equal slots. Knows nothing of marking policy, sockets or clients.
 *
 * Owns:     the address range, the side tables, the page heap, the central lists.
 * Threads:  any, except lifecycle; what must be quiet for a call says so. Allocation goes through a
 *           cache (cache.h), one per mutator.
 * Failure:  heap_new() returns -ENOMEM or -EINVAL. Nothing here exits or logs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;

#define HEAP_PAGE_BYTES      8192u
#define HEAP_ARENA_BYTES     (64u << 20)
#define HEAP_GRANULE_BYTES   16u
#define HEAP_CLASSES_MAX     72u
#define HEAP_RESERVE_DEFAULT (UINT64_C(256) << 30)
#define HEAP_RESERVE_MIN     (UINT64_C(1) << 30)

struct heap_config {
        uint64_t reserve_bytes; /* address space; 0: default, halved until the kernel agrees */
        uint64_t limit_bytes;   /* see heap_set_limit(); 0: no limit */
        uint64_t spare_bytes;   /* see heap_set_spare() */
        bool huge_pages;        /* ask the kernel for pages of 2 MiB (DESIGN.md: what that costs) */
};

struct heap_class_stats {
        uint32_t size_bytes;
        uint64_t n_mallocs, n_frees, n_spans;
        uint64_t span_bytes; /* of those spans; */
        uint64_t free_bytes; /* of which so many are in no object: fragmentation */
};

/* As Go's MemStats, where the word means the same here. Bytes unless named otherwise. */
struct heap_stats {
        uint64_t alloc;       /* allocated and not yet swept, rounded to classes */
        uint64_t total_alloc; /* ever allocated */
        uint64_t n_mallocs, n_frees, n_objects;
        uint64_t sys;           /* address space made usable: heap_sys + side tables touched */
        uint64_t heap_sys;      /* = heap_inuse + heap_idle */
        uint64_t heap_inuse;    /* in spans */
        uint64_t heap_idle;     /* in free runs of pages */
        uint64_t heap_released; /* part of heap_idle that the kernel has back */
        uint64_t span_free; /* free slots inside used spans: fragmentation = span_free / heap_inuse
                             */
        uint64_t largest_free_run;
        uint64_t n_spans, n_large;
        uint64_t metadata; /* side tables, committed */
        uint64_t limit;
        uint32_t n_classes;
        struct heap_class_stats by_size[HEAP_CLASSES_MAX];
};

int heap_new(struct heap **ret_heap, const struct heap_config *config);
void heap_free(struct heap *heap);

/* Counts what mutators have allocated up to their last cache refill or flush. Any thread. */
void heap_get_stats(struct heap *heap, struct heap_stats *ret_stats);
/* Bytes in spans now; cheap, any thread. */
uint64_t heap_inuse_bytes(const struct heap *heap);
uint64_t heap_limit_bytes(const struct heap *heap);    /* as given; 0: none */
uint64_t heap_reserved_bytes(const struct heap *heap); /* of addresses: it never grows beyond */

/*
 * The limit is one of the process: pages in use, their side tables, and what the process holds
 * beside the heap, which somebody has to tell. A part of it is spare: only caches that are `urgent`
 * get at it, so that what exists can be read and dropped when nothing more can be made. A limit
 * below what is in use only refuses further growth. Any thread.
 */
void heap_set_limit(struct heap *heap, uint64_t limit_bytes);
void heap_set_spare(struct heap *heap,
                    uint64_t spare_bytes); /* 0: 3 %, and 1 MiB if that is little */
void heap_set_other(struct heap *heap, uint64_t other_bytes);
uint64_t heap_other_bytes(const struct heap *heap);
/* What heap_inuse_bytes() may come to, the spare part left out; UINT64_MAX: no limit. */
uint64_t heap_allowance_bytes(const struct heap *heap);
/* Free pages that hold memory, and all that the heap keeps resident, side tables included. */
uint64_t heap_idle_bytes(const struct heap *heap);
uint64_t heap_resident_bytes(const struct heap *heap);

/* Gives free pages back to the kernel until at most `retain_bytes` of idle memory stay or about
 * `max_bytes` went; returns how many did. No lock is held during the system calls. Any thread, one
 * at a time. */
uint64_t heap_scavenge(struct heap *heap, uint64_t retain_bytes, uint64_t max_bytes);

/* Visits every object that a flush, or cache_count(), has entered since it was made. No mutator and
 * no collector running. Stops when the visitor returns false. */
typedef bool heap_visit_fn(void *user, uint64_t offset, uint64_t header, uint64_t size_bytes,
                           bool noscan);
void heap_walk(struct heap *heap, heap_visit_fn *visit, void *user);

/* Checks every structure against every other; false and a sentence when something does not fit.
 * No mutator and no collector running. */
bool heap_verify(struct heap *heap, char *ret_text, size_t text_size);

/* Where the object at `offset` starts in memory. */
uint8_t *heap_base(const struct heap *heap);
