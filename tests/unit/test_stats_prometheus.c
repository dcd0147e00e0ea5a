/* SPDX-License-Identifier: MIT */
/* Exposition text: every metric is there, in its form, with the largest numbers; promtool agrees.
 */
#include "stats/prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

static char text[PROMETHEUS_BYTES_MAX];

static void expect_line(const char *line)
{
        cr_assert_not_null(strstr(text, line), "no line '%s'", line);
}

Test(stats_prometheus, numbers_seconds_and_ratios_are_written_in_their_units)
{
        static struct snapshot snapshot;
        size_t n;

        snapshot.heap.alloc = 123456789;
        snapshot.gc.handshake_total_ns = 1000000001;
        snapshot.gc.cpu_fraction = 0.125;
        snapshot.net.n_connections = 3;
        n = prometheus_format(text, &snapshot);
        cr_assert_eq(n, strlen(text));
        cr_assert_eq(text[n - 1], '\n');
        expect_line("\nheapd_memstats_alloc_bytes 123456789\n");
        expect_line("\nheapd_gc_handshake_seconds_total 1.000000001\n");
        expect_line("\nheapd_gc_cpu_ratio 0.125\n");
        expect_line("\n# TYPE heapd_connections gauge\nheapd_connections 3\n");
        expect_line("\nheapd_build_info{version=\"" HEAPD_VERSION "\"} 1\n");
}

Test(stats_prometheus, histograms_are_exact_at_the_ends_of_their_buckets)
{
        static struct snapshot snapshot;

        histogram_add(&snapshot.gc_times[GC_TIME_ANSWER], 255);
        histogram_add(&snapshot.gc_times[GC_TIME_ANSWER], 256);
        histogram_add(&snapshot.gc_times[GC_TIME_ANSWER], 67108863);
        histogram_add(&snapshot.gc_times[GC_TIME_ANSWER], 67108864);
        histogram_add(&snapshot.gc_times[GC_TIME_ANSWER], UINT64_C(3000000000));
        histogram_add_n(&snapshot.gc_times[GC_TIME_SHADE], 40, 64);
        prometheus_format(text, &snapshot);
        expect_line("# TYPE heapd_gc_handshake_work_seconds histogram\n"
                    "heapd_gc_handshake_work_seconds_bucket{by=\"answer\",le=\"2.55e-07\"} 1\n"
                    "heapd_gc_handshake_work_seconds_bucket{by=\"answer\",le=\"1.023e-06\"} 2\n");
        expect_line("{by=\"answer\",le=\"0.067108863\"} 3\n"
                    "heapd_gc_handshake_work_seconds_bucket{by=\"answer\",le=\"+Inf\"} 5\n"
                    "heapd_gc_handshake_work_seconds_sum{by=\"answer\"} 3.134218238\n"
                    "heapd_gc_handshake_work_seconds_count{by=\"answer\"} 5\n"
                    "heapd_gc_handshake_work_seconds_bucket{by=\"proxied\",le=\"2.55e-07\"} 0\n");
        expect_line("\nheapd_gc_stolen_seconds_sum{cause=\"shade\"} 0.000002560\n"
                    "heapd_gc_stolen_seconds_count{cause=\"shade\"} 64\n");
}

Test(stats_prometheus, the_largest_numbers_fit)
{
        static struct snapshot snapshot;

        memset(&snapshot, 0xff, sizeof(snapshot));
        snapshot.gc.cpu_fraction = 1;
        cr_assert_lt(prometheus_format(text, &snapshot), PROMETHEUS_BYTES_MAX / 2);
        expect_line("18446744073709551615\n");
}

Test(stats_prometheus, promtool_has_nothing_to_say)
{
        static struct snapshot snapshot;
        FILE *promtool;

        if (system("command -v promtool >/dev/null 2>&1") != 0) {
                fprintf(stderr, "skipped: promtool is not installed\n");
                return;
        }
        prometheus_format(text, &snapshot);
        promtool = popen("promtool check metrics 1>&2", "w");
        cr_assert_not_null(promtool);
        fputs(text, promtool);
        cr_assert_eq(pclose(promtool), 0);
}
