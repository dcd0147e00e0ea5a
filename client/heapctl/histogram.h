/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Histogram: how often which time was measured, to within a 128th of it, from 1 ns to 584 years.
 *
 * Owns:     nothing; plain data of 58 KiB, all zero when empty.
 * Threads:  one at a time.
 * Failure:  none; every number has its place.
 */

#include <stdint.h>

enum {
        HISTOGRAM_STEPS = 128, /* per power of two */
        HISTOGRAM_PLACES = (64 - 6) * HISTOGRAM_STEPS,
};

struct histogram {
        uint64_t n;
        uint64_t total_ns;
        uint64_t max_ns;
        uint64_t counts[HISTOGRAM_PLACES];
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/* The least time that `share` (0 to 1) of all do not exceed, rounded up to its place's end, never
 * above the longest; 0 if empty. */
uint64_t histogram_at(const struct histogram *histogram, double share);
