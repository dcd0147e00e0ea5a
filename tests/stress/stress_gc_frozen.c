/* SPDX-License-Identifier: MIT */

/*
 * Nobody waits for anybody. For every point of points.def: the first thread that passes it is
 * frozen there, and a mutator must complete 10^5 requests (allocating, storing, loading, cutting)
 * meanwhile. A worker, the controller and another mutator in the middle of its request are all
 * frozen this way, so every phase that can be reached with somebody stuck in it is. The test never
 * looks at a clock: a request that waited for the frozen thread would wait for ever, and meson ends
 * the program.
 *
 * Then, for every phase: the cycle is stopped there, a mutator begins a request and is held in the
 * middle of it, with a reference to an object that it has cut off, and the cycle may go on as far
 * as it can, which is the next handshake. Two other mutators complete 10^5 requests each meanwhile,
 * and what was cut off is still there.
 *
 * Left out is the controller frozen on its way to be somebody's proxy, or as one: it is a thread of
 * normal priority that does O(1) work there, under the lock of the table of mutators.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "gc/gc.h"
#include "gc/phase.h"
#include "heap/descriptor.h"
#include "support/seed.h"

enum { N_REQUESTS = 100000, N_SLOTS = 256 };

struct world {
        struct heap *heap;
        struct gc *gc;
        unsigned node, weak;
        pthread_t runner; /* the one that must never be frozen */
        enum gc_point freeze_at;
        enum gc_phase freeze_in; /* _GC_PHASE_N: any */
        _Atomic bool armed, done;
        _Atomic uint32_t frozen_phase;
        _Atomic uint32_t n_other; /* requests of the other thread */
        sem_t frozen, thaw;
};

static enum gc_phase world_phase(struct world *world)
{
        struct gc_stats stats;

        gc_get_stats(world->gc, &stats);
        return stats.phase;
}

static void world_point(void *user, enum gc_point point)
{
        struct world *world = user;

        if (point == world->freeze_at && !pthread_equal(pthread_self(), world->runner) &&
            (world->freeze_in == _GC_PHASE_N || world->freeze_in == world_phase(world)) &&
            atomic_exchange(&world->armed, false)) {
                world->frozen_phase = world_phase(world);
                sem_post(&world->frozen);
                sem_wait(&world->thaw);
        }
}

/* One request: a chain is built, linked, read back, another one cut; weak words come and go. */
static void request(struct world *world, struct mutator *m, struct gc_root *root, struct seed *seed)
{
        struct word table = gc_root_load(m, root), node = word_nil(), weak;
        uint32_t slot = (uint32_t)seed_below(seed, N_SLOTS);

        for (int i = 0; i < 3; i++) {
                struct word next = gc_alloc(m, world->node, 2);

                if (word_is_nil(next)) {
                        return; /* the cycle is frozen, so memory may run out: an error, no wait */
                }
                gc_store(m, next, 0, node);
                gc_store(m, next, 1, word_int(slot));
                node = next;
        }
        gc_store(m, table, slot, node);
        node = gc_load(m, table, (slot + 1) % N_SLOTS);
        while (!word_is_nil(node)) {
                hd_assert(word_get_int(gc_load(m, node, 1)) == (slot + 1) % N_SLOTS);
                node = gc_load(m, node, 0);
        }
        gc_store(m, table, (slot + 2) % N_SLOTS, word_nil());
        weak = gc_alloc(m, world->weak, 1);
        if (!word_is_nil(weak) && !word_is_nil(gc_load(m, table, slot))) {
                gc_store(m, weak, 0, gc_weak_make(m, gc_load(m, table, slot)));
                gc_store(m, table, N_SLOTS, weak);
        }
        gc_weak_load(m, gc_load(m, table, N_SLOTS), 0);
}

static struct gc_root *table_new(struct world *world, struct mutator *m)
{
        struct gc_root *root = gc_root_new(m);

        gc_root_store(m, root, gc_alloc(m, world->node, N_SLOTS + 1));
        gc_store(m, gc_root_load(m, root), N_SLOTS, gc_alloc(m, world->weak, 1));
        return root;
}

/* Works in small requests and goes away between them, so that it can be frozen and proxied. */
static void *other_main(void *user)
{
        struct world *world = user;
        struct mutator *m;
        struct gc_root *root;
        struct seed seed = {.state = 1};

        hd_assert(gc_attach(world->gc, "other", &m) == 0);
        gc_enter(m);
        root = table_new(world, m);
        gc_leave(m);
        while (!world->done) {
                gc_enter(m);
                request(world, m, root, &seed);
                gc_leave(m);
                world->n_other++;
        }
        gc_enter(m);
        gc_root_free(m, root);
        gc_leave(m);
        gc_detach(m);
        return NULL;
}

static void *cycles_main(void *user)
{
        struct world *world = user;

        while (!world->done) {
                gc_wait(world->gc, gc_request(world->gc, GC_REASON_FORCED));
        }
        return NULL;
}

static void world_init(struct world *world, enum gc_point point)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30,
                                          .limit_bytes = UINT64_C(100) << 20};
        struct gc_config config = {
                .percent = 100, .queue_entries = 8, .point = world_point, .point_user = world};

        *world = (struct world){
                .runner = pthread_self(), .freeze_at = point, .freeze_in = _GC_PHASE_N};
        sem_init(&world->frozen, 0, 0);
        sem_init(&world->thaw, 0, 0);
        hd_assert(heap_new(&world->heap, &heap_config) == 0);
        hd_assert(gc_new(&world->gc, world->heap, &config) == 0);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 1}, &world->node);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 2, .weak = true}, &world->weak);
}

/* Everything but the one that may be held. */
struct players {
        struct world world;
        struct mutator *runner;
        struct gc_root *root;
        pthread_t other, cycles;
        struct seed *seed;
};

static void run(struct players *players)
{
        request(&players->world, players->runner, players->root, players->seed);
        gc_poll(players->runner);
}

static void players_begin(struct players *players, enum gc_point point, struct seed *seed)
{
        struct world *world = &players->world;

        world_init(world, point);
        players->seed = seed;
        hd_assert(gc_attach(world->gc, "runner", &players->runner) == 0);
        gc_enter(players->runner);
        players->root = table_new(world, players->runner);
        for (int i = 0; i < 5000; i++) {
                run(players); /* something to mark */
        }
}

static void players_start(struct players *players)
{
        pthread_create(&players->other, NULL, other_main, &players->world);
        pthread_create(&players->cycles, NULL, cycles_main, &players->world);
}

static void players_await_frozen(struct players *players)
{
        players->world.armed = true;
        while (sem_trywait(&players->world.frozen) != 0) {
                run(players);
        }
}

static void players_end(struct players *players)
{
        struct world *world = &players->world;
        char text[200] = "";

        world->done = true;
        gc_root_free(players->runner, players->root);
        gc_leave(players->runner);
        pthread_join(players->other, NULL);
        pthread_join(players->cycles, NULL);
        gc_detach(players->runner);
        gc_free(world->gc);
        hd_assert(heap_verify(world->heap, text, sizeof(text)));
        heap_free(world->heap);
}

static void freeze(enum gc_point point, struct seed *seed)
{
        struct players players;

        players_begin(&players, point, seed);
        players_start(&players);
        players_await_frozen(&players);
        for (int i = 0; i < N_REQUESTS; i++) {
                run(&players);
        }
        printf("ok - frozen at \"%s\", in phase %s\n", gc_point_name(point),
               gc_phase_name(players.world.frozen_phase));
        fflush(stdout);
        sem_post(&players.world.thaw);
        players_end(&players);
}

/* Where to stop the cycle in each phase; IDLE: before there is one. */
static const enum gc_point steps[_GC_PHASE_N] = {
        [GC_PHASE_ARM] = GC_POINT_CONTROLLER_REQUESTED,
        [GC_PHASE_BLACKEN] = GC_POINT_CONTROLLER_REQUESTED,
        [GC_PHASE_MARK] = GC_POINT_WORKER_ROOTS,
        [GC_PHASE_PROPOSE] = GC_POINT_CONTROLLER_REQUESTED,
        [GC_PHASE_DISARM] = GC_POINT_CONTROLLER_REQUESTED,
        [GC_PHASE_CLEAR] = GC_POINT_WORKER_WEAK,
        [GC_PHASE_WHITEN] = GC_POINT_CONTROLLER_REQUESTED,
        [GC_PHASE_SWEEP] = GC_POINT_WORKER_SWEEP,
};

static bool phase_waits(enum gc_phase phase)
{
        return phase == GC_PHASE_ARM || phase == GC_PHASE_BLACKEN || phase == GC_PHASE_PROPOSE ||
               phase == GC_PHASE_DISARM || phase == GC_PHASE_WHITEN;
}

static void hold(enum gc_phase phase, struct seed *seed)
{
        struct players players;
        struct world *world = &players.world;
        struct mutator *held;
        struct gc_root *root;
        struct word cut;
        uint32_t n_other;

        players_begin(&players, steps[phase], seed);
        hd_assert(gc_attach(world->gc, "held", &held) == 0);
        gc_enter(held);
        root = gc_root_new(held);
        cut = gc_alloc(held, world->node, 1);
        gc_store(held, cut, 0, word_int(4711));
        gc_root_store(held, root, cut);
        gc_leave(held);
        if (phase != GC_PHASE_IDLE) {
                world->freeze_in = phase;
                players_start(&players);
                players_await_frozen(&players);
        }
        gc_enter(held);
        cut = gc_root_load(held, root);
        gc_root_store(held, root, word_nil());
        if (phase != GC_PHASE_IDLE) {
                sem_post(&world->thaw);
        } else {
                players_start(&players);
        }
        n_other = world->n_other;
        for (int i = 0; i < N_REQUESTS || world->n_other - n_other < N_REQUESTS ||
                        !phase_waits(world_phase(world));
             i++) {
                run(&players);
        }
        hd_assert(word_get_int(gc_load(held, cut, 0)) == 4711);
        printf("ok - a mutator held in a request since %s: the cycle waits in %s, nobody else\n",
               gc_phase_name(phase), gc_phase_name(world_phase(world)));
        fflush(stdout);
        gc_root_free(held, root);
        gc_leave(held);
        gc_detach(held);
        players_end(&players);
}

int main(void)
{
        struct seed seed;

        seed_init(&seed);
        for (enum gc_point point = 0; point < _GC_POINT_N; point++) {
                if (point != GC_POINT_CONTROLLER_LOOKED && point != GC_POINT_CONTROLLER_PROXY) {
                        freeze(point, &seed);
                }
        }
        for (enum gc_phase phase = 0; phase < _GC_PHASE_N; phase++) {
                hold(phase, &seed);
        }
        return 0;
}
