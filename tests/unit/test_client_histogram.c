/* SPDX-License-Identifier: MIT */

/* The histogram of latencies: places, shares, and both ends of its range. */

#include "support/unit.h"
#include "client/heapctl/histogram.h"

static struct histogram histogram; /* too large for a stack; each test clears it */

static void clear(void)
{
        histogram = (struct histogram){0};
}

Test(histogram, empty_is_zero)
{
        clear();
        cr_assert_eq(histogram_at(&histogram, 0.5), 0);
        cr_assert_eq(histogram_at(&histogram, 1), 0);
}

Test(histogram, small_times_are_exact)
{
        clear();
        for (uint64_t ns = 1; ns <= 200; ns++) {
                histogram_add(&histogram, ns);
        }
        cr_assert_eq(histogram_at(&histogram, 0), 1);
        cr_assert_eq(histogram_at(&histogram, 0.5), 100);
        cr_assert_eq(histogram_at(&histogram, 0.99), 198);
        cr_assert_eq(histogram_at(&histogram, 1), 200);
        cr_assert_eq(histogram.total_ns, 20100);
}

Test(histogram, every_time_is_found_within_a_128th)
{
        for (unsigned shift = 0; shift < 64; shift++) {
                for (int around = -1; around <= 1; around++) {
                        uint64_t ns = (UINT64_C(1) << shift) + (uint64_t)(int64_t)around;
                        uint64_t at;

                        clear();
                        histogram_add(&histogram, ns);
                        histogram_add(&histogram, UINT64_MAX); /* lets the place's end be seen */
                        at = histogram_at(&histogram, 0.5);
                        cr_assert_ge(at, ns);
                        cr_assert_le(at - ns, ns / HISTOGRAM_STEPS);
                }
        }
}

Test(histogram, last_place_is_inside)
{
        clear();
        histogram_add(&histogram, UINT64_MAX);
        cr_assert_eq(histogram.counts[HISTOGRAM_PLACES - 1], 1);
        cr_assert_eq(histogram_at(&histogram, 1), UINT64_MAX);
}

Test(histogram, no_share_is_above_the_longest)
{
        clear();
        histogram_add(&histogram, 1000000);
        cr_assert_eq(histogram_at(&histogram, 0.5), 1000000);
        cr_assert_eq(histogram_at(&histogram, 0.9999), 1000000);
}
