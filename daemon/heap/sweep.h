/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sweep: turns the marks of a finished cycle into free slots. Reads and writes side tables only:
 * alloc := seen, seen := 0; a span without a survivor goes to the page heap, one with free slots to
 * its central list. No object is touched.
 *
 * What is freed can be announced, before anybody can get it again (GC-12).
 *
 * Owns:     nothing. A chunk (64 MiB of heap) is swept by one thread; chunks may go in parallel.
 * Threads:  any, beside allocation. Every cache has moved to `generation`, what the caches of the
 *           other one held is flushed, and central_reset() of the other one has been called.
 * Failure:  none; takes no lock (HEAP-7).
 */

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

/* Objects of one span that die, found in one word of its bitmap. */
struct sweep_freed {
        const uint8_t *memory; /* of bit 0 */
        uint64_t offset;       /* of bit 0; each bit stands for a granule */
        uint64_t bits;         /* where one lies; not 0 */
        uint64_t slot_bytes;   /* that each gives back */
        bool noscan;
};

typedef void sweep_freed_fn(void *user, unsigned worker, const struct sweep_freed *freed);

struct sweep_order {
        unsigned generation;   /* to sweep into; spans that belong to it hold new objects only */
        bool poison;           /* overwrite what is freed, to make its use show */
        sweep_freed_fn *freed; /* NULL: nobody wants to know, and it costs nothing */
        void *freed_user;
        unsigned worker; /* for `freed` */
};

struct sweep_totals {
        uint64_t live_bytes, live_objects;
        uint64_t freed_bytes, freed_objects;
};

uint32_t sweep_n_chunks(const struct heap *heap);

void sweep_chunk(struct heap *heap, uint32_t chunk, const struct sweep_order *order,
                 struct sweep_totals *totals);

/* Takes an object out of `bits`, a copy of freed->bits: its offset, 0 when none is left. */
static inline uint64_t sweep_freed_next(const struct sweep_freed *freed, uint64_t *bits)
{
        uint64_t offset;

        if (*bits == 0) {
                return 0;
        }
        offset = freed->offset + (unsigned)__builtin_ctzll(*bits) * HEAP_GRANULE_BYTES;
        *bits &= *bits - 1;
        return offset;
}

/* The header that it was made with (object.h). */
static inline uint64_t sweep_freed_header(const struct sweep_freed *freed, uint64_t offset)
{
        return *(const uint64_t *)(freed->memory + (offset - freed->offset));
}
