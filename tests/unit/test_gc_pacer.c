/* SPDX-License-Identifier: MIT */

/* The pacer's arithmetic, by hand-worked cases and at the ends of its range. */

#include "gc/pacer.h"
#include "support/unit.h"

#define MIB (UINT64_C(1) << 20)

/* With nothing learned. */
static struct pacer_plan plan(struct pacer_input in)
{
        struct pacer_plan out;

        in.limit_bytes = in.limit_bytes ? in.limit_bytes : UINT64_MAX;
        pacer_make_plan(&(struct pacer){0}, &in, &out);
        return out;
}

static uint64_t goal(struct pacer_input in)
{
        return plan(in).goal_bytes;
}

Test(pacer, the_goal_grows_with_what_is_live)
{
        struct pacer_input in = {.live_bytes = 100 * MIB, .minimum_bytes = 4 * MIB, .percent = 100};

        cr_assert_eq(goal(in), 200 * MIB);
        in.percent = 50;
        cr_assert_eq(goal(in), 150 * MIB);
        in.root_bytes = 20 * MIB;
        cr_assert_eq(goal(in), 160 * MIB);
        in.percent = 0;
        cr_assert_eq(goal(in), 100 * MIB);
}

Test(pacer, a_small_heap_waits_for_the_minimum)
{
        struct pacer_input in = {.live_bytes = 1000, .minimum_bytes = 4 * MIB, .percent = 100};

        cr_assert_eq(goal(in), 4 * MIB);
        in.percent = 200;
        cr_assert_eq(goal(in), 8 * MIB);
        in.percent = 25;
        cr_assert_eq(goal(in), 1 * MIB);
}

Test(pacer, a_negative_percentage_never_starts_a_cycle_but_a_limit_does)
{
        struct pacer_input in = {.live_bytes = 100 * MIB, .minimum_bytes = 4 * MIB, .percent = -1};

        cr_assert_eq(goal(in), UINT64_MAX);
        cr_assert_eq(plan(in).trigger_bytes, UINT64_MAX);
        cr_assert_eq(plan(in).hard_bytes, UINT64_MAX);
        cr_assert(!plan(in).limited);
        in.limit_bytes = 900 * MIB;
        cr_assert_eq(goal(in), 900 * MIB);
        cr_assert(plan(in).limited);
        cr_assert_eq(plan(in).effective_percent, 800);
}

Test(pacer, the_limit_lowers_the_goal_but_leaves_a_runway)
{
        struct pacer_input in = {.live_bytes = 100 * MIB,
                                 .minimum_bytes = 4 * MIB,
                                 .percent = 100,
                                 .limit_bytes = 200 * MIB};

        cr_assert_eq(goal(in), 200 * MIB);
        cr_assert(!plan(in).limited);
        in.limit_bytes = 135 * MIB;
        cr_assert_eq(goal(in), 135 * MIB);
        cr_assert(plan(in).limited);
        cr_assert_eq(plan(in).effective_percent, 35);
        in.live_bytes = 130 * MIB;
        cr_assert_eq(goal(in), 143 * MIB);
        cr_assert_eq(plan(in).effective_percent, 10);
        in.percent = 5; /* who asks for less than the floor gets it: the limit is not to blame */
        cr_assert_eq(goal(in), 136 * MIB + MIB / 2);
        cr_assert(!plan(in).limited);
}

Test(pacer, huge_numbers_do_not_wrap)
{
        struct pacer_input in = {.live_bytes = UINT64_C(1) << 47, .percent = INT32_MAX};

        cr_assert_gt(goal(in), in.live_bytes);
        in.live_bytes = UINT64_C(1) << 62;
        cr_assert_gt(goal(in), in.live_bytes);
}

Test(pacer, garbage_counts_from_a_mebibyte_and_an_eighth_of_the_heap)
{
        cr_assert(!pacer_garbage_is_much(MIB - 1, 0));
        cr_assert(pacer_garbage_is_much(MIB, 8 * MIB));
        cr_assert(!pacer_garbage_is_much(MIB, 8 * MIB + 8));
}

Test(pacer, a_cycle_starts_as_much_before_the_goal_as_its_length_says)
{
        const struct pacer_input in = {
                .live_bytes = 1000 * MIB, .percent = 100, .limit_bytes = UINT64_MAX};
        struct pacer pacer = {0};
        struct pacer_plan p;

        /* Marks 1000 MiB in a second, in which 100 MiB are allocated. */
        for (int i = 0; i < 30; i++) {
                pacer_learn(&pacer, &(struct pacer_sample){.live_bytes = 1000 * MIB,
                                                           .total_ns = 1000000000,
                                                           .allocated_bytes = 80 * MIB,
                                                           .marking_ns = 800000000,
                                                           .representative = true});
        }
        pacer_make_plan(&pacer, &in, &p);
        cr_assert_eq(p.goal_bytes, 2000 * MIB);
        cr_assert_eq(p.hard_bytes, 2100 * MIB);
        cr_assert_gt(p.trigger_bytes, 1899 * MIB);
        cr_assert_le(p.trigger_bytes, 1900 * MIB);
        /* Forced cycles in a quiet hour teach nothing. */
        for (int i = 0; i < 30; i++) {
                pacer_learn(&pacer, &(struct pacer_sample){.live_bytes = 1000 * MIB,
                                                           .total_ns = 2000000000,
                                                           .marking_ns = 2000000000});
        }
        pacer_make_plan(&pacer, &in, &p);
        cr_assert_gt(p.trigger_bytes, 1899 * MIB);
        cr_assert_le(p.trigger_bytes, 1900 * MIB);
}

Test(pacer, the_prediction_is_bounded)
{
        const struct pacer_input in = {
                .live_bytes = 100 * MIB, .percent = 100, .limit_bytes = UINT64_MAX};
        struct pacer pacer = {.ratio = 1e6};
        struct pacer_plan p;

        pacer_make_plan(&pacer, &in, &p);
        cr_assert_ge(p.trigger_bytes, 130 * MIB);
        cr_assert_le(p.trigger_bytes, 130 * MIB + 1);
        pacer.ratio = 1e-9;
        pacer_make_plan(&pacer, &in, &p);
        cr_assert_ge(p.trigger_bytes, 195 * MIB);
        cr_assert_le(p.trigger_bytes, 195 * MIB + 1);
}

Test(pacer, the_budget_keeps_the_share)
{
        struct pacer_budget budget = {0};
        const uint64_t second = 1000000000;

        /* Two CPUs: 0.7 s of each second, and twice that in advance. */
        cr_assert_eq(pacer_budget_wait_ns(&budget, 2), 0);
        pacer_budget_spend(&budget, 0, second, 2);
        cr_assert_eq(pacer_budget_wait_ns(&budget, 2), 0);
        pacer_budget_spend(&budget, 0, 750000000, 2);
        cr_assert_gt(pacer_budget_wait_ns(&budget, 2), 499999000);
        cr_assert_lt(pacer_budget_wait_ns(&budget, 2), 500001000);
        pacer_budget_spend(&budget, 500001000, 0, 2);
        cr_assert_eq(pacer_budget_wait_ns(&budget, 2), 0);
        /* Quiet hours are not saved up. */
        pacer_budget_spend(&budget, 3600 * second, 0, 2);
        pacer_budget_spend(&budget, 0, 2 * second, 2);
        cr_assert_gt(pacer_budget_wait_ns(&budget, 2), 0);
}

Test(pacer, bands_follow_the_room_that_is_left)
{
        cr_assert_eq(pacer_band(UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX), PACER_GREEN);
        cr_assert_eq(pacer_amber_bytes(100, UINT64_MAX), UINT64_MAX);
        cr_assert_eq(pacer_band(50, 50, 90), PACER_GREEN);
        cr_assert_eq(pacer_band(50, 80, 90), PACER_GREEN);
        cr_assert_eq(pacer_band(50, 81, 90), PACER_AMBER);
        cr_assert_eq(pacer_band(50, 90, 90), PACER_AMBER);
        cr_assert_eq(pacer_band(90, 90, 99), PACER_GREEN);
        cr_assert_eq(pacer_band(91, 91, 99), PACER_RED);
        cr_assert_eq(pacer_band(200, 10, 99), PACER_RED);
        cr_assert_eq(pacer_amber_bytes(200, 99), 99);
}
