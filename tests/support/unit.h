/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Unit: what every unit and model test includes, from exactly one file of its program.
 *
 * It is Criterion (a process per test) in ordinary builds. With -Dplain_tests=true it is the small
 * runner below, which runs the tests one after another in one process, because Criterion cannot
 * start under ThreadSanitizer. So tests keep to the subset that both understand:
 *
 *     Test(suite, name_as_a_sentence, .init = f, .fini = f)
 *     cr_assert(cond, ...)             cr_assert_not(cond, ...)         cr_fail(...)
 *     cr_assert_{eq,neq,lt,le,gt,ge}(a, b, ...)
 *     cr_assert_{null,not_null}(p, ...)
 *     cr_assert_{str_eq,str_neq}(a, b, ...)   cr_assert_arr_eq(a, b, n_bytes, ...)
 *
 * where ... is an optional printf format and its arguments. Assert on the test's own thread only.
 */

#ifndef HEAPD_PLAIN_TESTS

#include <criterion/criterion.h>

#define cr_assert_le cr_assert_leq
#define cr_assert_ge cr_assert_geq

#else

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit_test {
        const char *suite;
        const char *name;
        int line;
        void (*run)(void);
        void (*init)(void);
        void (*fini)(void);
        double timeout; /* Criterion's; meson bounds the program here */
        struct unit_test *next;
};

static struct unit_test *unit_tests;
static struct unit_test *unit_now;
static int unit_n_done;

/* By line, so that the order is the file's whatever order the constructors ran in. */
static void unit_register(struct unit_test *test)
{
        struct unit_test **at = &unit_tests;

        while (*at && (*at)->line < test->line) {
                at = &(*at)->next;
        }
        test->next = *at;
        *at = test;
}

/* A failed test ends the run: the ones after it would share a process that is no longer sane. */
static __attribute__((noreturn, format(printf, 3, 4))) void unit_fail(const char *what, int line,
                                                                      const char *format, ...)
{
        va_list args;

        printf("not ok %d - %s::%s\n# line %d: %s:", unit_n_done + 1, unit_now->suite,
               unit_now->name, line, what);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\nBail out! stopped at the first failure\n");
        fflush(stdout);
        _Exit(1);
}

int main(void)
{
        int n_tests = 0;

        for (struct unit_test *test = unit_tests; test; test = test->next) {
                n_tests++;
        }
        printf("1..%d\n", n_tests);
        for (unit_now = unit_tests; unit_now; unit_now = unit_now->next) {
                if (unit_now->init) {
                        unit_now->init();
                }
                unit_now->run();
                if (unit_now->fini) {
                        unit_now->fini();
                }
                printf("ok %d - %s::%s\n", ++unit_n_done, unit_now->suite, unit_now->name);
                fflush(stdout);
        }
        return n_tests == 0;
}

#define Test(suite_, name_, ...)                                                    \
        static void unit_run_##suite_##_##name_(void);                              \
        static __attribute__((constructor)) void unit_add_##suite_##_##name_(void)  \
        {                                                                           \
                static struct unit_test test = {.suite = #suite_,                   \
                                                .name = #name_,                     \
                                                .line = __LINE__,                   \
                                                .run = unit_run_##suite_##_##name_, \
                                                __VA_ARGS__};                       \
                unit_register(&test);                                               \
        }                                                                           \
        static void unit_run_##suite_##_##name_(void)

#define unit_check(ok, what, ...)                                   \
        do {                                                        \
                if (!(ok)) {                                        \
                        unit_fail(what, __LINE__, " " __VA_ARGS__); \
                }                                                   \
        } while (0)

#define cr_fail(...)                 unit_check(0, "failed", __VA_ARGS__)
#define cr_assert(cond, ...)         unit_check((cond), #cond, __VA_ARGS__)
#define cr_assert_not(cond, ...)     unit_check(!(cond), "not " #cond, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)      unit_check((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)     unit_check((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)      unit_check((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_le(a, b, ...)      unit_check((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)      unit_check((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_ge(a, b, ...)      unit_check((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...)       unit_check((p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_assert_not_null(p, ...)   unit_check((p) != NULL, #p " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)  unit_check(strcmp(a, b) == 0, #a " equals " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) unit_check(strcmp(a, b) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) \
        unit_check(memcmp(a, b, n) == 0, #a " equals " #b, __VA_ARGS__)

#endif
