/* SPDX-License-Identifier: MIT */

/*
 * Marking, seen from outside: graphs of awkward shapes are built through the face, a cycle runs,
 * and an independent walk of the heap must find exactly the objects that were meant to live. Every
 * shape is tried with one and with three workers, and with a grey queue so short that it always
 * overflows.
 */

#include <sched.h>

#include "gc/internals.h"
#include "heap/descriptor.h"
#include "support/seed.h"
#include "support/unit.h"

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *root;
        unsigned node, blob;
};

static void fixture_init_with(struct fixture *f, const struct gc_config *config)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30};

        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 1}, &f->node);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 2, .noscan = true}, &f->blob);
        gc_enter(f->mutator);
        f->root = gc_root_new(f->mutator);
        cr_assert_not_null(f->root);
}

static void fixture_init(struct fixture *f, unsigned n_workers, unsigned queue_entries)
{
        struct gc_config config = {.percent = -1,
                                   .n_workers = n_workers,
                                   .queue_entries = queue_entries,
                                   .no_scavenge = true};

        fixture_init_with(f, &config);
}

static void fixture_deinit(struct fixture *f)
{
        gc_root_free(f->mutator, f->root);
        gc_leave(f->mutator);
        gc_detach(f->mutator);
        gc_free(f->gc);
        heap_free(f->heap);
}

static bool fixture_count_visit(void *user, uint64_t offset, uint64_t header, uint64_t size,
                                bool noscan)
{
        (void)offset, (void)header, (void)size, (void)noscan;
        ++*(uint64_t *)user;
        return true;
}

static uint64_t fixture_collect(struct fixture *f)
{
        uint64_t n_objects = 0;
        char text[200] = "";

        gc_leave(f->mutator);
        gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
        cr_assert(heap_verify(f->heap, text, sizeof(text)), "%s", text);
        gc_enter(f->mutator);
        heap_walk(f->heap, fixture_count_visit, &n_objects);
        return n_objects;
}

/* Runs `shape` under each configuration; it returns how many objects it made reachable. */
static void fixture_try(uint64_t (*shape)(struct fixture *))
{
        const struct {
                unsigned n_workers, queue_entries;
        } ways[] = {{1, 0}, {3, 0}, {1, 8}, {3, 64}};

        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
                struct fixture f;
                uint64_t n_live;

                fixture_init(&f, ways[i].n_workers, ways[i].queue_entries);
                n_live = shape(&f);
                cr_assert_eq(fixture_collect(&f), n_live, "%u workers, queue %u", ways[i].n_workers,
                             ways[i].queue_entries);
                cr_assert_eq(fixture_collect(&f), n_live, "a second cycle finds the same");
                gc_root_store(f.mutator, f.root, word_nil());
                cr_assert_eq(fixture_collect(&f), 0u);
                fixture_deinit(&f);
        }
}

static uint64_t shape_long_list(struct fixture *f)
{
        struct word head = word_nil();

        for (int i = 0; i < 300000; i++) {
                struct word node = gc_alloc(f->mutator, f->node, 2);

                gc_alloc(f->mutator, f->node, 1); /* garbage between them */
                gc_store(f->mutator, node, 0, head);
                gc_store(f->mutator, node, 1, word_int(i));
                head = node;
        }
        gc_root_store(f->mutator, f->root, head);
        return 300000;
}

/* One object of 100 000 slots, scanned in pieces; each slot a leaf, some shared, some noscan. */
static uint64_t shape_wide(struct fixture *f)
{
        struct word wide = gc_alloc(f->mutator, f->node, 100000), leaf = word_nil();
        uint64_t n = 1;

        for (uint32_t i = 0; i < 100000; i++) {
                if (i % 3 != 2) {
                        leaf = gc_alloc(f->mutator, i % 3 ? f->node : f->blob, i % 7);
                        n++;
                }
                gc_store(f->mutator, wide, i, leaf);
        }
        gc_root_store(f->mutator, f->root, wide);
        return n;
}

static uint64_t shape_cycles(struct fixture *f)
{
        struct word ring[100], garbage[2];

        for (int i = 0; i < 100; i++) {
                ring[i] = gc_alloc(f->mutator, f->node, 3);
                gc_store(f->mutator, ring[i], 0, ring[i]); /* itself */
                gc_store(f->mutator, ring[i], 1, ring[i ? i - 1 : 0]);
        }
        gc_store(f->mutator, ring[0], 2, ring[99]);
        gc_root_store(f->mutator, f->root, ring[50]);
        garbage[0] = gc_alloc(f->mutator, f->node, 1);
        garbage[1] = gc_alloc(f->mutator, f->node, 1);
        gc_store(f->mutator, garbage[0], 0, garbage[1]);
        gc_store(f->mutator, garbage[1], 0, garbage[0]);
        return 100;
}

static uint64_t shape_tree(struct fixture *f)
{
        enum { N = 40000 };
        static struct word nodes[N];

        for (unsigned i = 0; i < N; i++) {
                nodes[i] = gc_alloc(f->mutator, f->node, 4);
                if (i > 0) {
                        gc_store(f->mutator, nodes[(i - 1) / 4], (i - 1) % 4, nodes[i]);
                }
        }
        gc_root_store(f->mutator, f->root, nodes[0]);
        return N;
}

static uint64_t shape_edge_sizes(struct fixture *f)
{
        struct word list = word_nil();
        uint64_t n = 0;

        for (uint32_t count = 1; count < 9000; count += count < 40 ? 1 : 97) {
                struct word node = gc_alloc(f->mutator, f->node, count);

                gc_store(f->mutator, node, count - 1, list); /* the last slot carries the list */
                list = node;
                n++;
        }
        gc_root_store(f->mutator, f->root, list);
        return n;
}

Test(mark, a_long_list_survives_without_recursion)
{
        fixture_try(shape_long_list);
}

Test(mark, a_wide_object_is_scanned_to_its_last_slot)
{
        fixture_try(shape_wide);
}

Test(mark, cycles_live_when_reached_and_die_when_not)
{
        fixture_try(shape_cycles);
}

Test(mark, a_tree_is_marked_whole)
{
        fixture_try(shape_tree);
}

Test(mark, objects_of_every_size_are_scanned)
{
        fixture_try(shape_edge_sizes);
}

/* Root cells lie in chunks of 1024; each of 3000 here names an object of its own. */
Test(mark, the_cells_of_every_chunk_are_roots)
{
        enum { N = 3000 };
        static struct gc_root *roots[N];
        struct fixture f;

        fixture_init(&f, 1, 0);
        for (int i = 0; i < N; i++) {
                roots[i] = gc_root_new(f.mutator);
                gc_root_store(f.mutator, roots[i], gc_alloc(f.mutator, f.node, 1));
        }
        cr_assert_eq(fixture_collect(&f), (uint64_t)N);
        for (int i = 0; i < N; i++) {
                gc_root_free(f.mutator, roots[i]);
        }
        cr_assert_eq(fixture_collect(&f), 0u);
        fixture_deinit(&f);
}

/* More of them than a queue of eight has room for; each names a leaf by its last slot. */
Test(mark, a_long_object_that_met_a_full_queue_is_scanned_whole)
{
        enum { N = 20, SLOTS = 9000 };
        struct fixture f;

        fixture_init(&f, 1, 8);
        for (int i = 0; i < N; i++) {
                struct gc_root *root = gc_root_new(f.mutator);

                gc_root_store(f.mutator, root, gc_alloc(f.mutator, f.node, SLOTS));
                gc_store(f.mutator, gc_root_load(f.mutator, root), SLOTS - 1,
                         gc_alloc(f.mutator, f.node, 1));
        }
        cr_assert_eq(fixture_collect(&f), 2u * N);
        fixture_deinit(&f);
}

Test(mark, a_full_queue_is_counted_and_loses_nothing)
{
        struct fixture f;
        struct gc_stats stats;
        uint64_t n_live;

        fixture_init(&f, 1, 8);
        n_live = shape_wide(&f);
        cr_assert_eq(fixture_collect(&f), n_live);
        gc_get_stats(f.gc, &stats);
        cr_assert_gt(stats.last.overflows, 1000u);
        cr_assert_eq(stats.last.live_objects, n_live);
        fixture_deinit(&f);
}

/* A million objects of 32 bytes, each the child of another one and with two references anywhere: of
 * all shapes, such graphs have the most grey objects at a time. */
static uint64_t shape_shuffled(struct fixture *f)
{
        enum { N = 1000000 };
        static uint64_t nodes[N];
        struct mutator *mutator = f->mutator;
        struct seed seed;

        seed_init(&seed);
        for (unsigned i = 0; i < N; i++) {
                nodes[i] = gc_alloc(mutator, f->node, 3).bits;
        }
        for (unsigned i = N - 1; i > 0; i--) {
                unsigned j = (unsigned)seed_below(&seed, i + 1);
                uint64_t node = nodes[i];

                nodes[i] = nodes[j];
                nodes[j] = node;
        }
        for (unsigned i = 0; i < N; i++) {
                struct word node = gc_stamp_word(mutator, nodes[i]);

                for (unsigned k = 0; k < 3; k++) {
                        uint64_t to = k == 2 || 2 * i + k + 1 >= N ? seed_below(&seed, N)
                                                                   : 2 * i + k + 1;

                        gc_store(mutator, node, k, gc_stamp_word(mutator, nodes[to]));
                }
        }
        gc_root_store(mutator, f->root, gc_stamp_word(mutator, nodes[0]));
        return N;
}

Test(mark, the_queue_grows_with_the_heap_and_its_memory_goes_back)
{
        struct fixture f;
        struct gc_stats stats;
        uint64_t n_live;

        fixture_init(&f, 1, 0);
        n_live = shape_shuffled(&f);
        for (int i = 0; i < 2; i++) {
                cr_assert_eq(fixture_collect(&f), n_live);
                gc_get_stats(f.gc, &stats);
                cr_assert_eq(stats.last.overflows, 0u);
                cr_assert_gt(stats.last.queue_bytes, 1u << 20, "%llu: as small as it was at first",
                             (unsigned long long)stats.last.queue_bytes);
        }
        gc_root_store(f.mutator, f.root, gc_alloc(f.mutator, f.node, 1));
        cr_assert_eq(fixture_collect(&f), 1u);
        gc_get_stats(f.gc, &stats);
        cr_assert_lt(stats.last.queue_bytes, 65536u, "what an earlier cycle used is not counted");
        fixture_deinit(&f);
}

Test(mark, the_queue_keeps_to_its_share_of_the_limit)
{
        enum { LIMIT = 36 << 20 };
        struct fixture f;
        struct gc_stats stats;
        uint64_t n_live;

        fixture_init(&f, 1, 0);
        heap_set_limit(f.heap, LIMIT);
        n_live = shape_shuffled(&f);
        cr_assert_eq(fixture_collect(&f), n_live);
        gc_get_stats(f.gc, &stats);
        cr_assert_le(stats.last.queue_bytes, LIMIT / 32u);
        cr_assert_gt(stats.last.overflows, 0u);
        fixture_deinit(&f);
}

/* Random graphs; the shadow computes what is reachable by itself. */
Test(mark, random_graphs_keep_exactly_what_is_reachable)
{
        enum { N = 3000, DEGREE = 3 };
        static int edges[N][DEGREE];
        static uint64_t offsets[N];
        static bool reached[N];
        static int stack[N];
        struct seed seed;

        seed_init(&seed);
        for (int round = 0; round < 20; round++) {
                struct fixture f;
                struct word nodes[N];
                int n_stack = 0;
                uint64_t n_live = 0;

                fixture_init(&f, 1 + (unsigned)seed_below(&seed, 3), seed_one_in(&seed, 2) ? 8 : 0);
                for (int i = 0; i < N; i++) {
                        nodes[i] = gc_alloc(f.mutator, f.node, DEGREE);
                        offsets[i] = nodes[i].bits;
                        reached[i] = false;
                }
                for (int i = 0; i < N; i++) {
                        for (int k = 0; k < DEGREE; k++) {
                                edges[i][k] = seed_one_in(&seed, 2) ? (int)seed_below(&seed, N)
                                                                    : -1;
                                gc_store(f.mutator, nodes[i], (uint32_t)k,
                                         edges[i][k] < 0 ? word_int(k) : nodes[edges[i][k]]);
                        }
                }
                gc_root_store(f.mutator, f.root, nodes[0]);
                reached[0] = true;
                stack[n_stack++] = 0;
                while (n_stack > 0) {
                        int at = stack[--n_stack];

                        n_live++;
                        for (int k = 0; k < DEGREE; k++) {
                                int to = edges[at][k];

                                if (to >= 0 && !reached[to]) {
                                        reached[to] = true;
                                        stack[n_stack++] = to;
                                }
                        }
                }
                cr_assert_eq(fixture_collect(&f), n_live);
                for (int i = 0; i < N; i++) {
                        const uint64_t *words = (const uint64_t *)(heap_base(f.heap) + offsets[i] -
                                                                   1);

                        cr_assert(!reached[i] || edges[i][0] < 0 ||
                                  words[1] == offsets[edges[i][0]]);
                }
                fixture_deinit(&f);
        }
}

/* --- one worker splits its work for another ------------------------------------------- */

struct split {
        struct fixture f;
        _Atomic bool waited;
};

/* Before it scans its first object, the worker that has it waits until the other has nothing. */
static void split_point(void *user, enum gc_point point)
{
        struct split *split = user;

        if (point == GC_POINT_WORKER_SCAN && !atomic_exchange(&split->waited, true)) {
                while (atomic_load(&split->f.gc->grey.n_waiting) == 0) {
                        sched_yield();
                }
        }
}

/* The object has more references than an entry needs to be worth splitting, and something hangs on
 * each: what is lost between two packets is missed. */
Test(mark, what_a_worker_hands_to_another_is_scanned)
{
        enum { N = 1000 };
        static struct split split;
        struct gc_config config = {.percent = -1,
                                   .n_workers = 2,
                                   .no_scavenge = true,
                                   .point = split_point,
                                   .point_user = &split};
        struct fixture *f = &split.f;
        struct word root;

        fixture_init_with(f, &config);
        root = gc_alloc(f->mutator, f->node, N);
        gc_root_store(f->mutator, f->root, root);
        for (uint32_t i = 0; i < N; i++) {
                struct word child = gc_alloc(f->mutator, f->node, 1);

                gc_store(f->mutator, child, 0, gc_alloc(f->mutator, f->node, 1));
                gc_store(f->mutator, root, i, child);
        }
        cr_assert_eq(fixture_collect(f), 1u + 2 * N);
        fixture_deinit(f);
}
