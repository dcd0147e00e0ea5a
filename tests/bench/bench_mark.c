/* SPDX-License-Identifier: MIT */

/*
 * How fast marking is: a tree of 48-byte objects with three references each (two children and one
 * more), once in allocation order, its parent the third; once over a random permutation, the
 * third leading anywhere. The processor's caches and prefetchers are with the first and against the
 * second. Full cycles with 1 and 2 workers; the wall time of MARK and what it took of the CPU.
 *
 *   bench_mark [MILLIONS OF OBJECTS = 20] [CYCLES = 5] [ENTRIES OF THE GREY QUEUE = default]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gc/gc.h"
#include "heap/descriptor.h"

enum { LEFT, RIGHT, THIRD, N_WORDS = 5 };

struct graph {
        struct mutator *mutator;
        uint64_t *objects; /* by allocation; the words' bits */
        uint32_t n;
        uint64_t random;
};

static uint64_t graph_random(struct graph *graph)
{
        graph->random ^= graph->random << 13;
        graph->random ^= graph->random >> 7;
        graph->random ^= graph->random << 17;
        return graph->random;
}

static void graph_link(struct graph *graph, uint32_t from, uint32_t slot, uint32_t to)
{
        gc_store(graph->mutator, gc_stamp_word(graph->mutator, graph->objects[from]), slot,
                 gc_stamp_word(graph->mutator, graph->objects[to]));
}

/* Objects [first, first + n) become a tree in preorder; it is only as deep as log n. */
static void graph_link_ordered(struct graph *graph, uint32_t first, uint32_t n, uint32_t parent)
{
        uint32_t n_left = (n - 1) / 2;

        graph_link(graph, first, THIRD, parent);
        if (n_left > 0) {
                graph_link(graph, first, LEFT, first + 1);
                graph_link_ordered(graph, first + 1, n_left, first);
        }
        if (n > n_left + 1) {
                graph_link(graph, first, RIGHT, first + 1 + n_left);
                graph_link_ordered(graph, first + 1 + n_left, n - 1 - n_left, first);
        }
}

static void graph_link_shuffled(struct graph *graph)
{
        for (uint32_t i = graph->n - 1; i > 0; i--) {
                uint32_t j = (uint32_t)(graph_random(graph) % (i + 1));
                uint64_t object = graph->objects[i];

                graph->objects[i] = graph->objects[j];
                graph->objects[j] = object;
        }
        for (uint32_t i = 0; i < graph->n; i++) {
                if (i > 0) {
                        graph_link(graph, (i - 1) / 2, i % 2 ? LEFT : RIGHT, i);
                }
                graph_link(graph, i, THIRD, (uint32_t)(graph_random(graph) % graph->n));
        }
}

static void graph_build(struct graph *graph, struct heap *heap, bool shuffled)
{
        struct descriptor kind = {.kind = 1};
        struct gc_root *root;
        unsigned descriptor;

        hd_assert(descriptor_intern(heap, &kind, &descriptor) == 0);
        gc_enter(graph->mutator);
        for (uint32_t i = 0; i < graph->n; i++) {
                struct word object = gc_alloc(graph->mutator, descriptor, N_WORDS);

                hd_assert(word_is_ref(object));
                graph->objects[i] = object.bits;
        }
        if (shuffled) {
                graph_link_shuffled(graph);
        } else {
                graph_link_ordered(graph, 0, graph->n, 0);
        }
        root = gc_root_new(graph->mutator);
        gc_root_store(graph->mutator, root, gc_stamp_word(graph->mutator, graph->objects[0]));
        gc_leave(graph->mutator);
}

static void measure(uint32_t n_objects, unsigned n_cycles, unsigned n_entries, bool shuffled,
                    unsigned n_workers)
{
        struct gc_config config = {.n_workers = n_workers,
                                   .percent = -1,
                                   .queue_entries = n_entries,
                                   .no_scavenge = true};
        struct graph graph = {.n = n_objects, .random = 88172645463325252u};
        struct heap *heap;
        struct gc *gc;

        graph.objects = malloc(n_objects * sizeof(*graph.objects));
        hd_assert(graph.objects && heap_new(&heap, &(struct heap_config){0}) == 0);
        hd_assert(gc_new(&gc, heap, &config) == 0);
        hd_assert(gc_attach(gc, "bench", &graph.mutator) == 0);
        graph_build(&graph, heap, shuffled);
        for (unsigned i = 0; i < n_cycles; i++) {
                const struct gc_phase_time *mark;
                struct gc_stats stats;

                gc_wait(gc, gc_request(gc, GC_REASON_FORCED));
                gc_get_stats(gc, &stats);
                mark = &stats.last.phases[GC_PHASE_MARK];
                printf("%-9s %7u %12" PRIu64 " %10.3f %10.3f %12.1f %10.3f %10" PRIu64 "\n",
                       shuffled ? "shuffled" : "ordered", n_workers, stats.last.live_objects,
                       (double)mark->wall_ns / 1e9, (double)mark->cpu_ns / 1e9,
                       (double)stats.last.live_objects * 1e3 / (double)mark->wall_ns,
                       (double)stats.last.phases[GC_PHASE_SWEEP].wall_ns / 1e9,
                       stats.last.overflows);
        }
        gc_detach(graph.mutator);
        gc_free(gc);
        heap_free(heap);
        free(graph.objects);
}

int main(int argc, char **argv)
{
        uint32_t n_millions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20;
        unsigned n_cycles = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
        unsigned n_entries = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

        if (n_millions < 1 || n_millions > 1000 || n_cycles < 1) {
                fprintf(stderr,
                        "usage: bench_mark [MILLIONS, 1 to 1000] [CYCLES] [QUEUE ENTRIES]\n");
                return 64;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("%-9s %7s %12s %10s %10s %12s %10s %10s\n", "graph", "workers", "objects", "mark s",
               "CPU s", "M objects/s", "sweep s", "overflows");
        for (unsigned i = 0; i < 4; i++) {
                measure(n_millions * 1000000, n_cycles, n_entries, i & 1, 1 + i / 2);
        }
        return 0;
}
