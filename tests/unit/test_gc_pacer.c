/* SPDX-License-Identifier: MIT */

/* The pacer's arithmetic, by hand-worked cases and at the ends of its range. */

#include "gc/pacer.h"
#include "support/unit.h"

#define MIB (UINT64_C(1) << 20)

Test(pacer, the_goal_grows_with_what_is_live)
{
        struct pacer_input in = {.live_bytes = 100 * MIB, .minimum_bytes = 4 * MIB, .percent = 100};

        cr_assert_eq(pacer_goal(&in), 200 * MIB);
        in.percent = 50;
        cr_assert_eq(pacer_goal(&in), 150 * MIB);
        in.root_bytes = 20 * MIB;
        cr_assert_eq(pacer_goal(&in), 160 * MIB);
        in.percent = 0;
        cr_assert_eq(pacer_goal(&in), 100 * MIB);
}

Test(pacer, a_small_heap_waits_for_the_minimum)
{
        struct pacer_input in = {.live_bytes = 1000, .minimum_bytes = 4 * MIB, .percent = 100};

        cr_assert_eq(pacer_goal(&in), 4 * MIB);
        in.percent = 200;
        cr_assert_eq(pacer_goal(&in), 8 * MIB);
        in.percent = 25;
        cr_assert_eq(pacer_goal(&in), 1 * MIB);
}

Test(pacer, a_negative_percentage_never_starts_a_cycle_but_a_limit_does)
{
        struct pacer_input in = {.live_bytes = 100 * MIB, .minimum_bytes = 4 * MIB, .percent = -1};

        cr_assert_eq(pacer_goal(&in), UINT64_MAX);
        in.limit_bytes = 1000 * MIB;
        cr_assert_eq(pacer_goal(&in), 900 * MIB);
}

Test(pacer, the_limit_lowers_the_goal_but_leaves_a_runway)
{
        struct pacer_input in = {.live_bytes = 100 * MIB,
                                 .minimum_bytes = 4 * MIB,
                                 .percent = 100,
                                 .limit_bytes = 150 * MIB};

        cr_assert_eq(pacer_goal(&in), 135 * MIB);
        in.live_bytes = 140 * MIB;
        cr_assert_eq(pacer_goal(&in), 154 * MIB);
}

Test(pacer, huge_numbers_do_not_wrap)
{
        struct pacer_input in = {.live_bytes = UINT64_C(1) << 47, .percent = INT32_MAX};

        cr_assert_gt(pacer_goal(&in), in.live_bytes);
        in.live_bytes = UINT64_C(1) << 62;
        cr_assert_gt(pacer_goal(&in), in.live_bytes);
}

Test(pacer, garbage_counts_from_a_mebibyte_and_an_eighth_of_the_heap)
{
        cr_assert(!pacer_garbage_is_much(MIB - 1, 0));
        cr_assert(pacer_garbage_is_much(MIB, 8 * MIB));
        cr_assert(!pacer_garbage_is_much(MIB, 8 * MIB + 8));
}

Test(pacer, cycles_for_a_full_heap_leave_nine_tenths_of_the_time)
{
        cr_assert(!pacer_limit_cycle_allowed(89, 10));
        cr_assert(pacer_limit_cycle_allowed(90, 10));
        cr_assert(pacer_limit_cycle_allowed(0, 0));
}
