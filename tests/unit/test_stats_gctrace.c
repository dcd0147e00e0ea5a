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
        .reason = GC_REASON_GOAL,
        .handshakes = {.n = 15, .n_proxied = 12, .longest_ns = 1500, .ack_longest_ns = 400000},
        .times_ns = {[GC_TIME_ANSWER] = 3000,
                     [GC_TIME_PROXIED] = 9000,
                     [GC_TIME_SHADE] = 300000,
                     [GC_TIME_LOG] = 12000},
        .n_proposals = 2,
        .n_vetoes = 1,
        .n_weak_cleared = 5,
        .freed_objects = 1234,
        .freed_bytes = 56789,
        .live_objects = 4321,
        .overflows = 3,
};

static void expect(struct gc_cycle cycle, enum gctrace_style style, const char *line)
{
        char text[GCTRACE_BYTES_MAX];
        size_t n = gctrace_format(text, &cycle, 1000000000, style);

        cr_assert_str_eq(text, line);
        cr_assert_eq(n, strlen(line));
}

Test(stats_gctrace, a_line_reads_as_go_writes_it)
{
        expect(cycle_example, GCTRACE_GO,
               "gc 7 @2.000s 1%: 0.034+12+0.005 ms clock, 0.003+0.31/3.4/0+0.006 ms cpu, "
               "130->131->65 MB, 128 MB goal, 0 MB stacks, 2 MB globals, 2 P");
}

Test(stats_gctrace, only_a_cycle_that_was_asked_for_is_forced)
{
        char text[GCTRACE_BYTES_MAX];

        for (enum gc_reason reason = 0; reason < _GC_REASON_N; reason++) {
                struct gc_cycle cycle = cycle_example;

                cycle.reason = reason;
                gctrace_format(text, &cycle, 0, GCTRACE_GO);
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
                gctrace_format(text, &cycle, 0, GCTRACE_GO);
                cr_assert_not_null(strstr(text, cases[i].text), "no '%s' in %s", cases[i].text,
                                   text);
        }
}

Test(stats_gctrace, the_legacy_style_ends_as_go_ended_it_before)
{
        expect(cycle_example, GCTRACE_LEGACY,
               "gc 7 @2.000s 1%: 0.034+12+0.005 ms clock, 0.003+0.31/3.4/0+0.006 ms cpu, "
               "130->131->65 MB, 128 MB goal, 2 P");
}

Test(stats_gctrace, the_full_style_adds_a_comment)
{
        expect(cycle_example, GCTRACE_FULL,
               "gc 7 @2.000s 1%: 0.034+12+0.005 ms clock, 0.003+0.31/3.4/0+0.006 ms cpu, "
               "130->131->65 MB, 128 MB goal, 0 MB stacks, 2 MB globals, 2 P\n"
               "# gc 7 goal: arm 0.014/0.001 blacken 0.020/0.002 mark 12/3.0 propose 0.34/0.45 "
               "disarm 0.005/0.004 clear 0/0.002 whiten 0/0 sweep 1.6/1.5 ms clock/cpu, "
               "2 proposals, 1 vetoes, 15 handshakes, 12 proxied, 0.003+0.009 ms cpu, "
               "longest 0.001 ms, within 0.40 ms, "
               "stolen shade 0.30 log 0.012 veto 0 refill 0 proxy 0 ms, "
               "5 weak cleared, 1234 objects 56789 bytes freed, 4321 objects 69206015 bytes live, "
               "3 overflows, 1 workers, green");
}

Test(stats_gctrace, styles_have_names)
{
        enum gctrace_style style = GCTRACE_OFF;

        cr_assert(gctrace_find_style("legacy", &style));
        cr_assert_eq(style, GCTRACE_LEGACY);
        cr_assert(gctrace_find_style("go", &style));
        cr_assert_eq(style, GCTRACE_GO);
        cr_assert(!gctrace_find_style("goo", &style));
        cr_assert(!gctrace_find_style("", &style));
        cr_assert_eq(style, GCTRACE_GO);
}

/*
 * The expressions that two published programs read lines with, in POSIX' notation: gcvis
 * (davecheney/gcvis, parser.go, for Go 1.5 to 1.17) and gctrace (tebeka/gctrace, gctrace.go). The
 * latter passes over lines that begin with #.
 */
static const char gcvis[] = "gc #?[0-9]+ @[0-9.]+s [0-9]+%: [0-9.+/]+ ms clock, [0-9.+/]+ ms cpu, "
                            "[0-9]+->[0-9]+->[0-9]+ MB, ([0-9]+) MB goal, [0-9]+ P";
static const char gctrace[] = "gc ([0-9]+) @([0-9]+\\.([0-9]+)?s) ([^%]+)%: ([^ ]+) ms clock, "
                              "([^ ]+) ms cpu, ([0-9]+)->([0-9]+)->([0-9]+) MB, ([0-9]+) MB goal,"
                              ".* ([0-9]+) P";

static bool understands(const char *expression, enum gctrace_style style, enum gc_reason reason,
                        char text[static GCTRACE_BYTES_MAX], regmatch_t *matches)
{
        struct gc_cycle cycle = cycle_example;
        bool matched;
        regex_t regex;

        cycle.reason = reason;
        gctrace_format(text, &cycle, 0, style);
        cr_assert_eq(regcomp(&regex, expression, REG_EXTENDED), 0);
        matched = regexec(&regex, text, 11, matches, 0) == 0;
        regfree(&regex);
        return matched;
}

Test(stats_gctrace, public_parsers_understand_it)
{
        char text[GCTRACE_BYTES_MAX];
        regmatch_t m[12];

        for (enum gc_reason reason = 0; reason < _GC_REASON_N; reason++) {
                cr_assert(understands(gcvis, GCTRACE_LEGACY, reason, text, m), "%s", text);
                cr_assert_eq(strncmp(text + m[1].rm_so, "128 ", 4), 0);
                cr_assert(!understands(gcvis, GCTRACE_GO, reason, text, m), "legacy has no use");
                for (enum gctrace_style style = GCTRACE_GO; style <= GCTRACE_FULL; style++) {
                        cr_assert(understands(gctrace, style, reason, text, m), "%s", text);
                        cr_assert_eq(strncmp(text + m[5].rm_so, "0.034+12+0.005 ", 15), 0);
                        cr_assert_eq(strncmp(text + m[6].rm_so, "0.003+0.31/3.4/0+0.006 ", 23), 0);
                        cr_assert_eq(strncmp(text + m[10].rm_so, "128 ", 4), 0);
                }
        }
}

Test(stats_gctrace, the_largest_numbers_fit)
{
        char text[GCTRACE_BYTES_MAX];
        struct gc_cycle cycle;

        memset(&cycle, 0xff, sizeof(cycle));
        cycle.reason = GC_REASON_FORCED;
        cycle.band = PACER_GREEN;
        cycle.cpu_fraction = 1;
        cr_assert_lt(gctrace_format(text, &cycle, 0, GCTRACE_FULL), GCTRACE_BYTES_MAX);
}
