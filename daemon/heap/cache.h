/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cache: a mutator's private stock of free slots, a *hole* per size class: a run of adjacent free
 * slots inside one span. The fast path moves a pointer; no lock, no atomic operation.
 *
 * Owns:     its holes and the spans they lie in, until cache_flush() hands them back.
 * Threads:  one at a time. The collector flushes the caches of mutators that it holds.
 * Failure:  cache_alloc() returns 0 when the heap is at its limit or out of memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

/* size class * 2 + noscan */
#define CACHE_HOLES (HEAP_CLASSES_MAX * 2)

struct hole {
        uint8_t *next;  /* first free slot */
        uint8_t *end;   /* one past the last; next == end: empty */
        uint8_t *start; /* where the hole began; what lies before `next` is allocated */
        uint32_t span;  /* head page of the span, 0: none */
        uint32_t size_bytes;
};

struct cache {
        struct heap *heap;
        uint64_t large_bytes; /* allocated as large objects since the last flush */
        struct hole holes[CACHE_HOLES];
};

void cache_init(struct cache *cache, struct heap *heap);
void cache_deinit(struct cache *cache);

/* Hands every hole back: unused slots become free, what was allocated is counted. */
void cache_flush(struct cache *cache);

/* Brings the heap's counters up to date with what was allocated from the holes, keeping them. */
void cache_count(struct cache *cache);

/* `size_bytes` includes the header. The memory of a scannable object is zero; of a noscan one only the
 * header is. Returns the offset, a multiple of 16; 0: no memory. */
uint64_t cache_alloc(struct cache *cache, uint64_t size_bytes, bool noscan);
