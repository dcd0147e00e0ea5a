/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Span: a run of pages, either free or cut into equal slots. Span descriptors live in a side table
 * indexed by the first page, so they are never allocated and never move; the bitmaps are side
 * tables with one bit per 16 bytes, found from an offset alone (HEAP-2, HEAP-3).
 *
 * Owns:     nothing; pages.h lends pages, and whoever the state names owns the span.
 * Threads:  the owner. Links and state change hands by release and acquire on the lists' heads.
 * Failure:  none.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"
#include "heap/sizeclass.h"

enum span_state {
        SPAN_NONE,    /* no span starts at this page */
        SPAN_FREE,    /* a free run, in a bin of the page heap */
        SPAN_CACHED,  /* a cache allocates from it */
        SPAN_CENTRAL, /* has free slots, in its central list */
        SPAN_FULL,    /* no free slot was found; the sweep will look again */
        SPAN_LARGE,   /* one object */
        SPAN_FREED,   /* swept empty, on its way to the page heap */
        _SPAN_STATE_N,
};

/* 32 bytes; the index is the first page. 0 as a link means none: page 0 is never given out. */
struct span {
        _Alignas(32) uint32_t n_pages;
        uint32_t next;       /* central list, freed stack, or bin */
        uint32_t prev;       /* bin */
        uint32_t n_released; /* FREE: pages the kernel has */
        uint32_t cursor;     /* granule where the search for the next hole goes on. FREE: so many
                              * pages at the front are released, perhaps more */
        uint16_t n_slots;
        uint8_t class; /* 0: large */
        bool noscan;
        _Atomic uint8_t state;
        bool zeroed; /* never used since the kernel gave the pages */
        /* Of the central lists that it belongs to. The sweep passes over new spans, which their
         * owners may file at the same time. */
        _Atomic uint8_t generation;
};

static inline enum span_state span_state(const struct span *span)
{
        return atomic_load_explicit(&span->state, memory_order_relaxed);
}

static inline void span_set_state(struct span *span, enum span_state state)
{
        atomic_store_explicit(&span->state, (uint8_t)state, memory_order_relaxed);
}

static inline unsigned span_generation(const struct span *span)
{
        return atomic_load_explicit(&span->generation, memory_order_relaxed);
}

static inline void span_set_generation(struct span *span, unsigned generation)
{
        atomic_store_explicit(&span->generation, (uint8_t)generation, memory_order_relaxed);
}
