/* SPDX-License-Identifier: MIT */

/*
 * What a cycle costs a request: the work of answering handshakes, and of ending a session, by the
 * size of the heap and by the number of handles. Cycles follow one another while one thread runs
 * requests without a pause (its answers are `answer`; `proxied` are those given for it between two
 * requests); both are CPU time, `to ack` is wall time.
 *
 *   bench_handshake [CYCLES = 10] [LARGEST HEAP IN MIB = 2048]
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
        REQUESTS_PER_LOOK = 1000,
};

struct engine {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *root;
        unsigned descriptor;
};

static void engine_open(struct engine *engine)
{
        struct gc_config config = {.n_workers = 1, .percent = -1, .no_scavenge = true};
        struct descriptor kind = {.kind = 1};

        hd_assert(heap_new(&engine->heap, &(struct heap_config){0}) == 0);
        hd_assert(gc_new(&engine->gc, engine->heap, &config) == 0);
        hd_assert(gc_attach(engine->gc, "bench", &engine->mutator) == 0);
        hd_assert(descriptor_intern(engine->heap, &kind, &engine->descriptor) == 0);
        gc_enter(engine->mutator);
        engine->root = gc_root_new(engine->mutator);
        gc_leave(engine->mutator);
}

static void engine_close(struct engine *engine)
{
        gc_detach(engine->mutator);
        gc_free(engine->gc);
        heap_free(engine->heap);
}

/* One request: a spine of leaves, put in front of the others. */
static void engine_grow(struct engine *engine)
{
        struct mutator *mutator = engine->mutator;
        struct word spine;

        gc_enter(mutator);
        spine = gc_alloc(mutator, engine->descriptor, SPINE_WORDS);
        gc_store(mutator, spine, 0, gc_root_load(mutator, engine->root));
        for (uint32_t i = 1; i < SPINE_WORDS; i++) {
                gc_store(mutator, spine, i, gc_alloc(mutator, engine->descriptor, LEAF_WORDS));
        }
        gc_root_store(mutator, engine->root, spine);
        gc_leave(mutator);
}

/* One small request: a leaf moves; now and then it is a new one, so that the heap hardly grows. */
static void engine_request(struct engine *engine, uint32_t i)
{
        struct mutator *mutator = engine->mutator;
        struct word spine, leaf;

        gc_enter(mutator);
        spine = gc_root_load(mutator, engine->root);
        leaf = i % 64 ? gc_load(mutator, spine, 1 + i % 7)
                      : gc_alloc(mutator, engine->descriptor, LEAF_WORDS);
        gc_store(mutator, spine, 1 + i % (SPINE_WORDS - 1), leaf);
        gc_leave(mutator);
}

static void engine_run_cycles(struct engine *engine, unsigned n_cycles)
{
        for (unsigned i = 0; i < n_cycles; i++) {
                uint64_t wanted = gc_request(engine->gc, GC_REASON_FORCED);
                struct gc_stats stats;

                do {
                        for (uint32_t k = 0; k < REQUESTS_PER_LOOK; k++) {
                                engine_request(engine, k);
                        }
                        gc_get_stats(engine->gc, &stats);
                } while (stats.last.number < wanted);
        }
}

static void print_times(struct gc *gc, const char *what)
{
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                struct histogram histogram = {0};

                gc_get_times(gc, time, &histogram);
                printf("%-26s %-8s %8" PRIu64 "", what, gc_time_name(time),
                       histogram_count(&histogram));
                for (unsigned i = 0; i < 3; i++) {
                        static const uint32_t PER_MILLION[] = {500000, 990000, 999000};

                        printf(" %9.2f",
                               (double)histogram_quantile_ns(&histogram, PER_MILLION[i]) / 1e3);
                }
                printf(" %9.2f\n", (double)histogram.max_ns / 1e3);
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

/* A session with so many handles, each to an object of its own; what its end takes. */
static void by_handles(uint32_t n_handles, unsigned n_cycles)
{
        struct store_config config = {.handles_max = STORE_HANDLES_MAX};
        struct engine engine;
        struct store *store;
        struct session *session;
        uint64_t begin_ns, cpu_ns;
        char what[32];

        engine_open(&engine);
        engine_grow(&engine);
        gc_enter(engine.mutator);
        hd_assert(store_new(&store, engine.gc, engine.mutator, &config) == 0);
        hd_assert(session_begin(store, "bench", &session) == STORE_OK);
        for (uint32_t i = 1; i <= n_handles; i++) {
                struct obj_spec spec = {.kind = KIND_RECORD, .n_nil = 1, .into = i};
                uint32_t handle;

                hd_assert(obj_new(session, &spec, &handle) == STORE_OK);
                gc_poll(engine.mutator);
        }
        gc_leave(engine.mutator);
        engine_run_cycles(&engine, n_cycles);
        snprintf(what, sizeof(what), "%u handles", n_handles);
        print_times(engine.gc, what);
        gc_enter(engine.mutator);
        begin_ns = clock_now_ns();
        cpu_ns = clock_thread_cpu_ns();
        session_end(session);
        cpu_ns = clock_thread_cpu_ns() - cpu_ns;
        printf("%-26s session ended in %.2f us, %.2f of them CPU time\n", what,
               (double)(clock_now_ns() - begin_ns) / 1e3, (double)cpu_ns / 1e3);
        store_free(store);
        gc_leave(engine.mutator);
        engine_close(&engine);
}

int main(int argc, char **argv)
{
        unsigned n_cycles = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
        uint64_t most_mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 2048;

        if (n_cycles < 1 || most_mib < 64) {
                fprintf(stderr, "usage: bench_handshake [CYCLES] [LARGEST HEAP IN MIB]\n");
                return 64;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("%-26s %-8s %8s %9s %9s %9s %9s\n", "microseconds", "", "n", "p50", "p99", "p99.9",
               "max");
        for (uint64_t mib = 64; mib <= most_mib; mib *= mib < 512 ? 8 : 4) {
                by_size(mib << 20, n_cycles);
        }
        by_handles(1000000, n_cycles);
        by_handles(10000000, n_cycles);
        return 0;
}
