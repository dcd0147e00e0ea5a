/* SPDX-License-Identifier: MIT */

/*
 * What a cycle costs a request: the work of answering handshakes by the size of the heap and by the
 * number of handles, and that of ending a session with many handles.
 *
 * One thread plays all mutators, a request for each in turn, without a pause, while cycles follow
 * one another: so every cycle gives many answers (`answer`; `proxied` are those given by the
 * controller). Both are CPU time; `to ack` is wall time, the requests of the other mutators
 * included. Ends of sessions are measured by both clocks, while nothing is collected and while a
 * cycle marks.
 *
 *   bench_handshake [CYCLES = 10] [LARGEST HEAP IN MIB = 8192] [ENDS = 10]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gc/gc.h"
#include "heap/descriptor.h"
#include "store/handle.h"
#include "store/obj.h"
#include "store/store.h"

enum {
        LEAF_WORDS = 5,     /* 48 bytes with the header */
        SPINE_WORDS = 1023, /* the first leads to the next spine */
        N_MUTATORS = 32,
        ROUNDS_PER_LOOK = 32,
};

struct engine {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutators[N_MUTATORS]; /* all of them in a request, but while one waits */
        struct mutator *mutator;              /* the first of them */
        struct gc_root *root;
        unsigned descriptor;
};

static void engine_open(struct engine *engine)
{
        struct gc_config config = {.n_workers = 1, .percent = -1, .no_scavenge = true};
        struct descriptor kind = {.kind = 1};

        hd_assert(heap_new(&engine->heap, &(struct heap_config){0}) == 0);
        hd_assert(gc_new(&engine->gc, engine->heap, &config) == 0);
        hd_assert(descriptor_intern(engine->heap, &kind, &engine->descriptor) == 0);
        for (unsigned i = 0; i < N_MUTATORS; i++) {
                hd_assert(gc_attach(engine->gc, "bench", &engine->mutators[i]) == 0);
                gc_enter(engine->mutators[i]);
        }
        engine->mutator = engine->mutators[0];
        engine->root = gc_root_new(engine->mutator);
}

static void engine_close(struct engine *engine)
{
        for (unsigned i = 0; i < N_MUTATORS; i++) {
                gc_leave(engine->mutators[i]);
                gc_detach(engine->mutators[i]);
        }
        gc_free(engine->gc);
        heap_free(engine->heap);
}

/* One request: a spine of leaves, put in front of the others. */
static void engine_grow(struct engine *engine)
{
        struct mutator *mutator = engine->mutator;
        struct word spine = gc_alloc(mutator, engine->descriptor, SPINE_WORDS);

        gc_store(mutator, spine, 0, gc_root_load(mutator, engine->root));
        for (uint32_t i = 1; i < SPINE_WORDS; i++) {
                gc_store(mutator, spine, i, gc_alloc(mutator, engine->descriptor, LEAF_WORDS));
        }
        gc_root_store(mutator, engine->root, spine);
        gc_poll(mutator);
}

/* One small request: a leaf moves; now and then it is a new one, so that the heap hardly grows. */
static void engine_request(struct engine *engine, struct mutator *mutator, uint32_t i)
{
        struct word spine = gc_root_load(mutator, engine->root);
        struct word leaf = i % 64 ? gc_load(mutator, spine, 1 + i % 7)
                                  : gc_alloc(mutator, engine->descriptor, LEAF_WORDS);

        gc_store(mutator, spine, 1 + i % (SPINE_WORDS - 1), leaf);
        gc_poll(mutator);
}

/* Requests until `done`, asked now and then, says that it is enough. */
static void engine_run(struct engine *engine, uint64_t cycle,
                       bool (*done)(const struct gc_stats *, uint64_t))
{
        struct gc_stats stats;

        do {
                for (uint32_t k = 0; k < ROUNDS_PER_LOOK * N_MUTATORS; k++) {
                        engine_request(engine, engine->mutators[k % N_MUTATORS], k);
                }
                gc_get_stats(engine->gc, &stats);
        } while (!done(&stats, cycle));
}

static bool cycle_has_ended(const struct gc_stats *stats, uint64_t cycle)
{
        return stats->last.number >= cycle;
}

static bool cycle_marks(const struct gc_stats *stats, uint64_t cycle)
{
        return stats->phase == GC_PHASE_MARK || stats->last.number >= cycle;
}

static void engine_run_cycles(struct engine *engine, unsigned n_cycles)
{
        for (unsigned i = 0; i < n_cycles; i++) {
                engine_run(engine, gc_request(engine->gc, GC_REASON_FORCED), cycle_has_ended);
        }
}

static void print_histogram(const char *what, const char *name, const struct histogram *histogram)
{
        static const uint32_t PER_MILLION[] = {500000, 990000, 999000};

        if (histogram_count(histogram) == 0) {
                return;
        }
        printf("%-20s %-10s %8" PRIu64, what, name, histogram_count(histogram));
        for (unsigned i = 0; i < 3; i++) {
                printf(" %9.2f", (double)histogram_quantile_ns(histogram, PER_MILLION[i]) / 1e3);
        }
        printf(" %9.2f\n", (double)histogram->max_ns / 1e3);
}

static void print_times(struct gc *gc, const char *what)
{
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                struct histogram histogram = {0};

                gc_get_times(gc, time, &histogram);
                print_histogram(what, gc_time_name(time), &histogram);
        }
}

static void by_size(uint64_t size_bytes, unsigned n_cycles)
{
        struct engine engine;
        struct heap_stats stats;
        char what[32];

        engine_open(&engine);
        do {
                engine_grow(&engine);
                heap_get_stats(engine.heap, &stats);
        } while (stats.alloc < size_bytes);
        engine_run_cycles(&engine, n_cycles);
        snprintf(what, sizeof(what), "heap of %" PRIu64 " MiB", size_bytes >> 20);
        print_times(engine.gc, what);
        engine_close(&engine);
}

static void make_handles(struct engine *engine, struct session *session, uint32_t n_handles)
{
        for (uint32_t i = 1; i <= n_handles; i++) {
                struct obj_spec spec = {.kind = KIND_RECORD, .n_nil = 1, .into = i};
                uint32_t handle;

                hd_assert(obj_new(session, &spec, &handle) == STORE_OK);
                for (unsigned k = 0; k < (i % 64 ? 1 : N_MUTATORS); k++) {
                        gc_poll(engine->mutators[k]);
                }
        }
}

struct ends {
        struct histogram wall, cpu;
};

static void end_session(struct session *session, struct ends *ends)
{
        uint64_t begin_ns = clock_now_ns(), cpu_ns = clock_thread_cpu_ns();

        session_end(session);
        cpu_ns = clock_thread_cpu_ns() - cpu_ns;
        histogram_add(&ends->wall, clock_now_ns() - begin_ns);
        histogram_add(&ends->cpu, cpu_ns);
}

/* Sessions with so many handles each, each to an object of its own. */
static void by_handles(uint32_t n_handles, unsigned n_cycles, unsigned n_ends)
{
        struct store_config config = {.handles_max = STORE_HANDLES_MAX};
        struct ends quiet = {0}, marking = {0};
        struct engine engine;
        struct store *store;
        char what[32];

        engine_open(&engine);
        engine_grow(&engine);
        hd_assert(store_new(&store, engine.gc, engine.mutator, &config) == 0);
        for (unsigned i = 0; i < n_ends; i++) {
                struct session *session;
                uint64_t cycle;

                hd_assert(session_begin(store, "bench", &session) == STORE_OK);
                make_handles(&engine, session, n_handles);
                if (i == 0) {
                        engine_run_cycles(&engine, n_cycles);
                }
                if (i % 2) {
                        cycle = gc_request(engine.gc, GC_REASON_FORCED);
                        engine_run(&engine, cycle, cycle_marks);
                }
                end_session(session, i % 2 ? &marking : &quiet);
                engine_run_cycles(&engine, 1);
        }
        snprintf(what, sizeof(what), "%u handles", n_handles);
        print_times(engine.gc, what);
        print_histogram(what, "end", &quiet.wall);
        print_histogram(what, "end: CPU", &quiet.cpu);
        print_histogram(what, "  marking", &marking.wall);
        print_histogram(what, "  CPU", &marking.cpu);
        store_free(store);
        engine_close(&engine);
}

int main(int argc, char **argv)
{
        unsigned n_cycles = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
        uint64_t most_mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 8192;
        unsigned n_ends = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 10;

        if (n_cycles < 1 || most_mib < 64 || n_ends < 1) {
                fprintf(stderr, "usage: bench_handshake [CYCLES] [LARGEST HEAP IN MIB] [ENDS]\n");
                return 64;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("%-20s %-10s %8s %9s %9s %9s %9s\n", "microseconds", "", "n", "p50", "p99", "p99.9",
               "max");
        for (uint64_t mib = 64; mib <= most_mib; mib *= mib < 512 ? 8 : 4) {
                by_size(mib << 20, n_cycles);
        }
        by_handles(1, n_cycles, n_ends * 100);
        by_handles(1000000, n_cycles, n_ends);
        by_handles(10000000, n_cycles, n_ends);
        return 0;
}
