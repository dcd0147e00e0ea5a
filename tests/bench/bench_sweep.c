/* SPDX-License-Identifier: MIT */

/*
 * What it costs to be told what the sweep frees (GC-12): the CPU time of SWEEP over a heap of
 * 48-byte objects of which every other one dies, with no listener, with one that adds up sizes, and
 * with one that reads each header. A new heap each time; the ways follow one another, round after
 * round.
 *
 *   bench_sweep [MILLIONS OF OBJECTS = 4] [ROUNDS = 7]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gc/gc.h"
#include "heap/descriptor.h"

enum { LEAF_WORDS = 5, SPINE_WORDS = 1023, N_WAYS = 3, ROUNDS_MAX = 100 };

static uint64_t freed_bytes, freed_words;

static void freed_sizes(void *user, unsigned worker, const struct sweep_freed *freed)
{
        freed_bytes += (uint64_t)__builtin_popcountll(freed->bits) * freed->slot_bytes;
}

static void freed_headers(void *user, unsigned worker, const struct sweep_freed *freed)
{
        uint64_t bits = freed->bits, offset;

        while ((offset = sweep_freed_next(freed, &bits))) {
                freed_words += object_header_count(sweep_freed_header(freed, offset));
        }
}

static const struct {
        const char *name;
        sweep_freed_fn *freed;
} ways[N_WAYS] = {{"nobody", NULL}, {"sizes", freed_sizes}, {"headers", freed_headers}};

/* Each spine leads to the one before; between two leaves that stay one is forgotten. */
static void build(struct gc *gc, struct heap *heap, uint64_t n_objects)
{
        struct mutator *m;
        struct gc_root *root;
        unsigned kind;

        hd_assert(descriptor_intern(heap, &(struct descriptor){.kind = 1}, &kind) == 0);
        hd_assert(gc_attach(gc, "bench", &m) == 0);
        gc_enter(m);
        root = gc_root_new(m);
        for (uint64_t n = 0; n < n_objects; n += 2 * SPINE_WORDS) {
                struct word spine = gc_alloc(m, kind, SPINE_WORDS);

                gc_store(m, spine, 0, gc_root_load(m, root));
                for (uint32_t i = 1; i < SPINE_WORDS; i++) {
                        gc_store(m, spine, i, gc_alloc(m, kind, LEAF_WORDS));
                        gc_alloc(m, kind, LEAF_WORDS);
                }
                gc_root_store(m, root, spine);
                gc_poll(m);
        }
        gc_leave(m);
        gc_detach(m);
}

static double measure(unsigned way, uint64_t n_objects)
{
        struct gc_listener listener = {.freed = ways[way].freed};
        struct gc_config config = {
                .n_workers = 1, .percent = -1, .no_scavenge = true, .listener = &listener};
        struct gc_stats stats;
        struct heap *heap;
        struct gc *gc;

        hd_assert(heap_new(&heap, &(struct heap_config){0}) == 0);
        hd_assert(gc_new(&gc, heap, &config) == 0);
        build(gc, heap, n_objects);
        gc_wait(gc, gc_request(gc, GC_REASON_FORCED));
        gc_get_stats(gc, &stats);
        hd_assert(stats.last.freed_objects > n_objects * 4 / 10);
        gc_free(gc);
        heap_free(heap);
        return (double)stats.last.phases[GC_PHASE_SWEEP].cpu_ns / (double)stats.last.freed_objects;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        uint64_t n_millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 4;
        unsigned n_rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 7;
        static double ns[N_WAYS][ROUNDS_MAX];

        if (n_millions < 1 || n_millions > 1000 || n_rounds < 1 || n_rounds > ROUNDS_MAX) {
                fprintf(stderr, "usage: bench_sweep [MILLIONS, 1 to 1000] [ROUNDS, 1 to 100]\n");
                return 64;
        }
        for (unsigned round = 0; round < n_rounds; round++) {
                for (unsigned way = 0; way < N_WAYS; way++) {
                        ns[way][round] = measure(way, n_millions * 1000000);
                }
        }
        printf("%-8s %12s %8s %8s %8s\n", "told", "ns/freed", "least", "most", "ratio");
        for (unsigned way = 0; way < N_WAYS; way++) {
                qsort(ns[way], n_rounds, sizeof(double), compare);
                printf("%-8s %12.2f %8.2f %8.2f %8.2f\n", ways[way].name, ns[way][n_rounds / 2],
                       ns[way][0], ns[way][n_rounds - 1],
                       ns[way][n_rounds / 2] / ns[0][n_rounds / 2]);
        }
        return freed_bytes + freed_words == 0;
}
