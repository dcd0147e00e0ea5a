/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cache: a mutator's private stock of free slots, a *hole* per size class: a run of adjacent free
 * slots inside one span. The fast path moves a pointer; no lock, no atomic operation.
 *
 * Owns:     its holes and the spans they lie in, until cache_flush() hands them back.
 * Threads:  one at a time: its mutator, or the controller once a handshake has dropped it.
 * Failure:  cache_alloc() returns 0 when the heap is at its limit or out of memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "heap/heap.h"
#include "heap/sizeclass.h"

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
        uint8_t *base;           /* of the heap's addresses */
        const uint8_t *class_of; /* (size + 15) / 16 -> class */
        uint64_t handed_bytes;   /* ever handed out in holes and large objects */
        uint8_t generation;      /* of the central lists it draws on */
        bool urgent;             /* may draw on the spare part of the limit */
        bool black;              /* objects are born marked: whole holes are marked when acquired */
        struct histogram *first_refills; /* borrowed: how long each class's first hole since
                                          * cache_flush() took to find; NULL: not measured */
        struct hole holes[CACHE_HOLES];
};

void cache_init(struct cache *cache, struct heap *heap);
void cache_deinit(struct cache *cache);

/* Hands every hole back: unused slots become free, what was allocated is counted. */
void cache_flush(struct cache *cache);

/* Brings the heap's bitmaps and counters up to date with what was allocated, keeping the holes. */
void cache_count(struct cache *cache);

/* Slow paths of cache_alloc(). */
bool cache_refill(struct cache *cache, unsigned hole_index);
uint64_t cache_alloc_large(struct cache *cache, uint64_t size_bytes, bool noscan);

/* For sizes up to SIZE_SMALL_MAX. */
static inline struct hole *cache_hole(struct cache *cache, uint64_t size_bytes, bool noscan)
{
        return &cache->holes[cache->class_of[(size_bytes + 15) / 16] * 2u + noscan];
}

/* `size_bytes` includes the header. A scannable object is all zero; a noscan one has any content.
 * Returns the offset, a multiple of 16; 0: no memory. */
static inline uint64_t cache_alloc(struct cache *cache, uint64_t size_bytes, bool noscan)
{
        struct hole *hole;
        uint8_t *p;

        if (size_bytes > SIZE_SMALL_MAX) {
                return cache_alloc_large(cache, size_bytes, noscan);
        }
        hole = cache_hole(cache, size_bytes, noscan);
        if (hole->next == hole->end && !cache_refill(cache, (unsigned)(hole - cache->holes))) {
                return 0;
        }
        p = hole->next;
        hole->next = p + hole->size_bytes;
        return (uint64_t)(p - cache->base);
}
