/* SPDX-License-Identifier: MIT */
#include "client/heapctl/histogram.h"

/*
 * Linear below 2 * STEPS; above, each power of two is cut into STEPS. A number's place is its
 * leading eight bits, plus STEPS for every bit that was shifted out.
 */

static unsigned histogram_shift(uint64_t ns)
{
        return ns < 2 * HISTOGRAM_STEPS ? 0 : 63 - 7 - (unsigned)__builtin_clzll(ns);
}

static uint64_t histogram_place_end(unsigned place)
{
        unsigned shift = place < 2 * HISTOGRAM_STEPS ? 0 : place / HISTOGRAM_STEPS - 1;

        return ((uint64_t)(place - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
        unsigned shift = histogram_shift(ns);

        histogram->counts[shift * HISTOGRAM_STEPS + (ns >> shift)]++;
        histogram->n++;
        histogram->total_ns += ns;
        histogram->max_ns = ns > histogram->max_ns ? ns : histogram->max_ns;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
        double wanted = share * (double)histogram->n;
        uint64_t n = 0;

        for (unsigned place = 0; place < HISTOGRAM_PLACES; place++) {
                n += histogram->counts[place];
                if (n > 0 && (double)n >= wanted) {
                        uint64_t end = histogram_place_end(place);

                        return end < histogram->max_ns ? end : histogram->max_ns;
                }
        }
        return histogram->max_ns;
}
