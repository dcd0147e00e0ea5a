/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include "client/heapctl/bench.h"
#include "client/heapctl/command.h"
#include "client/heapctl/render.h"

/* bench: makes the records, loads the daemon, says what it saw, and takes the records' names away.
 */

static volatile sig_atomic_t bench_stop;

static void bench_on_signal(int number)
{
        bench_stop = 1;
}

static int bench_make_records(struct invocation *invocation)
{
        const struct bench_options *options = &invocation->bench;
        char *value = malloc(options->bytes + 1u), key[BENCH_KEY_BYTES];
        int r = value ? 0 : -ENOMEM;

        if (value) {
                memset(value, 'v', options->bytes);
        }
        for (uint32_t i = 0; i < options->keys && r == 0; i++) {
                bench_key(key, i);
                heapd_begin(invocation->conn, "obj.new");
                heapd_put_text(invocation->conn, "record");
                heapd_put_array(invocation->conn, 1);
                heapd_put_str(invocation->conn, value, options->bytes);
                heapd_put_map(invocation->conn, 1);
                heapd_put_text(invocation->conn, "name");
                heapd_put_text(invocation->conn, key);
                r = heapd_send(invocation->conn, NULL);
        }
        free(value);
        return r == 0 ? heapd_finish(invocation->conn) : r;
}

static int bench_drop_records(struct invocation *invocation)
{
        char key[BENCH_KEY_BYTES];
        int r = 0;

        for (uint32_t i = 0; i < invocation->bench.keys && r == 0; i++) {
                bench_key(key, i);
                heapd_begin(invocation->conn, "name.del");
                heapd_put_text(invocation->conn, key);
                r = heapd_send(invocation->conn, NULL);
        }
        return r == 0 ? heapd_finish(invocation->conn) : r;
}

static void bench_print_row(const char *name, const struct histogram *histogram)
{
        printf("%-20s", name);
        for (size_t i = 0; i < N_BENCH_QUANTILES; i++) {
                printf("%11.1f", (double)histogram_at(histogram, bench_quantiles[i].share) / 1e3);
        }
        putchar('\n');
}

static void bench_print(const struct bench_options *options, const struct bench_result *result)
{
        double seconds = (double)result->elapsed_ns / 1e9;
        char answered[RENDER_NUMBER_BYTES], rate[RENDER_NUMBER_BYTES];

        printf("%s requests answered in %.2f s: %s a second",
               render_count(answered, result->n_answered), seconds,
               render_count(rate, (uint64_t)((double)result->n_answered / seconds)));
        printf("; %" PRIu64 " refused%s%s, %" PRIu64 " unanswered\n", result->n_refused,
               result->n_refused > 0 ? " with " : "", result->refusal, result->n_unanswered);
        printf("%-20s", "microseconds");
        for (size_t i = 0; i < N_BENCH_QUANTILES; i++) {
                printf("%11s", bench_quantiles[i].name);
        }
        putchar('\n');
        bench_print_row("answered after", &result->latency);
        if (options->rate > 0) {
                bench_print_row("of that, sent late", &result->late);
        }
}

static int bench_load(struct invocation *invocation, struct bench_result *result)
{
        struct sigaction action = {.sa_handler = bench_on_signal};
        struct sockaddr_un address;
        socklen_t n_address = sizeof(address);
        int r;

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        if (getpeername(heapd_fd(invocation->conn), (struct sockaddr *)&address, &n_address) < 0) {
                r = -errno;
        } else {
                r = bench_run(&invocation->bench, &bench_rpc, (struct sockaddr *)&address,
                              n_address, &bench_stop, result);
        }
        if (r < 0) {
                fprintf(stderr, "heapctl: bench: %s\n", heapd_error_name(r));
                return r == -ECONNRESET || r == -EPIPE ? EX_UNAVAILABLE : EXIT_FAILURE;
        }
        return result->n_refused == 0 && result->n_unanswered == 0 ? 0 : EXIT_FAILURE;
}

int command_bench(struct invocation *invocation)
{
        struct bench_result *result;
        int r = command_connect(invocation), r_drop, status;

        if (r != 0) {
                return r;
        }
        result = calloc(1, sizeof(*result)); /* rather large for a stack */
        if (!result) {
                return EX_OSERR;
        }
        r = bench_make_records(invocation);
        if (r != 0) {
                status = command_failed(invocation, r, "bench: making records");
        } else {
                status = bench_load(invocation, result);
                if (result->elapsed_ns > 0 && invocation->json) {
                        bench_print_json(&invocation->bench, result);
                } else if (result->elapsed_ns > 0) {
                        bench_print(&invocation->bench, result);
                }
        }
        r_drop = bench_drop_records(invocation);
        if (r == 0 && r_drop != 0 && status == 0) {
                status = command_failed(invocation, r_drop, "bench: dropping records");
        }
        free(result);
        return status;
}
