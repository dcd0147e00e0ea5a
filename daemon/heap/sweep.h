/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sweep: turns the marks of a finished cycle into free slots. Reads and writes side tables only:
 * alloc := seen, seen := 0; a span without a survivor goes to the page heap, one with free slots to
 * its central list. No object is touched.
 *
 * Owns:     nothing. A chunk (64 MiB of heap) is swept by one thread; chunks may go in parallel.
 * Threads:  any, beside allocation. Every cache has moved to `generation`, what the caches of the
 *           other one held is flushed, and central_reset() of the other one has been called.
 * Failure:  none; takes no lock (HEAP-7).
 */

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

struct heap;

struct sweep_totals {
        uint64_t live_bytes, live_objects;
        uint64_t freed_bytes, freed_objects;
};

uint32_t sweep_n_chunks(const struct heap *heap);

/* Sweeps the chunk's spans into `generation`; those that belong to it already hold new
 * objects only. `poison`: what is freed is overwritten, to make its use show. */
void sweep_chunk(struct heap *heap, uint32_t chunk, unsigned generation, bool poison,
                 struct sweep_totals *totals);
