/* SPDX-License-Identifier: MIT */

/* Histograms against a sorted list of the same numbers. */

#include <stdlib.h>

#include "base/histogram.h"
#include "support/seed.h"
#include "support/unit.h"

Test(histogram, buckets_cover_all_durations_without_gap_or_overlap)
{
        uint64_t from = 0;

        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
                uint64_t end = histogram_bucket_end_ns(i);

                cr_assert_eq(histogram_bucket(from), i);
                cr_assert_eq(histogram_bucket(end), i);
                cr_assert_le((end - from) * 8, from + 8);
                from = end + 1;
        }
        cr_assert_gt(from, UINT64_C(60000000000));
        cr_assert_eq(histogram_bucket(UINT64_MAX), (unsigned)HISTOGRAM_BUCKETS - 1);
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

Test(histogram, quantiles_are_right_to_an_eighth)
{
        enum { N = 10000 };
        static const uint32_t quantiles[] = {1, 500000, 900000, 990000, 999000, 1000000};
        static uint64_t numbers[N];
        static struct histogram histogram, halves[2];
        struct seed seed;

        seed_init(&seed);
        for (int i = 0; i < N; i++) {
                numbers[i] = seed_next(&seed) >> (29 + seed_below(&seed, 30));
                histogram_add(&halves[i % 2], numbers[i]);
        }
        histogram_merge(&histogram, &halves[0]);
        histogram_merge(&histogram, &halves[1]);
        qsort(numbers, N, sizeof(*numbers), compare);
        cr_assert_eq(histogram_count(&histogram), (uint64_t)N);
        cr_assert_eq(histogram.max_ns, numbers[N - 1]);
        for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
                uint64_t exact = numbers[((uint64_t)N * quantiles[i] + 999999) / 1000000 - 1];
                uint64_t got = histogram_quantile_ns(&histogram, quantiles[i]);

                cr_assert(got >= exact && got - exact <= exact / 8 + 1, "%u: %llu, not %llu",
                          quantiles[i], (unsigned long long)got, (unsigned long long)exact);
        }
}

Test(histogram, an_empty_one_has_no_quantiles)
{
        static struct histogram histogram;

        cr_assert_eq(histogram_count(&histogram), 0u);
        cr_assert_eq(histogram_quantile_ns(&histogram, 500000), 0u);
}

Test(histogram, a_sample_stands_for_others)
{
        static struct histogram sampled, all;

        histogram_add_n(&sampled, 100, 64);
        histogram_add(&sampled, 3);
        for (int i = 0; i < 64; i++) {
                histogram_add(&all, 100);
        }
        histogram_add(&all, 3);
        cr_assert_arr_eq(&sampled, &all, sizeof(all));
}
