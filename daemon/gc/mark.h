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

#include <stdbool.h>
#include <stdint.h>

struct gc;

struct mark_totals {
        uint64_t scanned_bytes;
        uint64_t n_overflows;
};

/*
 * Marks from the root cells, or goes on with what logs and flagged pages hold; returns when the
 * workers have nothing left, which mutators can change at any time until they have handed over
 * their logs. Adds to the totals. While it does not run, no marking thread does (GC-23).
 */
void mark_run(struct gc *gc, bool roots, struct mark_totals *totals);
