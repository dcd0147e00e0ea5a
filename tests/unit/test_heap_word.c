/* SPDX-License-Identifier: MIT */

/* The encoding of words: every value that fits comes back bit by bit, and no two kinds meet. */

#include <float.h>
#include <math.h>

#include "heap/word.h"
#include "support/seed.h"
#include "support/unit.h"

static unsigned word_kinds(struct word w)
{
        return word_is_ref(w) + word_is_int(w) + word_is_rotated_float(w) + word_is_special(w);
}

static bool float_survives(double d, bool *ret_fits)
{
        struct word w;
        double back;

        *ret_fits = word_try_float(d, &w);
        if (!*ret_fits) {
                return true;
        }
        back = word_get_float(w);
        return word_is_float(w) && word_kinds(w) == 1 && !word_is_nil(w) &&
               memcmp(&d, &back, sizeof(d)) == 0;
}

Test(word, zeroed_memory_is_nil)
{
        cr_assert(word_is_nil(word_raw(0)));
        cr_assert(word_same(word_nil(), word_raw(0)));
        cr_assert_eq(word_special_kind(word_nil()), WORD_SPECIAL_NIL);
        cr_assert(!word_is_nil(word_hole()) && !word_is_nil(word_bool(false)));
}

Test(word, integers_of_61_bits_survive_and_no_more_fit)
{
        int64_t cases[] = {0, 1, -1, 1000, WORD_INT_MIN, WORD_INT_MAX, WORD_INT_MIN + 1};

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct word w = word_int(cases[i]);

                cr_assert_eq(word_get_int(w), cases[i]);
                cr_assert_eq(word_kinds(w), 1u);
        }
        cr_assert(!word_int_fits(WORD_INT_MAX + 1) && !word_int_fits(WORD_INT_MIN - 1));
        cr_assert(!word_int_fits(INT64_MAX) && !word_int_fits(INT64_MIN));
}

Test(word, common_doubles_fit)
{
        double cases[] = {0.0,  -0.0, 1.0,      -1.0,      0.1,         3.14159265358979,
                          1e77, 1e70, INFINITY, -INFINITY, (double)NAN, 0.5};
        bool fits;

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                cr_assert(float_survives(cases[i], &fits));
                cr_assert(fits, "%g", cases[i]);
        }
        cr_assert(float_survives(1e-300, &fits) && !fits);
        cr_assert(float_survives(DBL_MAX, &fits) && !fits);
        cr_assert(float_survives(DBL_TRUE_MIN, &fits) && !fits);
}

Test(word, any_double_survives_or_says_that_it_does_not_fit)
{
        struct seed seed;
        unsigned n_fit = 0;
        bool fits;

        seed_init(&seed);
        for (int i = 0; i < 1000000; i++) {
                uint64_t bits = seed_next(&seed);
                double d;

                memcpy(&d, &bits, sizeof(d));
                cr_assert(float_survives(d, &fits), "%016llx", (unsigned long long)bits);
                n_fit += fits;
        }
        cr_assert_gt(n_fit, 200000u, "a quarter of all bit patterns has an exponent near 1");
}

Test(word, six_bytes_of_text_fit_and_seven_do_not)
{
        const char *text = "abcdefg";
        char out[WORD_TEXT_BYTES_MAX];
        struct word w, other;

        for (size_t n = 0; n <= WORD_TEXT_BYTES_MAX; n++) {
                cr_assert(word_try_text(text, n, WORD_SPECIAL_TEXT, &w));
                cr_assert_eq(word_get_text(w, out), n);
                cr_assert_arr_eq(out, text, n);
                cr_assert_eq(word_kinds(w), 1u);
                cr_assert(word_try_text(text, n, WORD_SPECIAL_BYTES, &other));
                cr_assert(!word_same(w, other), "text and bytes differ");
        }
        cr_assert(!word_try_text(text, 7, WORD_SPECIAL_TEXT, &w));
        cr_assert(word_try_text("a\0b", 3, WORD_SPECIAL_TEXT, &w));
        cr_assert(word_try_text("a\0", 2, WORD_SPECIAL_TEXT, &other));
        cr_assert(!word_same(w, other), "trailing zero bytes count");
}
