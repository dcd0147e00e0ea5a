/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Toll: what a cycle takes from a request, measured where it is taken (times.def, STOLEN). Tolls
 * may lie within one another; each counts without those inside.
 *
 * A toll costs two readings of the clock. That is nothing beside what happens seldom, and too much
 * for a store: of these one in 64 is measured, at random distances, and counts 64 times.
 *
 * Owns:     nothing. Threads: the mutator, inside a request. Failure: none.
 */

#include "base/clock.h"
#include "gc/internals.h"

#define TOLL_SAMPLE 64u
/* Nothing that is sampled waits or makes a system call: one that took longer than this was
 * interrupted, and must not count for 64 that were not. */
#define TOLL_INTERRUPTED_NS 50000u

struct toll {
        uint64_t begin_ns;
        uint64_t tolls_ns; /* of the mutator, then */
};

static inline struct toll toll_begin(const struct mutator *mutator)
{
        return (struct toll){.begin_ns = clock_now_ns(), .tolls_ns = mutator->tolls_ns};
}

static inline void toll_end_weighted(struct mutator *mutator, enum gc_time cause,
                                     const struct toll *toll, uint32_t weight)
{
        uint64_t all_ns = clock_now_ns() - toll->begin_ns;
        uint64_t other_ns = mutator->tolls_ns - toll->tolls_ns + mutator->gc->clock_ns;
        uint64_t own_ns = all_ns > other_ns ? all_ns - other_ns : 0;

        mutator->tolls_ns = toll->tolls_ns + all_ns;
        histogram_add_n(&mutator->times[cause], own_ns, own_ns < TOLL_INTERRUPTED_NS ? weight : 1);
}

static inline void toll_end(struct mutator *mutator, enum gc_time cause, const struct toll *toll)
{
        toll_end_weighted(mutator, cause, toll, 1);
}

/* Whether this one of many is to be measured. */
static inline bool toll_is_due(struct mutator *mutator)
{
        if (__builtin_expect(mutator->n_until_toll-- > 0, true)) {
                return false;
        }
        /* 0 to 126 more, 63 on average. */
        mutator->toll_random = mutator->toll_random * 1664525u + 1013904223u;
        mutator->n_until_toll = (mutator->toll_random >> 16) % (2 * TOLL_SAMPLE - 1);
        return true;
}

static inline void toll_end_sampled(struct mutator *mutator, enum gc_time cause,
                                    const struct toll *toll)
{
        toll_end_weighted(mutator, cause, toll, TOLL_SAMPLE);
}
