/* SPDX-License-Identifier: MIT */

/*
 * How fast marking is, on graphs of five kinds:
 *
 *   ordered   a tree of 48-byte objects in allocation order, each naming two children and its
 * parent: the processor's caches and prefetchers are with it shuffled  the same tree over a random
 * permutation, the third reference leading anywhere: every object is a memory miss, but many are
 * known at a time list      the same objects as one list in random order: each miss is known only
 * after the last wide      all of them named by one long object records   what a store may look
 * like: tables of 512 slots, records that name bytes and another record made at about the same
 * time; half of them dropped, collected, and made anew
 *
 * Each is marked in several ways, in turns; full cycles, of which the median counts. The time is
 * that of the phase MARK, wall and CPU.
 *
 *   bench_mark [MILLIONS OF OBJECTS = 20] [CYCLES = 3] [ROUNDS = 2] [ENTRIES OF THE GREY QUEUE]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gc/gc.h"
#include "heap/descriptor.h"

enum { LEFT, RIGHT, THIRD, N_WORDS = 5 };
enum { TABLE_SLOTS = 512, NEIGHBOURS = 1000, CYCLES_MAX = 99, ROUNDS_MAX = 9 };

struct graph {
        struct mutator *mutator;
        struct gc *gc;
        struct gc_root *root;
        uint64_t *objects; /* by allocation; the words' bits */
        uint32_t n;
        uint64_t random;
        unsigned node, bytes; /* descriptors */
};

static const struct way {
        const char *name;
        unsigned n_workers;
        unsigned prefetch; /* 0: default */
        bool huge_pages;
} ways[] = {
        {"1 worker", 1, 0, false},  {"no prefetch", 1, 1, false},    {"huge pages", 1, 0, true},
        {"2 workers", 2, 0, false}, {"2 workers, huge", 2, 0, true},
};
enum { N_WAYS = sizeof(ways) / sizeof(*ways) };

static uint64_t graph_random(struct graph *graph)
{
        graph->random ^= graph->random << 13;
        graph->random ^= graph->random >> 7;
        graph->random ^= graph->random << 17;
        return graph->random;
}

static struct word graph_object(struct graph *graph, uint32_t i)
{
        return gc_stamp_word(graph->mutator, graph->objects[i]);
}

static struct word graph_alloc(struct graph *graph, unsigned descriptor, uint32_t count)
{
        struct word object = gc_alloc(graph->mutator, descriptor, count);

        hd_assert(word_is_ref(object));
        return object;
}

static void graph_link(struct graph *graph, uint32_t from, uint32_t slot, uint32_t to)
{
        gc_store(graph->mutator, graph_object(graph, from), slot, graph_object(graph, to));
}

static void graph_alloc_all(struct graph *graph)
{
        for (uint32_t i = 0; i < graph->n; i++) {
                graph->objects[i] = graph_alloc(graph, graph->node, N_WORDS).bits;
        }
}

static void graph_shuffle(struct graph *graph)
{
        for (uint32_t i = graph->n - 1; i > 0; i--) {
                uint32_t j = (uint32_t)(graph_random(graph) % (i + 1));
                uint64_t object = graph->objects[i];

                graph->objects[i] = graph->objects[j];
                graph->objects[j] = object;
        }
}

/* Objects [first, first + n) become a tree in preorder; it is only as deep as log n. */
static void graph_link_tree(struct graph *graph, uint32_t first, uint32_t n, uint32_t parent)
{
        uint32_t n_left = (n - 1) / 2;

        graph_link(graph, first, THIRD, parent);
        if (n_left > 0) {
                graph_link(graph, first, LEFT, first + 1);
                graph_link_tree(graph, first + 1, n_left, first);
        }
        if (n > n_left + 1) {
                graph_link(graph, first, RIGHT, first + 1 + n_left);
                graph_link_tree(graph, first + 1 + n_left, n - 1 - n_left, first);
        }
}

static struct word graph_build_ordered(struct graph *graph)
{
        graph_alloc_all(graph);
        graph_link_tree(graph, 0, graph->n, 0);
        return graph_object(graph, 0);
}

static struct word graph_build_shuffled(struct graph *graph)
{
        graph_alloc_all(graph);
        graph_shuffle(graph);
        for (uint32_t i = 0; i < graph->n; i++) {
                if (i > 0) {
                        graph_link(graph, (i - 1) / 2, i % 2 ? LEFT : RIGHT, i);
                }
                graph_link(graph, i, THIRD, (uint32_t)(graph_random(graph) % graph->n));
        }
        return graph_object(graph, 0);
}

static struct word graph_build_list(struct graph *graph)
{
        graph_alloc_all(graph);
        graph_shuffle(graph);
        for (uint32_t i = 1; i < graph->n; i++) {
                graph_link(graph, i - 1, LEFT, i);
        }
        return graph_object(graph, 0);
}

static struct word graph_build_wide(struct graph *graph)
{
        struct word wide = graph_alloc(graph, graph->node, graph->n);

        for (uint32_t i = 0; i < graph->n; i++) {
                gc_store(graph->mutator, wide, i, graph_alloc(graph, graph->node, N_WORDS));
        }
        return wide;
}

/* A record and its bytes in slot `i` of all the tables together. */
static void graph_make_record(struct graph *graph, struct word tables, uint32_t i,
                              uint64_t recent[NEIGHBOURS], uint64_t n_made)
{
        struct word record = graph_alloc(graph, graph->node, N_WORDS);
        uint64_t neighbour = recent[graph_random(graph) % NEIGHBOURS];

        gc_store(graph->mutator, record, LEFT, graph_alloc(graph, graph->bytes, 24 + i % 32));
        gc_store(graph->mutator, record, RIGHT, gc_stamp_word(graph->mutator, neighbour));
        gc_store(graph->mutator, gc_load(graph->mutator, tables, i / TABLE_SLOTS), i % TABLE_SLOTS,
                 record);
        recent[n_made % NEIGHBOURS] = record.bits;
}

static struct word graph_build_records(struct graph *graph)
{
        uint32_t n_tables = graph->n / 2 / TABLE_SLOTS, n_slots = n_tables * TABLE_SLOTS;
        struct word tables = graph_alloc(graph, graph->node, n_tables);
        uint64_t recent[NEIGHBOURS] = {0}, n_made = 0;

        gc_root_store(graph->mutator, graph->root, tables);
        for (uint32_t i = 0; i < n_tables; i++) {
                gc_store(graph->mutator, tables, i, graph_alloc(graph, graph->node, TABLE_SLOTS));
        }
        for (uint32_t k = 0; k < n_slots; k++) {
                /* An odd factor: every slot once, in an order that is not that of the tables. */
                graph_make_record(graph, tables, (uint32_t)(k * UINT64_C(2654435761) % n_slots),
                                  recent, n_made++);
        }
        for (uint32_t i = 0; i < n_slots; i++) {
                if (graph_random(graph) & 1) {
                        gc_store(graph->mutator, gc_load(graph->mutator, tables, i / TABLE_SLOTS),
                                 i % TABLE_SLOTS, word_nil());
                }
        }
        gc_leave(graph->mutator);
        gc_wait(graph->gc, gc_request(graph->gc, GC_REASON_FORCED));
        gc_enter(graph->mutator);
        tables = gc_root_load(graph->mutator, graph->root);
        for (unsigned i = 0; i < NEIGHBOURS; i++) {
                recent[i] = 0; /* what they name may be gone */
        }
        for (uint32_t i = 0; i < n_slots; i++) {
                struct word table = gc_load(graph->mutator, tables, i / TABLE_SLOTS);

                if (word_is_nil(gc_load(graph->mutator, table, i % TABLE_SLOTS))) {
                        graph_make_record(graph, tables, i, recent, n_made++);
                }
        }
        return tables;
}

static const struct kind {
        const char *name;
        struct word (*build)(struct graph *);
} kinds[] = {
        {"ordered", graph_build_ordered}, {"shuffled", graph_build_shuffled},
        {"list", graph_build_list},       {"wide", graph_build_wide},
        {"records", graph_build_records},
};
enum { N_KINDS = sizeof(kinds) / sizeof(*kinds) };

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

/* The median of M objects/s. */
static double measure_cycles(const struct kind *kind, const struct way *way, struct gc *gc,
                             unsigned n_cycles)
{
        double rates[CYCLES_MAX], cpu_s[CYCLES_MAX];
        struct gc_stats stats = {0};

        for (unsigned i = 0; i < n_cycles; i++) {
                const struct gc_phase_time *mark = &stats.last.phases[GC_PHASE_MARK];

                gc_wait(gc, gc_request(gc, GC_REASON_FORCED));
                gc_get_stats(gc, &stats);
                rates[i] = (double)stats.last.live_objects * 1e3 / (double)mark->wall_ns;
                cpu_s[i] = (double)mark->cpu_ns / 1e9;
        }
        rates[0] = median(rates, n_cycles);
        printf("%-9s %-16s %10" PRIu64 " %12.1f %8.3f %10" PRIu64 " %10.1f\n", kind->name,
               way->name, stats.last.live_objects, rates[0], median(cpu_s, n_cycles),
               stats.last.overflows, (double)stats.last.queue_bytes / 1e6);
        return rates[0];
}

static double measure(const struct kind *kind, const struct way *way, uint32_t n_objects,
                      unsigned n_cycles, unsigned n_entries)
{
        struct gc_config config = {.n_workers = way->n_workers,
                                   .percent = -1,
                                   .queue_entries = n_entries,
                                   .debug.prefetch = way->prefetch,
                                   .no_scavenge = true};
        struct graph graph = {.n = n_objects, .random = 88172645463325252u};
        struct heap *heap;
        double rate;

        graph.objects = malloc(n_objects * sizeof(*graph.objects));
        hd_assert(graph.objects);
        hd_assert(heap_new(&heap, &(struct heap_config){.huge_pages = way->huge_pages}) == 0);
        hd_assert(gc_new(&graph.gc, heap, &config) == 0);
        hd_assert(gc_attach(graph.gc, "bench", &graph.mutator) == 0);
        hd_assert(descriptor_intern(heap, &(struct descriptor){.kind = 1}, &graph.node) == 0);
        hd_assert(descriptor_intern(heap, &(struct descriptor){.kind = 2, .noscan = true},
                                    &graph.bytes) == 0);
        gc_enter(graph.mutator);
        graph.root = gc_root_new(graph.mutator);
        gc_root_store(graph.mutator, graph.root, kind->build(&graph));
        gc_leave(graph.mutator);
        free(graph.objects);
        rate = measure_cycles(kind, way, graph.gc, n_cycles);
        gc_detach(graph.mutator);
        gc_free(graph.gc);
        heap_free(heap);
        return rate;
}

static void print_summary(double rates[N_KINDS][N_WAYS][ROUNDS_MAX], unsigned n_rounds)
{
        printf("\nmedians of M objects/s, and as multiples of the first way\n%-9s", "");
        for (unsigned w = 0; w < N_WAYS; w++) {
                printf(" %18s", ways[w].name);
        }
        for (unsigned k = 0; k < N_KINDS; k++) {
                double first = median(rates[k][0], n_rounds);

                printf("\n%-9s", kinds[k].name);
                for (unsigned w = 0; w < N_WAYS; w++) {
                        double rate = median(rates[k][w], n_rounds);

                        printf(" %11.1f (%4.2f)", rate, rate / first);
                }
        }
        printf("\n");
}

int main(int argc, char **argv)
{
        static double rates[N_KINDS][N_WAYS][ROUNDS_MAX];
        uint32_t n_millions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20;
        unsigned n_cycles = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
        unsigned n_rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2;
        unsigned n_entries = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;

        if (n_millions < 1 || n_millions > 1000 || n_cycles < 1 || n_cycles > CYCLES_MAX ||
            n_rounds < 1 || n_rounds > ROUNDS_MAX) {
                fprintf(stderr,
                        "usage: bench_mark [MILLIONS, 1 to 1000] [CYCLES, 1 to %d] "
                        "[ROUNDS, 1 to %d] [QUEUE ENTRIES]\n",
                        CYCLES_MAX, ROUNDS_MAX);
                return 64;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("checks=%d\n%-9s %-16s %10s %12s %8s %10s %10s\n", HEAPD_CHECKS, "graph", "way",
               "objects", "M objects/s", "CPU s", "overflows", "queue MB");
        for (unsigned round = 0; round < n_rounds; round++) {
                for (unsigned k = 0; k < N_KINDS; k++) {
                        for (unsigned w = 0; w < N_WAYS; w++) {
                                rates[k][w][round] = measure(&kinds[k], &ways[w],
                                                             n_millions * 1000000, n_cycles,
                                                             n_entries);
                        }
                }
        }
        print_summary(rates, n_rounds);
        return 0;
}
