/* SPDX-License-Identifier: MIT */

/* Handle numbers: dense, used again, never handed out twice, and bounded. */

#include "support/unit.h"
#include "support/seed.h"
#include <errno.h>
#include "client/numbers.h"

Test(numbers, start_at_one_and_are_dense)
{
        struct numbers numbers = {0};

        for (uint32_t i = 1; i <= 3000; i++) {
                uint32_t number = 0;

                cr_assert_eq(numbers_take(&numbers, &number), 0);
                cr_assert_eq(number, i);
        }
        numbers_deinit(&numbers);
}

Test(numbers, given_back_are_used_first)
{
        struct numbers numbers = {0};
        uint32_t number;

        for (int i = 0; i < 10; i++) {
                numbers_take(&numbers, &number);
        }
        cr_assert(numbers_give(&numbers, 4));
        cr_assert(numbers_give(&numbers, 7));
        numbers_take(&numbers, &number);
        cr_assert_eq(number, 7);
        numbers_take(&numbers, &number);
        cr_assert_eq(number, 4);
        numbers_take(&numbers, &number);
        cr_assert_eq(number, 11);
        numbers_deinit(&numbers);
}

Test(numbers, that_were_not_taken_are_not_given_back)
{
        struct numbers numbers = {0};
        uint32_t number;

        cr_assert_not(numbers_give(&numbers, 1), "nothing is taken yet");
        numbers_take(&numbers, &number);
        cr_assert_not(numbers_give(&numbers, 0));
        cr_assert_not(numbers_give(&numbers, 2));
        cr_assert_not(numbers_give(&numbers, 0x80000001u), "the daemon's choice");
        cr_assert(numbers_give(&numbers, 1));
        cr_assert_not(numbers_give(&numbers, 1), "twice");
        numbers_take(&numbers, &number);
        cr_assert_eq(number, 1);
        numbers_take(&numbers, &number);
        cr_assert_eq(number, 2, "number 1 must not be handed out twice");
        numbers_deinit(&numbers);
}

Test(numbers, are_never_in_use_twice_whatever_the_order)
{
        enum { N = 500 };
        static bool taken[N + 1];
        struct numbers numbers = {0};
        struct seed seed;
        int n_taken = 0;

        seed_init(&seed);
        for (int i = 0; i < 100000; i++) {
                uint32_t number = (uint32_t)seed_between(&seed, 1, N);

                if (taken[number]) {
                        cr_assert(numbers_give(&numbers, number));
                        taken[number] = false;
                        n_taken--;
                } else if (n_taken < N) {
                        cr_assert_eq(numbers_take(&numbers, &number), 0);
                        cr_assert_le(number, N, "dense while fewer are taken");
                        cr_assert_not(taken[number]);
                        taken[number] = true;
                        n_taken++;
                }
        }
        numbers_deinit(&numbers);
}

Test(numbers, run_out_at_the_limit_and_recover)
{
        struct numbers numbers = {0};
        uint32_t number = 0;

        for (uint32_t i = 0; i < NUMBERS_MAX; i++) {
                cr_assert_eq(numbers_take(&numbers, &number), 0);
        }
        cr_assert_eq(number, NUMBERS_MAX);
        cr_assert_eq(numbers_take(&numbers, &number), -ENOSPC);
        cr_assert(numbers_give(&numbers, 5));
        cr_assert_eq(numbers_take(&numbers, &number), 0);
        cr_assert_eq(number, 5);
        numbers_deinit(&numbers);
}
