/* SPDX-License-Identifier: MIT */

/*
 * Nobody waits for anybody. For every point of points.def: the first thread that passes it is
 * frozen there, and a mutator must complete 10^5 requests (allocating, storing, loading, cutting)
 * meanwhile. A worker, the controller and another mutator in the middle of its request are all
 * frozen this way, so every phase that can be reached with somebody stuck in it is. The test never
 * looks at a clock: a request that waited for the frozen thread would wait for ever, and meson ends
 * the program.
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
        _Atomic bool armed, done;
        _Atomic uint32_t frozen_phase;
        sem_t frozen, thaw;
};

static void world_point(void *user, enum gc_point point)
{
        struct world *world = user;

        if (point == world->freeze_at && !pthread_equal(pthread_self(), world->runner) &&
            atomic_exchange(&world->armed, false)) {
                struct gc_stats stats;

                gc_get_stats(world->gc, &stats);
                world->frozen_phase = stats.phase;
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

        *world = (struct world){.runner = pthread_self(), .freeze_at = point};
        sem_init(&world->frozen, 0, 0);
        sem_init(&world->thaw, 0, 0);
        hd_assert(heap_new(&world->heap, &heap_config) == 0);
        hd_assert(gc_new(&world->gc, world->heap, &config) == 0);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 1}, &world->node);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 2, .weak = true}, &world->weak);
}

static void freeze(enum gc_point point, struct seed *seed)
{
        struct world world;
        struct mutator *m;
        struct gc_root *root;
        pthread_t other, cycles;
        char text[200] = "";

        world_init(&world, point);
        hd_assert(gc_attach(world.gc, "runner", &m) == 0);
        gc_enter(m);
        root = table_new(&world, m);
        for (int i = 0; i < 5000; i++) {
                request(&world, m, root, seed); /* something to mark */
        }
        gc_poll(m);
        pthread_create(&other, NULL, other_main, &world);
        pthread_create(&cycles, NULL, cycles_main, &world);
        world.armed = true;
        while (sem_trywait(&world.frozen) != 0) {
                request(&world, m, root, seed);
                gc_poll(m);
        }
        for (int i = 0; i < N_REQUESTS; i++) {
                request(&world, m, root, seed);
                gc_poll(m);
        }
        printf("ok - frozen at \"%s\", in phase %s\n", gc_point_name(point),
               gc_phase_name(world.frozen_phase));
        fflush(stdout);
        world.done = true;
        sem_post(&world.thaw);
        gc_root_free(m, root);
        gc_leave(m);
        pthread_join(other, NULL);
        pthread_join(cycles, NULL);
        gc_detach(m);
        gc_free(world.gc);
        hd_assert(heap_verify(world.heap, text, sizeof(text)));
        heap_free(world.heap);
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
        return 0;
}
