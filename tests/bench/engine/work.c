/* SPDX-License-Identifier: MIT */

/*
 * The workloads of the engine's benchmark, in C: over heapd's engine, over malloc (whichever is
 * linked) or over Boehm's collector, by the header that MEMORY names. work.go and Work.java are the
 * same programs in languages that bring their collector along; the checksums must agree.
 *
 *   work_NAME LIMIT_MIB COLLECTORS PERCENT trees DEPTH | gcbench SCALE
 *             | storm THREADS OPERATIONS | churn RECORDS OPERATIONS
 *             | graph OBJECTS ordered|shuffled COLLECTIONS
 *
 * Work is done in *units* of about two thousand allocations. Each is timed, so a pause of whatever
 * origin shows as a unit that took longer. With heapd a unit is a request, and no reference is kept
 * from one to the next: what is larger than a unit is put together from root cells.
 *
 * Prints one line of JSON.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/histogram.h"
#include MEMORY

#define UNIT_LEVELS 10 /* a tree of so many levels below its root is built in one unit */
#define CELLS       64
#define LEAF_SLOTS  1024
#define THREADS_MAX 64

enum { LEFT, RIGHT, THIRD };

struct worker {
        struct mem mem;
        struct histogram units;
        struct mem_cell cells[CELLS];
        uint64_t begin_ns;
        uint64_t n_allocs, checksum, random;
        uint64_t n_slots, n_operations;
        pthread_t thread;
};

static void unit_begin(struct worker *worker)
{
        worker->begin_ns = clock_now_ns();
}

static void unit_end(struct worker *worker)
{
        mem_poll(&worker->mem);
        histogram_add(&worker->units, clock_now_ns() - worker->begin_ns);
}

static uint64_t worker_random(struct worker *worker)
{
        worker->random ^= worker->random << 13;
        worker->random ^= worker->random >> 7;
        worker->random ^= worker->random << 17;
        return worker->random;
}

/* Trees: nodes of two references and `n_plain` words. */

static struct ref tree_node(struct worker *worker, unsigned n_plain, struct ref left,
                            struct ref right)
{
        struct ref node = mem_new(&worker->mem, 2, n_plain);

        worker->n_allocs++;
        if (!mem_is_nil(left)) {
                mem_init(&worker->mem, node, LEFT, left);
                mem_init(&worker->mem, node, RIGHT, right);
        }
        return node;
}

/* The parent first, or the children: within a unit. */
static struct ref tree_make(struct worker *worker, unsigned n_plain, unsigned depth)
{
        struct ref left, node;

        if (depth == 0) {
                return tree_node(worker, n_plain, mem_nil(), mem_nil());
        }
        if (n_plain == 0) {
                node = tree_node(worker, 0, mem_nil(), mem_nil());
                mem_init(&worker->mem, node, LEFT, tree_make(worker, 0, depth - 1));
                mem_init(&worker->mem, node, RIGHT, tree_make(worker, 0, depth - 1));
                return node;
        }
        left = tree_make(worker, n_plain, depth - 1);
        return tree_node(worker, n_plain, left, tree_make(worker, n_plain, depth - 1));
}

/* Top down, within a unit: GCBench's other way to make a tree. */
static void tree_fill(struct worker *worker, unsigned n_plain, struct ref node, unsigned depth)
{
        if (depth > 0) {
                struct ref left = tree_node(worker, n_plain, mem_nil(), mem_nil());
                struct ref right = tree_node(worker, n_plain, mem_nil(), mem_nil());

                mem_set(&worker->mem, node, LEFT, left);
                mem_set(&worker->mem, node, RIGHT, right);
                tree_fill(worker, n_plain, left, depth - 1);
                tree_fill(worker, n_plain, right, depth - 1);
        }
}

static uint64_t tree_count(struct worker *worker, struct ref node)
{
        struct ref left = mem_get(&worker->mem, node, LEFT);

        return mem_is_nil(left) ? 1
                                : 1 + tree_count(worker, left) +
                                          tree_count(worker, mem_get(&worker->mem, node, RIGHT));
}

static void tree_free(struct worker *worker, struct ref node)
{
        struct ref left = mem_get(&worker->mem, node, LEFT);

        if (!mem_is_nil(left)) {
                tree_free(worker, left);
                tree_free(worker, mem_get(&worker->mem, node, RIGHT));
        }
        mem_free(&worker->mem, node);
}

static void tree_drop(struct worker *worker, unsigned cell)
{
        if (MEM_MANUAL) {
                tree_free(worker, mem_cell_get(&worker->mem, worker->cells[cell]));
        }
        mem_cell_set(&worker->mem, worker->cells[cell], mem_nil());
}

/* Into a cell; uses those behind it for the parts. */
static void tree_make_large(struct worker *worker, unsigned n_plain, unsigned depth, unsigned cell)
{
        struct mem *mem = &worker->mem;
        struct ref node;

        if (depth <= UNIT_LEVELS) {
                unit_begin(worker);
                node = tree_make(worker, n_plain, depth);
                mem_cell_set(mem, worker->cells[cell], node);
                unit_end(worker);
                return;
        }
        tree_make_large(worker, n_plain, depth - 1, cell);
        tree_make_large(worker, n_plain, depth - 1, cell + 1);
        node = tree_node(worker, n_plain, mem_cell_get(mem, worker->cells[cell]),
                         mem_cell_get(mem, worker->cells[cell + 1]));
        mem_cell_set(mem, worker->cells[cell], node);
        mem_cell_set(mem, worker->cells[cell + 1], mem_nil());
        mem_poll(mem);
}

/* The `path`th subtree `levels` below the root in a cell. */
static struct ref tree_walk(struct worker *worker, unsigned cell, unsigned levels, uint32_t path)
{
        struct ref node = mem_cell_get(&worker->mem, worker->cells[cell]);

        while (levels-- > 0) {
                node = mem_get(&worker->mem, node, path >> levels & 1 ? RIGHT : LEFT);
        }
        return node;
}

static void tree_fill_large(struct worker *worker, unsigned n_plain, unsigned depth, unsigned cell)
{
        unsigned above = depth > UNIT_LEVELS ? depth - UNIT_LEVELS : 0;

        mem_cell_set(&worker->mem, worker->cells[cell],
                     tree_node(worker, n_plain, mem_nil(), mem_nil()));
        tree_fill(worker, n_plain, mem_cell_get(&worker->mem, worker->cells[cell]), above);
        for (uint32_t path = 0; path < 1u << above; path++) {
                unit_begin(worker);
                tree_fill(worker, n_plain, tree_walk(worker, cell, above, path), depth - above);
                unit_end(worker);
        }
}

static uint64_t tree_count_large(struct worker *worker, unsigned depth, unsigned cell)
{
        unsigned above = depth > UNIT_LEVELS ? depth - UNIT_LEVELS : 0;
        uint64_t n = (UINT64_C(1) << above) - 1;

        for (uint32_t path = 0; path < 1u << above; path++) {
                unit_begin(worker);
                n += tree_count(worker, tree_walk(worker, cell, above, path));
                unit_end(worker);
        }
        return n;
}

/* Small trees: as many in a unit as one of UNIT_LEVELS has nodes. */
static void trees_small(struct worker *worker, unsigned n_plain, unsigned depth, uint32_t n,
                        bool top_down)
{
        uint32_t n_per_unit = 1u << (UNIT_LEVELS - depth);

        for (uint32_t i = 0; i < n; i++) {
                struct ref tree;

                if (i % n_per_unit == 0) {
                        unit_begin(worker);
                }
                if (top_down) {
                        tree = tree_node(worker, n_plain, mem_nil(), mem_nil());
                        tree_fill(worker, n_plain, tree, depth);
                } else {
                        tree = tree_make(worker, n_plain, depth);
                }
                worker->checksum += n_plain ? 1 : tree_count(worker, tree);
                if (MEM_MANUAL) {
                        tree_free(worker, tree);
                }
                if (i % n_per_unit == n_per_unit - 1 || i == n - 1) {
                        unit_end(worker);
                }
        }
}

static void trees_of(struct worker *worker, unsigned n_plain, unsigned depth, uint32_t n,
                     bool top_down)
{
        if (depth < UNIT_LEVELS) {
                trees_small(worker, n_plain, depth, n, top_down);
                return;
        }
        for (uint32_t i = 0; i < n; i++) {
                if (top_down) {
                        tree_fill_large(worker, n_plain, depth, 1);
                } else {
                        tree_make_large(worker, n_plain, depth, 1);
                }
                worker->checksum += n_plain ? 1 : tree_count_large(worker, depth, 1);
                tree_drop(worker, 1);
        }
}

/* Binary trees, as in the Computer Language Benchmarks Game. */
static void work_trees(struct worker *worker, unsigned depth)
{
        tree_make_large(worker, 0, depth + 1, 0);
        worker->checksum += tree_count_large(worker, depth + 1, 0);
        tree_drop(worker, 0);
        tree_make_large(worker, 0, depth, 0);
        for (unsigned d = 4; d <= depth; d += 2) {
                trees_of(worker, 0, d, 1u << (depth - d + 4), false);
        }
        worker->checksum += tree_count_large(worker, depth, 0);
        tree_drop(worker, 0);
}

/* The shape of GCBench (Ellis, Kovac and Boehm): nodes with 8 bytes of integers, half of the trees
 * made top down, and a long-lived array of doubles. */
static void work_gcbench(struct worker *worker, unsigned scale)
{
        unsigned stretch = 18 + scale, depth = 16 + scale;
        uint32_t n_doubles = 500000u << scale;
        struct mem_cell array = mem_cell_new(&worker->mem);
        double *doubles;

        tree_make_large(worker, 1, stretch, 0);
        tree_drop(worker, 0);
        tree_fill_large(worker, 1, depth, 0);
        mem_cell_set(&worker->mem, array,
                     mem_new_bytes(&worker->mem, n_doubles * (uint32_t)sizeof(double)));
        doubles = mem_bytes(&worker->mem, mem_cell_get(&worker->mem, array));
        for (uint32_t i = 0; i < n_doubles; i++) {
                doubles[i] = i < n_doubles / 2 ? 1.0 / (i + 1) : 0;
        }
        mem_poll(&worker->mem);
        for (unsigned d = 4; d <= depth; d += 2) {
                uint32_t n = 2 * ((1u << (stretch + 1)) - 1) / ((1u << (d + 1)) - 1);

                trees_of(worker, 1, d, n, true);
                trees_of(worker, 1, d, n, false);
        }
        worker->checksum += tree_count_large(worker, depth, 0);
        doubles = mem_bytes(&worker->mem, mem_cell_get(&worker->mem, array));
        worker->checksum += doubles[999] == 1.0 / 1000;
        tree_drop(worker, 0);
        mem_free(&worker->mem, mem_cell_get(&worker->mem, array));
        mem_cell_free(&worker->mem, array);
}

/* Records in a table of two levels, a random one of them replaced by a new one again and again. */

enum { PAYLOAD, SPARE, KEY };

static struct ref record_new(struct worker *worker)
{
        uint64_t random = worker_random(worker);
        uint32_t n_bytes = 8 + (uint32_t)(random >> 32) % 128;
        struct ref payload = mem_new_bytes(&worker->mem, n_bytes);
        struct ref record = mem_new(&worker->mem, 2, 1);
        uint8_t *bytes = mem_bytes(&worker->mem, payload);

        bytes[0] = (uint8_t)random;
        bytes[n_bytes - 1] = (uint8_t)n_bytes;
        mem_init(&worker->mem, record, PAYLOAD, payload);
        mem_set_plain(&worker->mem, record, KEY, (int64_t)(random & 0xffff));
        worker->n_allocs += 2;
        return record;
}

static void record_free(struct worker *worker, struct ref record)
{
        if (MEM_MANUAL && !mem_is_nil(record)) {
                mem_free(&worker->mem, mem_get(&worker->mem, record, PAYLOAD));
                mem_free(&worker->mem, record);
        }
}

static void table_new(struct worker *worker)
{
        struct mem *mem = &worker->mem;
        uint32_t n_leaves = (uint32_t)(worker->n_slots / LEAF_SLOTS);

        mem_cell_set(mem, worker->cells[0], mem_new(mem, n_leaves, 0));
        for (uint32_t i = 0; i < n_leaves; i++) {
                struct ref leaf = mem_new(mem, LEAF_SLOTS, 0);

                mem_set(mem, mem_cell_get(mem, worker->cells[0]), i, leaf);
                for (uint32_t slot = 0; slot < LEAF_SLOTS; slot++) {
                        mem_set(mem, leaf, slot, record_new(worker));
                }
                mem_poll(mem);
        }
}

static void table_replace(struct worker *worker)
{
        struct mem *mem = &worker->mem;
        uint64_t at = worker_random(worker) % worker->n_slots;
        struct ref leaf = mem_get(mem, mem_cell_get(mem, worker->cells[0]),
                                  (uint32_t)(at / LEAF_SLOTS));
        struct ref old = mem_get(mem, leaf, at % LEAF_SLOTS);

        worker->checksum += (uint64_t)mem_get_plain(mem, old, KEY);
        mem_set(mem, leaf, at % LEAF_SLOTS, record_new(worker));
        record_free(worker, old);
}

static void table_free(struct worker *worker)
{
        struct mem *mem = &worker->mem;
        struct ref table = mem_cell_get(mem, worker->cells[0]);

        for (uint32_t i = 0; MEM_MANUAL && i < worker->n_slots / LEAF_SLOTS; i++) {
                for (uint32_t slot = 0; slot < LEAF_SLOTS; slot++) {
                        record_free(worker, mem_get(mem, mem_get(mem, table, i), slot));
                }
                mem_free(mem, mem_get(mem, table, i));
        }
        mem_free(mem, table);
        mem_cell_set(mem, worker->cells[0], mem_nil());
}

static void work_table(struct worker *worker, unsigned operations_per_unit)
{
        table_new(worker);
        for (uint64_t i = 0; i < worker->n_operations; i += operations_per_unit) {
                unit_begin(worker);
                for (unsigned j = 0; j < operations_per_unit; j++) {
                        table_replace(worker);
                }
                unit_end(worker);
        }
        table_free(worker);
}

static void *storm_thread(void *user)
{
        struct worker *worker = user;

        mem_attach(&worker->mem);
        worker->cells[0] = mem_cell_new(&worker->mem);
        work_table(worker, 1000);
        mem_cell_free(&worker->mem, worker->cells[0]);
        mem_detach(&worker->mem);
        return NULL;
}

/* Threads that allocate and drop, each in a table of its own of 64 Ki records. */
static void work_storm(struct worker *main_worker, unsigned n_threads, uint64_t n_operations)
{
        struct worker *workers = calloc(n_threads, sizeof(*workers));

        if (!workers) {
                mem_fail("no memory");
        }
        for (unsigned i = 0; i < n_threads; i++) {
                workers[i].random = UINT64_C(88172645463325252) + i;
                workers[i].n_slots = 64 * LEAF_SLOTS;
                workers[i].n_operations = n_operations;
                if (pthread_create(&workers[i].thread, NULL, storm_thread, &workers[i]) != 0) {
                        mem_fail("no thread");
                }
        }
        mem_detach(&main_worker->mem); /* a mutator inside a request would hold up every cycle */
        for (unsigned i = 0; i < n_threads; i++) {
                pthread_join(workers[i].thread, NULL);
                main_worker->checksum += workers[i].checksum;
                main_worker->n_allocs += workers[i].n_allocs;
                histogram_merge(&main_worker->units, &workers[i].units);
        }
        mem_attach(&main_worker->mem);
        free(workers);
}

/* A long-lived graph of 48-byte objects, to be marked: three references each. In allocation order
 * (a tree in preorder, the third leads to the parent), or shuffled (over a random permutation, the
 * third leads anywhere). Built in one piece, with the collector off. */

struct graph {
        struct worker *worker;
        struct ref *nodes;
        uint32_t n;
};

static void graph_link(struct graph *graph, uint32_t from, uint32_t slot, uint32_t to)
{
        mem_set(&graph->worker->mem, graph->nodes[from], slot, graph->nodes[to]);
}

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
                uint32_t j = (uint32_t)(worker_random(graph->worker) % (i + 1));
                struct ref node = graph->nodes[i];

                graph->nodes[i] = graph->nodes[j];
                graph->nodes[j] = node;
        }
        for (uint32_t i = 0; i < graph->n; i++) {
                if (i > 0) {
                        graph_link(graph, (i - 1) / 2, i % 2 ? LEFT : RIGHT, i);
                }
                graph_link(graph, i, THIRD, (uint32_t)(worker_random(graph->worker) % graph->n));
        }
}

static void work_graph(struct worker *worker, uint32_t n, bool shuffled, unsigned n_collections)
{
        struct graph graph = {worker, malloc(n * sizeof(struct ref)), n};

        if (!graph.nodes) {
                mem_fail("no memory");
        }
        for (uint32_t i = 0; i < n; i++) {
                graph.nodes[i] = mem_new(&worker->mem, 4, 1);
        }
        if (shuffled) {
                graph_link_shuffled(&graph);
        } else {
                graph_link_ordered(&graph, 0, n, 0);
        }
        mem_cell_set(&worker->mem, worker->cells[0], graph.nodes[0]);
        mem_poll(&worker->mem);
        free(graph.nodes);
        worker->n_allocs += n;
        worker->checksum = n;
        printf("\"marks_ns\": [");
        for (unsigned i = 0; i < n_collections; i++) {
                printf("%s%" PRIu64, i ? ", " : "", mem_collect(&worker->mem));
        }
        printf("], ");
}

static void print_result(const struct worker *worker, uint64_t wall_ns, uint64_t cpu_ns)
{
        printf("\"wall_ns\": %" PRIu64 ", \"cpu_ns\": %" PRIu64 ", \"allocs\": %" PRIu64
               ", \"checksum\": %" PRIu64 ", \"cycles\": %" PRIu64 ", \"units\": %" PRIu64
               ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"p999_ns\": %" PRIu64
               ", \"max_ns\": %" PRIu64 "}\n",
               wall_ns, cpu_ns, worker->n_allocs, worker->checksum, mem_n_cycles(),
               histogram_count(&worker->units), histogram_quantile_ns(&worker->units, 500000),
               histogram_quantile_ns(&worker->units, 990000),
               histogram_quantile_ns(&worker->units, 999000),
               atomic_load_explicit(&worker->units.max_ns, memory_order_relaxed));
}

static uint64_t parse(const char *text)
{
        char *end;
        unsigned long long n = strtoull(text ? text : "", &end, 10);

        if (!text || end == text || *end != 0) {
                mem_fail("bad arguments; work.c says which there are");
        }
        return n;
}

/* false: no such workload. */
static bool work_run(struct worker *worker, const char *name, char **arguments)
{
        if (strcmp(name, "trees") == 0) {
                work_trees(worker, (unsigned)parse(arguments[0]));
        } else if (strcmp(name, "gcbench") == 0) {
                work_gcbench(worker, (unsigned)parse(arguments[0]));
        } else if (strcmp(name, "storm") == 0 && parse(arguments[0]) <= THREADS_MAX) {
                work_storm(worker, (unsigned)parse(arguments[0]), parse(arguments[1]));
        } else if (strcmp(name, "churn") == 0) {
                worker->n_slots = parse(arguments[0]);
                worker->n_operations = parse(arguments[1]);
                work_table(worker, 100);
        } else if (strcmp(name, "graph") == 0 && MEM_MARKS) {
                work_graph(worker, (uint32_t)parse(arguments[0]), arguments[1][0] == 's',
                           (unsigned)parse(arguments[2]));
        } else {
                return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        static struct worker worker;
        uint64_t begin_ns;

        if (argc < 6) {
                fprintf(stderr, "usage: work LIMIT_MIB COLLECTORS PERCENT WORKLOAD ARGUMENT...\n");
                return 64;
        }
        mem_open(parse(argv[1]) << 20, (unsigned)parse(argv[2]), atoi(argv[3]));
        mem_attach(&worker.mem);
        for (unsigned i = 0; i < CELLS; i++) {
                worker.cells[i] = mem_cell_new(&worker.mem);
        }
        worker.random = UINT64_C(88172645463325252);
        printf("{");
        begin_ns = clock_now_ns();
        if (!work_run(&worker, argv[4], argv + 5)) {
                mem_fail("no such workload here");
        }
        print_result(&worker, clock_now_ns() - begin_ns, clock_process_cpu_ns());
        for (unsigned i = 0; i < CELLS; i++) {
                mem_cell_free(&worker.mem, worker.cells[i]);
        }
        mem_detach(&worker.mem);
        mem_close();
        return 0;
}
