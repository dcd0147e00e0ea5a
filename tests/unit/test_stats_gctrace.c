/* SPDX-License-Identifier: MIT */
/* The trace line against what Go prints, and against the two public parsers' regular expressions.
 */
#include "stats/gctrace.h"

#include <regex.h>
#include <string.h>

#include "support/unit.h"

static const struct gc_cycle cycle_example = {
        .number = 7,
        .start_ns = 3000000000,
        .total_ns = 14000000,
        .phases =
                {
                        [GC_PHASE_ARM] = {.wall_ns = 14000, .cpu_ns = 1000},
                        [GC_PHASE_BLACKEN] = {.wall_ns = 20000, .cpu_ns = 2000},
                        [GC_PHASE_MARK] = {.wall_ns = 12000000, .cpu_ns = 3000000},
                        [GC_PHASE_PROPOSE] = {.wall_ns = 345678, .cpu_ns = 456789},
                        [GC_PHASE_DISARM] = {.wall_ns = 5000, .cpu_ns = 4000},
                        [GC_PHASE_CLEAR] = {.wall_ns = 200, .cpu_ns = 2000},
                        [GC_PHASE_WHITEN] = {.wall_ns = 400, .cpu_ns = 100},
                        [GC_PHASE_SWEEP] = {.wall_ns = 1600000, .cpu_ns = 1500000},
                },
        .heap_start_bytes = UINT64_C(130) << 20,
        .heap_end_bytes = (UINT64_C(131) << 20) + 5,
        .live_bytes = (UINT64_C(66) << 20) - 1,
        .goal_bytes = UINT64_C(128) << 20,
        .root_bytes = UINT64_C(2) << 20,
        .cpu_fraction = 0.0199,
        .n_workers = 1,
        .n_cpus = 2,
};

static void expect(struct gc_cycle cycle, const char *line)
{
        char text[GCTRACE_BYTES_MAX];
        size_t n = gctrace_format(text, &cycle, 1000000000);

        cr_assert_str_eq(text, line);
        cr_assert_eq(n, strlen(line));
}

Test(stats_gctrace, a_line_reads_as_go_writes_it)
{
        expect(cycle_example,
               "gc 7 @2.000s 1%: 0.034+12+0.005 ms clock, 0.003+0/3.4/0+0.006 ms cpu, "
               "130->131->65 MB, 128 MB goal, 0 MB stacks, 2 MB globals, 2 P");
}

Test(stats_gctrace, only_a_cycle_that_was_asked_for_is_forced)
{
        char text[GCTRACE_BYTES_MAX];

        for (enum gc_reason reason = 0; reason < _GC_REASON_N; reason++) {
                struct gc_cycle cycle = cycle_example;

                cycle.reason = reason;
                gctrace_format(text, &cycle, 0);
                cr_assert_eq(strstr(text, " (forced)") != NULL, reason == GC_REASON_FORCED);
        }
}

Test(stats_gctrace, milliseconds_have_two_digits_that_count)
{
        static const struct {
                uint64_t ns;
                const char *text;
        } cases[] = {
                {0, " 0+"},         {999, " 0+"},         {1000, " 0.001+"},
                {99999, " 0.099+"}, {100000, " 0.10+"},   {999999, " 0.99+"},
                {1000000, " 1.0+"}, {9999999, " 9.9+"},   {10000000, " 10+"},
                {12999999, " 12+"}, {123456789, " 123+"}, {UINT64_C(99999999999), " 99999+"},
        };
        char text[GCTRACE_BYTES_MAX];

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct gc_cycle cycle = cycle_example;

                cycle.phases[GC_PHASE_ARM].wall_ns = cases[i].ns;
                cycle.phases[GC_PHASE_BLACKEN].wall_ns = 0;
                gctrace_format(text, &cycle, 0);
                cr_assert_not_null(strstr(text, cases[i].text), "no '%s' in %s", cases[i].text,
                                   text);
        }
}

Test(stats_gctrace, public_parsers_understand_it)
{
        /* The fields that gcvis reads of a modern line, and tebeka/gctrace's whole expression. */
        static const char *const expressions[] = {
                "^gc ([0-9]+) @([0-9.]+)s ([0-9]+)%: ([0-9.]+)\\+([0-9.]+)\\+([0-9.]+) ms clock, "
                "([0-9.]+)\\+([0-9.]+)/([0-9.]+)/([0-9.]+)\\+([0-9.]+) ms cpu, "
                "([0-9]+)->([0-9]+)->([0-9]+) MB, ([0-9]+) MB goal, .*([0-9]+) P( \\(forced\\))?$",
                "gc [0-9]+ @[0-9.]+s [0-9]+%: .* MB goal,.* [0-9]+ P",
        };
        char text[GCTRACE_BYTES_MAX];

        for (unsigned i = 0; i < 4; i++) {
                struct gc_cycle cycle = cycle_example;
                regex_t regex;

                cycle.reason = i < 2 ? GC_REASON_FORCED : GC_REASON_GOAL;
                gctrace_format(text, &cycle, 0);
                cr_assert_eq(regcomp(&regex, expressions[i % 2], REG_EXTENDED | REG_NOSUB), 0);
                cr_assert_eq(regexec(&regex, text, 0, NULL, 0), 0, "not understood: %s", text);
                regfree(&regex);
        }
}

Test(stats_gctrace, the_largest_numbers_fit)
{
        char text[GCTRACE_BYTES_MAX];
        struct gc_cycle cycle;

        memset(&cycle, 0xff, sizeof(cycle));
        cycle.reason = GC_REASON_FORCED;
        cycle.cpu_fraction = 1;
        cr_assert_lt(gctrace_format(text, &cycle, 0), GCTRACE_BYTES_MAX);
}
