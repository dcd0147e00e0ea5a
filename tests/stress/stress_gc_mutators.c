/* SPDX-License-Identifier: MIT */

/*
 * Eight mutators allocate, link, cut and look up in one heap while cycles run as fast as they can.
 * Each thread owns a table of slots behind its root cell and a shadow of what it put there; some
 * slots are handed to the next thread through a shared, barriered object. What a thread reaches
 * must always be what the shadow says: an object freed too early, or memory given out twice,
 * changes it. A listener keeps which offsets are in use: each object's death is announced, once,
 * and before its memory is given out again (GC-12).
 *
 * Environment: HEAPD_SEED replays the choices (not the interleaving), HEAPD_STRESS_OPS sets the
 * operations per thread (at least; they go on until CYCLES_MIN cycles have passed).
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/seed.h"

enum { N_THREADS = 8, N_SLOTS = 200, N_SHARED = 64, CYCLES_MIN = 12, RESERVE_BYTES = 1 << 30 };

struct world {
        struct heap *heap;
        struct gc *gc;
        struct gc_root *shared; /* an object of N_SHARED slots that every thread reads and writes */
        unsigned node, blob;
        long n_ops;
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

static void *player_main(void *user)
{
        struct player *p = user;
        struct mutator *m;
        struct gc_root *root;

        hd_assert(gc_attach(p->world->gc, "player", &m) == 0);
        gc_enter(m);
        root = gc_root_new(m);
        gc_root_store(m, root, world_alloc(p->world, m, p->world->node, N_SLOTS));
        for (long i = 0; i < p->world->n_ops || p->world->n_cycles < CYCLES_MIN; i++) {
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
        char error[100];
        struct mutator *m;

        hd_assert(gc_debug_parse(debug ? debug : "", &config.debug, error, sizeof(error)));

        *world = (struct world){.n_ops = ops ? atol(ops) : 200000};
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

int main(void)
{
        static struct player players[N_THREADS];
        struct world world;
        struct gc_stats stats;
        struct seed seed;
        pthread_t rage;
        long n_left;
        char text[200] = "";

        seed_init(&seed);
        world_init(&world);
        pthread_create(&rage, NULL, rage_main, &world);
        for (int i = 0; i < N_THREADS; i++) {
                players[i] = (struct player){.world = &world, .seed = seed_fork(&seed)};
                pthread_create(&players[i].thread, NULL, player_main, &players[i]);
        }
        for (int i = 0; i < N_THREADS; i++) {
                pthread_join(players[i].thread, NULL);
        }
        world.done = true;
        pthread_join(rage, NULL);
        gc_get_stats(world.gc, &stats);
        printf("%d threads, %ld operations each, %llu cycles\n", N_THREADS, world.n_ops,
               (unsigned long long)stats.n_cycles);
        hd_assert(stats.n_cycles >= CYCLES_MIN);
        gc_free(world.gc);
        if (!heap_verify(world.heap, text, sizeof(text))) {
                printf("heap: %s\n", text);
                return 1;
        }
        n_left = world.n_born - world.n_freed;
        heap_walk(world.heap, world_count, &n_left);
        hd_assert(n_left == 0);
        heap_free(world.heap);
        return 0;
}
