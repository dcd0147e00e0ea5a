/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pacer: when the next cycle should start. Pure arithmetic on byte counts; no clock, no threads.
 *
 *   goal = live + (live + roots) * percent / 100, at least minimum * percent / 100
 *
 * as Go defines it ("A Guide to the Go Garbage Collector"), and under a memory limit at most nine
 * tenths of it, so that the cycle comes before allocations fail; but never less than a tenth above
 * what is live, so that a heap near its limit is not collected without end.
 */

#include <stdint.h>

struct pacer_input {
        uint64_t live_bytes; /* found by the last cycle */
        uint64_t root_bytes;
        uint64_t minimum_bytes; /* for percent = 100 */
        uint64_t limit_bytes;   /* 0: none */
        int percent;            /* < 0: growth never starts a cycle */
};

/* UINT64_MAX: never. */
uint64_t pacer_goal(const struct pacer_input *input);

/* Where between what is live and the goal a cycle starts: mutators go on allocating beside it. */
uint64_t pacer_trigger(uint64_t goal_bytes, uint64_t live_bytes);

/* Whether so much presumed garbage is worth a cycle: an eighth of the heap, and 1 MiB at least. */
int pacer_garbage_is_much(uint64_t garbage_bytes, uint64_t heap_bytes);

/* Whether a cycle that a full heap asks for may start: collecting must leave nine tenths of the
 * time to others, or the heap near its limit does nothing else. */
int pacer_limit_cycle_allowed(uint64_t since_last_ns, uint64_t last_took_ns);
