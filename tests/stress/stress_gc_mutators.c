/* SPDX-License-Identifier: MIT */

/*
 * Eight mutators allocate, link, cut and look up in one heap while cycles run as fast as they can.
 * Each thread owns a table of slots behind its root cell and a shadow of what it put there; some
 * slots are handed to the next thread through a shared, barriered object. What a thread reaches
 * must always be what the shadow says: an object freed too early, or memory given out twice,
 * changes it. A listener keeps which offsets are in use: each object's death is announced, once,
 * and before its memory is given out again (GC-12). At the end, when all
 * is dropped, a quiet cycle must leave nothing: what is dead is not kept either.
 *
 * Environment: HEAPD_SEED replays the choices (not the interleaving). HEAPD_STRESS_OPS sets the
 * operations per thread, HEAPD_STRESS_SECONDS a time: they go on until both are over, and
 * CYCLES_MIN cycles. HEAPD_STRESS_RESULTS names a file to which a run that found nothing adds what
 * it was.
 *
 * By hand, from the top of the tree; what they said is kept in tests/stress/RESULTS.txt.
 * Ten million operations with cycle after cycle, each checked by a second marking, and delays:
 *
 *     HEAPD_GC_DEBUG=rage,checkmark,delay=50 HEAPD_STRESS_OPS=1250000 \
 *         HEAPD_STRESS_RESULTS=tests/stress/RESULTS.txt build/tests/stress_gc_mutators
 *
 * Half an hour of rage:
 *
 *     HEAPD_GC_DEBUG=rage,poison,delay=50,log=1 HEAPD_STRESS_OPS=1 HEAPD_STRESS_SECONDS=1800 \
 *         HEAPD_STRESS_RESULTS=tests/stress/RESULTS.txt build/tests/stress_gc_mutators
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/seed.h"

enum { N_THREADS = 8, N_SLOTS = 200, N_SHARED = 64, CYCLES_MIN = 12, RESERVE_BYTES = 1 << 30 };

struct world {
        struct heap *heap;
        struct gc *gc;
        struct gc_root *shared; /* an object of N_SHARED slots that every thread reads and writes */
        unsigned node, blob;
        long n_ops;        /* of each thread, at least */
        uint64_t until_ns; /* and so long */
        uint64_t begin_ns;
        uint64_t seed;
        const char *debug;
        struct gc_listener listener;
        _Atomic long n_born, n_freed;
        _Atomic unsigned n_cycles; /* that the raging thread has seen end */
        _Atomic bool done;
};

struct player {
        struct world *world;
        struct seed seed;
        pthread_t thread;
        uint64_t values[N_SLOTS]; /* the shadow: what slot i's object says, 0: nil */
        long n_done;              /* operations */
        bool starved;             /* no memory: wait for a cycle */
};

/* By granule. Plain bytes that mutators and sweepers write in turn: what orders them is the
 * collector, and ThreadSanitizer sees whether it does. */
static bool in_use[RESERVE_BYTES / HEAP_GRANULE_BYTES];

static void world_freed(void *user, unsigned worker, const struct sweep_freed *freed)
{
        struct world *world = user;
        uint64_t bits = freed->bits, offset;

        (void)worker;
        while ((offset = sweep_freed_next(freed, &bits))) {
                hd_assert(in_use[offset / HEAP_GRANULE_BYTES]);
                in_use[offset / HEAP_GRANULE_BYTES] = false;
                world->n_freed++;
        }
}

static struct word world_alloc(struct world *world, struct mutator *m, unsigned descriptor,
                               uint32_t count)
{
        struct word object = gc_alloc(m, descriptor, count);

        if (!word_is_nil(object)) {
                uint64_t granule = (object.bits - WORD_REF_BIT) / HEAP_GRANULE_BYTES;

                hd_assert(!in_use[granule]);
                in_use[granule] = true;
                world->n_born++;
        }
        return object;
}

/* A chain of up to `depth` nodes, each holding `value` and a blob that repeats it. */
static struct word player_build(struct player *p, struct mutator *m, uint64_t value, int depth)
{
        struct word next = word_nil();

        while (depth-- > 0) {
                struct word node = world_alloc(p->world, m, p->world->node, 3);
                struct word blob = world_alloc(p->world, m, p->world->blob, 24);

                if (word_is_nil(node) || word_is_nil(blob)) {
                        p->starved = true;
                        return word_nil();
                }
                ((uint64_t *)gc_bytes_init(m, blob))[2] = value;
                gc_store(m, node, 0, word_int((int64_t)value));
                gc_store(m, node, 1, blob);
                gc_store(m, node, 2, next);
                next = node;
        }
        return next;
}

static void player_check(struct mutator *m, struct word node, uint64_t value)
{
        for (int i = 0; !word_is_nil(node); i++) {
                struct word blob = gc_load(m, node, 1);

                hd_assert(i < 100);
                hd_assert(gc_count(m, node) == 3 && gc_count(m, blob) == 24);
                hd_assert(word_get_int(gc_load(m, node, 0)) == (int64_t)value);
                hd_assert(((const uint64_t *)gc_bytes(m, blob))[2] == value);
                node = gc_load(m, node, 2);
        }
}

static void player_step(struct player *p, struct mutator *m, struct gc_root *root)
{
        struct word table = gc_root_load(m, root);
        uint32_t slot = (uint32_t)seed_below(&p->seed, N_SLOTS);
        uint32_t shared_slot = (uint32_t)seed_below(&p->seed, N_SHARED);
        struct word shared = gc_root_load(m, p->world->shared), chain;

        switch (seed_below(&p->seed, 8)) {
        case 0:
        case 1:
        case 2:
                p->values[slot] = seed_next(&p->seed) >> 8;
                chain = player_build(p, m, p->values[slot], 1 + (int)seed_below(&p->seed, 6));
                p->values[slot] = word_is_nil(chain) ? 0 : p->values[slot];
                gc_store(m, table, slot, chain);
                break;
        case 3: /* an edge moves: loaded, cut, stored elsewhere */
                chain = gc_load(m, table, slot);
                gc_store(m, table, slot, word_nil());
                gc_store(m, table, (slot + 1) % N_SLOTS, chain);
                p->values[(slot + 1) % N_SLOTS] = p->values[slot];
                p->values[slot] = 0;
                break;
        case 4: /* hand over to whoever comes by; what it says is checked there */
                gc_store(m, shared, shared_slot, gc_load(m, table, slot));
                break;
        case 5: /* take over from somebody */
                chain = gc_load(m, shared, shared_slot);
                if (word_is_ref(chain)) {
                        p->values[slot] = (uint64_t)word_get_int(gc_load(m, chain, 0));
                        gc_store(m, table, slot, chain);
                }
                break;
        case 6:
                gc_store(m, table, slot, word_nil());
                p->values[slot] = 0;
                break;
        default:
                player_check(m, gc_load(m, table, slot), p->values[slot]);
        }
}

/* The clock is looked at now and then. */
static bool player_is_over(struct player *p)
{
        return p->n_done >= p->world->n_ops && p->world->n_cycles >= CYCLES_MIN &&
               (p->world->until_ns == 0 ||
                (p->n_done % 64 == 0 && clock_now_ns() >= p->world->until_ns));
}

static void *player_main(void *user)
{
        struct player *p = user;
        struct mutator *m;
        struct gc_root *root;

        hd_assert(gc_attach(p->world->gc, "player", &m) == 0);
        gc_enter(m);
        root = gc_root_new(m);
        gc_root_store(m, root, world_alloc(p->world, m, p->world->node, N_SLOTS));
        for (; !player_is_over(p); p->n_done++) {
                player_step(p, m, root);
                if (p->starved) {
                        p->starved = false;
                        gc_leave(m);
                        gc_wait(p->world->gc, gc_request(p->world->gc, GC_REASON_FORCED));
                        gc_enter(m);
                } else if (seed_one_in(&p->seed, 50)) {
                        gc_leave(m);
                        gc_enter(m);
                } else {
                        gc_poll(m);
                }
        }
        for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
                player_check(m, gc_load(m, gc_root_load(m, root), slot), p->values[slot]);
        }
        gc_root_free(m, root);
        gc_leave(m);
        gc_detach(m);
        return NULL;
}

static void *rage_main(void *user)
{
        struct world *world = user;

        while (!world->done) {
                gc_wait(world->gc, gc_request(world->gc, GC_REASON_FORCED));
                world->n_cycles++;
        }
        return NULL;
}

static void world_init(struct world *world)
{
        struct heap_config heap_config = {.reserve_bytes = RESERVE_BYTES,
                                          .limit_bytes = UINT64_C(200) << 20};
        struct gc_config config = {.percent = 100, .n_workers = 2, .queue_entries = 64};
        const char *ops = getenv("HEAPD_STRESS_OPS"), *debug = getenv("HEAPD_GC_DEBUG");
        const char *seconds = getenv("HEAPD_STRESS_SECONDS");
        char error[100];
        struct mutator *m;

        *world = (struct world){.n_ops = ops ? atol(ops) : 200000,
                                .debug = debug ? debug : "",
                                .begin_ns = clock_now_ns()};
        hd_assert(gc_debug_parse(world->debug, &config.debug, error, sizeof(error)));
        if (seconds) {
                world->until_ns = world->begin_ns + (uint64_t)atol(seconds) * 1000000000;
        }
        world->listener = (struct gc_listener){.user = world, .freed = world_freed};
        config.listener = &world->listener;
        hd_assert(heap_new(&world->heap, &heap_config) == 0);
        hd_assert(gc_new(&world->gc, world->heap, &config) == 0);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 1}, &world->node);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 2, .noscan = true},
                          &world->blob);
        hd_assert(gc_attach(world->gc, "main", &m) == 0);
        gc_enter(m);
        world->shared = gc_root_new(m);
        gc_root_store(m, world->shared, world_alloc(world, m, world->node, N_SHARED));
        gc_leave(m);
        gc_detach(m);
}

static bool world_count(void *user, uint64_t offset, uint64_t header, uint64_t size, bool noscan)
{
        (void)header, (void)size, (void)noscan;
        hd_assert(in_use[offset / HEAP_GRANULE_BYTES]);
        --*(long *)user;
        return true;
}

/* No root cell holds anything, and nothing runs: a cycle has to free all there is (GC-8). */
static void world_expect_empty(struct world *world, struct gc_stats *ret_stats)
{
        struct mutator *m;

        hd_assert(gc_attach(world->gc, "main", &m) == 0);
        gc_enter(m);
        gc_root_free(m, world->shared);
        gc_leave(m);
        gc_wait(world->gc, gc_request(world->gc, GC_REASON_FORCED));
        gc_get_stats(world->gc, ret_stats);
        hd_assert(ret_stats->last.live_objects == 0);
        gc_detach(m);
}

static void world_tell(const struct world *world, FILE *file, long n_done,
                       const struct gc_stats *stats)
{
        fprintf(file,
                "%d threads, %ld operations in %.0f s, %llu cycles, %llu vetoes, settings '%s', "
                "HEAPD_SEED=0x%016llx: nothing lost, nothing dead kept\n",
                N_THREADS, n_done, (double)(clock_now_ns() - world->begin_ns) / 1e9,
                (unsigned long long)stats->n_cycles, (unsigned long long)stats->n_vetoes,
                world->debug, (unsigned long long)world->seed);
}

static int world_deinit(struct world *world)
{
        char text[200] = "";
        long n_left;

        gc_free(world->gc);
        if (!heap_verify(world->heap, text, sizeof(text))) {
                printf("heap: %s\n", text);
                return 1;
        }
        n_left = world->n_born - world->n_freed;
        heap_walk(world->heap, world_count, &n_left);
        hd_assert(n_left == 0);
        heap_free(world->heap);
        return 0;
}

/* False if it cannot be kept. */
static bool world_keep_results(const struct world *world, long n_done, const struct gc_stats *stats)
{
        const char *path = getenv("HEAPD_STRESS_RESULTS");
        FILE *file = path ? fopen(path, "a") : NULL;

        if (file) {
                world_tell(world, file, n_done, stats);
        }
        return !path || (file && fclose(file) == 0);
}

int main(void)
{
        static struct player players[N_THREADS];
        struct world world;
        struct gc_stats stats;
        struct seed seed;
        pthread_t rage;
        long n_done = 0;

        seed_init(&seed);
        world_init(&world);
        world.seed = seed.state;
        pthread_create(&rage, NULL, rage_main, &world);
        for (int i = 0; i < N_THREADS; i++) {
                players[i] = (struct player){.world = &world, .seed = seed_fork(&seed)};
                pthread_create(&players[i].thread, NULL, player_main, &players[i]);
        }
        for (int i = 0; i < N_THREADS; i++) {
                pthread_join(players[i].thread, NULL);
                n_done += players[i].n_done;
        }
        world.done = true;
        pthread_join(rage, NULL);
        world_expect_empty(&world, &stats);
        hd_assert(stats.n_cycles >= CYCLES_MIN);
        world_tell(&world, stdout, n_done, &stats);
        return world_deinit(&world) != 0 || !world_keep_results(&world, n_done, &stats);
}
