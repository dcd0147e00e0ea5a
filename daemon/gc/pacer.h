/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pacer: how far the heap may grow, and when the next cycle has to start so that it ends there.
 * Pure arithmetic on bytes and times; no clock, no threads.
 *
 *   goal    = live + (live + roots) * percent / 100, at least minimum * percent / 100
 *   trigger = goal - what mutators will allocate while the cycle runs
 *   hard    = live + 11/10 (goal - live): whoever allocates beyond it while a cycle runs is in debt
 *
 * The goal is Go's ("A Guide to the Go Garbage Collector"). Under a memory limit it is no higher
 * than the limit, but never less than a tenth above what is live, so that a heap near its limit is
 * not collected without end; and a budget holds collecting for the limit's sake to 35 % of the CPU.
 *
 * What mutators will allocate is predicted from two rates that each cycle measures, of allocation
 * and of marking: their quotient, bytes allocated for one that is marked, is smoothed over about
 * four cycles. To it comes twice its mean deviation, as TCP does for its retransmission timer
 * (Jacobson, "Congestion avoidance and control", 1988): the steadier the load, the nearer to the
 * goal its cycles end.
 *
 * Bound: a steady load passes no goal by more than a fiftieth of the growth, one that rises within
 * some cycles by no more than a twentieth. The prediction is never more than seven tenths of the
 * growth: a load that allocates more than that during one cycle, or whose rate leaps, passes the
 * goal by the difference, and from `hard` on is held by what the collector's owner does about debt.
 *
 * Owns:     nothing. Threads: whoever holds the lock of what the struct lies in. Failure: none.
 */

#include <stdbool.h>
#include <stdint.h>

#define PACER_CPU_SHARE     35u /* percent, of all CPUs, for cycles that the limit asks for */
#define PACER_PERCENT_FLOOR 10u /* the limit makes no goal lower than live and this much */
#define PACER_WINDOW_NS     UINT64_C(2000000000) /* over which the share is kept, per CPU */

/* What was learned from past cycles: bytes allocated for each byte marked. Zero: nothing yet. */
struct pacer {
        double ratio, deviation;
};

/* One cycle: what it found live and how long it took; what was allocated beside it until marking
 * ended, and how long that was. */
struct pacer_sample {
        uint64_t live_bytes, total_ns;
        uint64_t allocated_bytes, marking_ns;
        bool representative; /* growth started it: allocation was going on */
};

struct pacer_input {
        uint64_t live_bytes; /* found by the last cycle */
        uint64_t root_bytes;
        uint64_t minimum_bytes; /* for percent = 100 */
        uint64_t limit_bytes;   /* of live and allocated bytes; UINT64_MAX: none */
        int percent;            /* < 0: growth never starts a cycle */
};

struct pacer_plan {
        uint64_t goal_bytes, trigger_bytes, hard_bytes; /* UINT64_MAX: never */
        uint64_t effective_percent;                     /* that the goal comes to; 0 for never */
        bool limited;                                   /* the limit made the goal lower */
};

void pacer_learn(struct pacer *pacer, const struct pacer_sample *sample);
void pacer_make_plan(const struct pacer *pacer, const struct pacer_input *input,
                     struct pacer_plan *ret_plan);

/* Whether so much presumed garbage is worth a cycle: an eighth of the heap, and 1 MiB at least. */
bool pacer_garbage_is_much(uint64_t garbage_bytes, uint64_t heap_bytes);

/*
 * The budget: a bucket that cycles fill with the CPU time they take and that drains at
 * PACER_CPU_SHARE of all CPUs. It holds that share of the window, so a cycle after a quiet time
 * starts at once however long it takes, and over any longer time the share is kept.
 */
struct pacer_budget {
        double spent_ns;
};

/* `elapsed_ns` went by, in which the collector used `cpu_ns`. */
void pacer_budget_spend(struct pacer_budget *budget, uint64_t elapsed_ns, uint64_t cpu_ns,
                        unsigned n_cpus);
/* How long a cycle for the limit has to wait; 0: it may start. */
uint64_t pacer_budget_wait_ns(const struct pacer_budget *budget, unsigned n_cpus);

/*
 * Bands under a limit. `base` is what the last cycle left in use, `inuse` what is in use now.
 *   GREEN  room is left
 *   AMBER  three quarters of the room between base and limit are gone: those who allocate wait
 *   RED    the room is less than a tenth of base: those over their share get no memory
 */
enum pacer_band { PACER_GREEN, PACER_AMBER, PACER_RED };

const char *pacer_band_name(enum pacer_band band);
enum pacer_band pacer_band(uint64_t base_bytes, uint64_t inuse_bytes, uint64_t limit_bytes);
/* From how much in use on those who allocate wait; UINT64_MAX without a limit. */
uint64_t pacer_amber_bytes(uint64_t base_bytes, uint64_t limit_bytes);
