/* SPDX-License-Identifier: MIT */

/*
 * What weak maps cost the executor after a cycle: CPU time of the calls of store_purge(), each of
 * which stands between two requests, by the size of the maps and the share of entries that died.
 *
 *   bench_purge [ENTRIES = 2000000]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/gc.h"
#include "heap/heap.h"
#include "store/array.h"
#include "store/handle.h"
#include "store/map.h"
#include "store/obj.h"
#include "store/store.h"

struct engine {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        struct session *session;
};

/* Values of one call, as a source. */
struct given {
        struct value_source source;
        struct value values[2];
        uint32_t at;
};

static void given_rewind(struct value_source *source)
{
        ((struct given *)source)->at = 0;
}

static bool given_next(struct value_source *source, struct value *ret_value)
{
        struct given *given = (struct given *)source;

        *ret_value = given->values[given->at++];
        return true;
}

static struct given given_of(uint32_t n, struct value one, struct value other)
{
        return (struct given){
                .source = {.n = n, .rewind = given_rewind, .next = given_next},
                .values = {one, other},
        };
}

static void engine_open(struct engine *engine)
{
        struct gc_config config = {.n_workers = 1, .percent = -1, .no_scavenge = true};

        hd_assert(heap_new(&engine->heap, &(struct heap_config){0}) == 0);
        hd_assert(gc_new(&engine->gc, engine->heap, &config) == 0);
        hd_assert(gc_attach(engine->gc, "bench", &engine->mutator) == 0);
        gc_enter(engine->mutator);
        hd_assert(store_new(&engine->store, engine->gc, engine->mutator, NULL) == 0);
        hd_assert(session_begin(engine->store, "bench", &engine->session) == 0);
}

static void engine_close(struct engine *engine)
{
        store_free(engine->store);
        gc_leave(engine->mutator);
        gc_detach(engine->mutator);
        gc_free(engine->gc);
        heap_free(engine->heap);
}

/* Handles: 1 the array that holds all maps and what shall live, 2 a map, 3 an object. */
static void engine_fill(struct engine *engine, uint32_t n_entries, uint32_t n_maps, double dead)
{
        struct obj_spec array = {.kind = KIND_ARRAY, .into = 1};
        struct obj_spec map = {.kind = KIND_MAP, .weak = true, .into = 2};
        struct obj_spec record = {.kind = KIND_RECORD, .n_nil = 1, .into = 3};
        uint32_t handle, n_live = 0;
        uint64_t length;

        hd_assert(obj_new(engine->session, &array, &handle) == 0);
        for (uint32_t i = 0; i < n_entries; i++) {
                struct given given = given_of(1, value_ref(2), value_nil());

                if (i % (n_entries / n_maps) == 0) {
                        handle_drop(engine->session, 2);
                        hd_assert(obj_new(engine->session, &map, &handle) == 0);
                        hd_assert(array_push(engine->session, target_handle(1), &given.source,
                                             &length) == 0);
                }
                hd_assert(obj_new(engine->session, &record, &handle) == 0);
                given = given_of(2, value_int(i), value_ref(3));
                hd_assert(obj_set(engine->session, target_handle(2), &given.source, NULL,
                                  &length) == 0);
                if (n_live < (double)i * (1 - dead)) {
                        given = given_of(1, value_ref(3), value_nil());
                        hd_assert(array_push(engine->session, target_handle(1), &given.source,
                                             &length) == 0);
                        n_live++;
                }
                handle_drop(engine->session, 3);
                gc_poll(engine->mutator);
        }
        handle_drop(engine->session, 2);
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static void measure(uint32_t n_entries, uint32_t n_maps, double dead)
{
        enum { CALLS_MAX = 1 << 20 };
        uint64_t *times = calloc(CALLS_MAX, sizeof(*times)), total_ns = 0, before_ns;
        struct store_stats stats;
        struct engine engine;
        uint32_t n = 0;
        bool more = true;

        hd_assert(times);
        engine_open(&engine);
        engine_fill(&engine, n_entries, n_maps, dead);
        gc_leave(engine.mutator);
        gc_wait(engine.gc, gc_request(engine.gc, GC_REASON_FORCED));
        gc_enter(engine.mutator);
        while (more && n < CALLS_MAX) {
                before_ns = clock_thread_cpu_ns();
                more = store_purge(engine.store);
                times[n] = clock_thread_cpu_ns() - before_ns;
                total_ns += times[n++];
                gc_poll(engine.mutator);
        }
        qsort(times, n, sizeof(*times), compare);
        store_get_stats(engine.store, &stats);
        printf("%9" PRIu32 " %8" PRIu32 " %6.1f %% %9" PRIu64 " %7" PRIu32
               " %8.1f %8.1f %8.1f %9.1f\n",
               n_entries, n_maps, dead * 100, stats.n_purged, n, (double)times[n / 2] / 1e3,
               (double)times[(uint64_t)n * 99 / 100] / 1e3, (double)times[n - 1] / 1e3,
               (double)total_ns / 1e6);
        fflush(stdout);
        engine_close(&engine);
        free(times);
}

int main(int argc, char **argv)
{
        uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 2000000;

        printf("# store_purge(): CPU time of its calls in us, of all of them in ms\n");
        printf("# entries     maps     dead    purged   calls   median      p99      max  "
               "     all\n");
        measure(n, 1, 1);
        measure(n, 1, 0.5);
        measure(n, 1, 0.001);
        measure(n, n / 10, 0.5);
        measure(n / 100, 1, 0.5);
        return 0;
}
