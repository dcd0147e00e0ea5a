/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "client/heapctl/command.h"
#include "client/heapctl/render.h"

/* The commands about the daemon itself: ping, stats, gc. */

static double now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int command_ping(struct invocation *invocation)
{
        uint64_t cycle = 0;
        double start_ms;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        start_ms = now_ms();
        r = heapd_ping(invocation->conn, &cycle);
        if (r != 0) {
                return command_failed(invocation, r, "ping");
        }
        if (invocation->json) {
                printf("{\"ms\":%.3f,\"cycle\":%" PRIu64 "}\n", now_ms() - start_ms, cycle);
        } else {
                printf("heapd answers in %.3f ms; last collection: %" PRIu64 "\n",
                       now_ms() - start_ms, cycle);
        }
        return 0;
}

static void stats_section(const struct heapd_value *section)
{
        struct heapd_items items = heapd_items(section);
        struct heapd_value name, value;
        char text[RENDER_NUMBER_BYTES];
        uint64_t number;

        while (heapd_item(&items, &name) && heapd_item(&items, &value)) {
                printf("  %-24.*s ", (int)name.n, name.str);
                if (heapd_as_uint(&value, &number) == 0) {
                        printf("%16s\n", render_quantity(text, &name, number));
                } else {
                        render_value(&value);
                        putchar('\n');
                }
        }
}

static void stats_table(const struct heapd_value *stats)
{
        struct heapd_items items = heapd_items(stats);
        struct heapd_value name, value;

        if (heapd_item(&items, &name) && heapd_item(&items, &value) && value.type != HEAPD_MAP) {
                stats_section(stats); /* one section only */
                return;
        }
        items = heapd_items(stats);
        while (heapd_item(&items, &name) && heapd_item(&items, &value)) {
                printf("%.*s\n", (int)name.n, name.str);
                stats_section(&value);
        }
}

int command_stats(struct invocation *invocation)
{
        heapd_auto_result struct heapd_result *result = NULL;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        heapd_begin(invocation->conn, "heap.stats");
        if (invocation->n_args > 0) {
                heapd_put_map(invocation->conn, 1);
                heapd_put_text(invocation->conn, "section");
                heapd_put_text(invocation->conn, invocation->args[0]);
        }
        r = heapd_call(invocation->conn, &result);
        if (r != 0) {
                return command_failed(invocation, r, "stats");
        }
        if (invocation->json) {
                render_value_json(heapd_result_value(result));
        } else {
                stats_table(heapd_result_value(result));
        }
        return 0;
}

int command_gc(struct invocation *invocation)
{
        heapd_auto_result struct heapd_result *stats = NULL;
        char objects[RENDER_NUMBER_BYTES], bytes[RENDER_NUMBER_BYTES], left[RENDER_NUMBER_BYTES];
        struct heapd_value unit = heapd_text("bytes");
        uint64_t cycle, n_objects, freed_bytes, n_left;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        r = heapd_gc(invocation->conn, true, &cycle);
        if (r == 0) {
                r = heapd_stats(invocation->conn, &stats);
        }
        if (r != 0) {
                return command_failed(invocation, r, "gc");
        }
        n_objects = command_stat(stats, "gc", "freed_objects");
        freed_bytes = command_stat(stats, "gc", "freed_bytes");
        n_left = command_stat(stats, "gc", "live_objects");
        if (invocation->json) {
                printf("{\"cycle\":%" PRIu64 ",\"freed_objects\":%" PRIu64
                       ",\"freed_bytes\":%" PRIu64 ",\"live_objects\":%" PRIu64 "}\n",
                       cycle, n_objects, freed_bytes, n_left);
        } else {
                printf("cycle %" PRIu64 ": reclaimed %s objects, %s; %s objects are alive\n", cycle,
                       render_count(objects, n_objects), render_quantity(bytes, &unit, freed_bytes),
                       render_count(left, n_left));
        }
        return 0;
}
