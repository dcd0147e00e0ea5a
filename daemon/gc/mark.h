/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Mark: finds every object that the root cells reach. Tri-colour: white is not seen, grey is seen
 * and queued (or its page is flagged), black is seen and scanned. Precise: every word of a
 * scannable object says itself whether it is a reference.
 *
 * Owns:     nothing. Threads: the controller calls mark_run(), which uses the workers.
 * Failure:  none: a full queue makes it slower (GC-9).
 */

#include <stdint.h>

struct gc;

struct mark_totals {
        uint64_t cpu_ns;
        uint64_t scanned_bytes;
        uint64_t n_overflows;
};

/* Mutators are held and their caches flushed; no object is marked. */
void mark_run(struct gc *gc, struct mark_totals *ret_totals);
