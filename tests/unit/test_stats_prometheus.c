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
        struct snapshot snapshot = {0};
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

Test(stats_prometheus, the_largest_numbers_fit)
{
        struct snapshot snapshot;

        memset(&snapshot, 0xff, sizeof(snapshot));
        snapshot.gc.cpu_fraction = 1;
        cr_assert_lt(prometheus_format(text, &snapshot), PROMETHEUS_BYTES_MAX / 2);
        expect_line("18446744073709551615\n");
}

Test(stats_prometheus, promtool_has_nothing_to_say)
{
        struct snapshot snapshot = {0};
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
