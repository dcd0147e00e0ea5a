/* SPDX-License-Identifier: MIT */

/*
 * Which priority a collecting thread should have that shares its core with the executor. A worker
 * that computes without end and a thread that serves requests are bound to one core; a generator
 * on another core asks 20,000 times a second, each request is 15 us of work, and the time from when
 * it was due to when it begins is measured (`light`). Then the server is never out of work, and
 * what is measured is how long it is kept from the next piece (`full`). `worker` is the worker's
 * share of the core.
 *
 *   bench_core_sharing [ROUNDS = 5] [MILLISECONDS = 1000]
 *
 * A worker's turns: it computes for so long, then yields or sleeps. `slice` is what the scheduler
 * is asked for (Linux 6.12; ignored before), `server` the slice that the server asks for.
 */

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/histogram.h"

enum { PERIOD_NS = 50000, REQUEST_NS = 15000, ROUNDS_MAX = 100 };

static const struct variant {
        const char *name;
        uint32_t policy;
        int nice;
        unsigned slice_us, turn_us, sleep_us, server_slice_us;
        bool none, yields;
} variants[] = {
        {.name = "no worker", .none = true},
        {.name = "normal"},
        {.name = "nice 5", .nice = 5},
        {.name = "nice 19", .nice = 19},
        {.name = "batch, nice 19", .policy = SCHED_BATCH, .nice = 19},
        {.name = "idle", .policy = SCHED_IDLE},
        {.name = "normal, yields", .turn_us = 100, .yields = true},
        {.name = "nice 19, yields", .nice = 19, .turn_us = 100, .yields = true},
        {.name = "idle, yields", .policy = SCHED_IDLE, .turn_us = 100, .yields = true},
        {.name = "normal, server 100", .server_slice_us = 100},
        {.name = "nice 5, server 100", .nice = 5, .server_slice_us = 100},
        {.name = "nice 19, server 100", .nice = 19, .server_slice_us = 100},
        {.name = "nice 5, slice 100, yields",
         .nice = 5,
         .slice_us = 100,
         .turn_us = 100,
         .yields = true},
        {.name = "nice 5, slice 100, yields, server 100",
         .nice = 5,
         .slice_us = 100,
         .turn_us = 100,
         .yields = true,
         .server_slice_us = 100},
        {.name = "normal, 200 of 800", .turn_us = 200, .sleep_us = 600},
        {.name = "normal, slice 100, 100 of 400", .slice_us = 100, .turn_us = 100, .sleep_us = 300},
        {.name = "normal, slice 100, 200 of 800", .slice_us = 100, .turn_us = 200, .sleep_us = 600},
};

enum { N_VARIANTS = sizeof(variants) / sizeof(variants[0]), N_FIGURES = 4 };

/* The kernel's struct sched_attr, first version: its header and the C library's exclude each other.
 */
struct attributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
};

struct run {
        const struct variant *variant;
        bool full;
        uint64_t start_ns, end_ns;
        int requests;
        _Atomic bool done;
        struct histogram delays;
        double worker_share;
};

struct outcome {
        double figures[N_FIGURES][ROUNDS_MAX]; /* p99, p99.9, max in us; the worker's share */
};

static void bind_to(unsigned cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void schedule(uint32_t policy, int nice, unsigned slice_us)
{
        struct attributes attributes = {
                .size = sizeof(attributes),
                .policy = policy,
                .nice = nice,
                .runtime_ns = slice_us * UINT64_C(1000),
        };

        hd_assert(syscall(SYS_sched_setattr, 0, &attributes, 0) == 0);
}

static void compute_until(uint64_t until_ns)
{
        while (clock_now_ns() < until_ns) {
        }
}

static void *worker_main(void *user)
{
        struct run *run = user;
        const struct variant *variant = run->variant;
        struct timespec pause = {.tv_nsec = variant->sleep_us * 1000L};
        uint64_t turn_ns = variant->turn_us ? variant->turn_us * UINT64_C(1000) : 1000000;

        bind_to(0);
        schedule(variant->policy, variant->nice, variant->slice_us);
        while (!run->done) {
                compute_until(clock_now_ns() + turn_ns);
                if (variant->yields) {
                        sched_yield();
                }
                if (variant->sleep_us) {
                        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
                }
        }
        run->worker_share = (double)clock_thread_cpu_ns() /
                            (double)(clock_now_ns() - run->start_ns);
        return NULL;
}

static void serve_light(struct run *run)
{
        uint64_t n_served = 0, n;

        while (read(run->requests, &n, sizeof(n)) == sizeof(n)) {
                for (; n > 0; n--) {
                        uint64_t due_ns = run->start_ns + n_served++ * PERIOD_NS, now_ns;

                        if (due_ns >= run->end_ns) {
                                return;
                        }
                        now_ns = clock_now_ns();
                        histogram_add(&run->delays, now_ns - due_ns);
                        compute_until(now_ns + REQUEST_NS);
                }
        }
}

static void serve_full(struct run *run)
{
        uint64_t last_ns = clock_now_ns();

        while (last_ns < run->end_ns) {
                uint64_t now_ns = clock_now_ns();

                histogram_add(&run->delays, now_ns - last_ns);
                compute_until(now_ns + REQUEST_NS);
                last_ns = now_ns + REQUEST_NS;
        }
}

static void *server_main(void *user)
{
        struct run *run = user;

        bind_to(0);
        schedule(SCHED_OTHER, 0, run->variant->server_slice_us);
        if (run->full) {
                serve_full(run);
        } else {
                serve_light(run);
        }
        run->done = true;
        return NULL;
}

/* On this thread: asks when it is due, and never sleeps, so as not to be late itself. */
static void generate(const struct run *run)
{
        uint64_t one = 1;

        for (uint64_t due_ns = run->start_ns; due_ns <= run->end_ns; due_ns += PERIOD_NS) {
                compute_until(due_ns);
                hd_assert(write(run->requests, &one, sizeof(one)) == sizeof(one));
        }
}

static void measure(const struct variant *variant, bool full, uint64_t run_ns,
                    struct outcome *outcome, unsigned round)
{
        static const uint32_t PER_MILLION[] = {990000, 999000};
        struct run run = {.variant = variant, .full = full, .requests = eventfd(0, EFD_CLOEXEC)};
        pthread_t worker, server;

        run.start_ns = clock_now_ns() + 10000000;
        run.end_ns = run.start_ns + run_ns;
        pthread_create(&server, NULL, server_main, &run);
        if (!variant->none) {
                pthread_create(&worker, NULL, worker_main, &run);
        }
        if (!full) {
                generate(&run);
        }
        pthread_join(server, NULL);
        if (!variant->none) {
                pthread_join(worker, NULL);
        }
        close(run.requests);
        for (unsigned i = 0; i < 2; i++) {
                outcome->figures[i][round] = (double)histogram_quantile_ns(&run.delays,
                                                                           PER_MILLION[i]) /
                                             1e3;
        }
        outcome->figures[2][round] = (double)run.delays.max_ns / 1e3;
        outcome->figures[3][round] = run.worker_share * 100;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void print(const char *name, bool full, struct outcome *outcome, unsigned n_rounds)
{
        printf("%-38s %-5s", name, full ? "full" : "light");
        for (unsigned i = 0; i < N_FIGURES; i++) {
                double *figures = outcome->figures[i];
                double least;

                qsort(figures, n_rounds, sizeof(*figures), compare);
                least = figures[0];
                printf(i < 3 ? " %8.1f (%.1f)" : "  %5.1f %%", figures[n_rounds / 2], least);
        }
        putchar('\n');
}

int main(int argc, char **argv)
{
        unsigned n_rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
        uint64_t run_ns = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1000) * 1000000;
        static struct outcome outcomes[N_VARIANTS][2];

        if (n_rounds < 1 || n_rounds > ROUNDS_MAX || run_ns == 0) {
                fprintf(stderr, "usage: bench_core_sharing [ROUNDS] [MILLISECONDS]\n");
                return 64;
        }
        bind_to(1);
        for (unsigned round = 0; round < n_rounds; round++) {
                for (unsigned i = 0; i < N_VARIANTS * 2; i++) {
                        measure(&variants[i / 2], i % 2, run_ns, &outcomes[i / 2][i % 2], round);
                }
        }
        printf("# microseconds that the server waits: median (least) of %u rounds of %" PRIu64
               " ms; the worker's share\n%-44s %17s %17s %17s\n",
               n_rounds, run_ns / 1000000, "", "p99", "p99.9", "max");
        for (unsigned i = 0; i < N_VARIANTS * 2; i++) {
                print(variants[i / 2].name, i % 2, &outcomes[i / 2][i % 2], n_rounds);
        }
        return 0;
}
