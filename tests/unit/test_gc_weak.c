/* SPDX-License-Identifier: MIT */

/*
 * Weak words: they die with their object and not before, whenever in a cycle they are looked at; a
 * dead one stays dead. A point function lets the test act at chosen steps of the protocol.
 */

#include <pthread.h>
#include <semaphore.h>

#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/unit.h"

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *root; /* a table of weak words and strong ones */
        unsigned node, weak, blob;
        enum gc_point stop_at; /* the controller stops once at this point */
        bool armed;
        sem_t stopped, go;
};

static void fixture_point(void *user, enum gc_point point)
{
        struct fixture *f = user;

        if (__atomic_load_n(&f->armed, __ATOMIC_ACQUIRE) && point == f->stop_at) {
                __atomic_store_n(&f->armed, false, __ATOMIC_RELEASE);
                sem_post(&f->stopped);
                sem_wait(&f->go);
        }
}

static void fixture_init(struct fixture *f)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30};
        struct gc_config config = {.percent = -1,
                                   .no_scavenge = true,
                                   .debug = {.poison = 1},
                                   .point = fixture_point,
                                   .point_user = f};

        sem_init(&f->stopped, 0, 0);
        sem_init(&f->go, 0, 0);
        f->armed = false;
        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, &config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 1}, &f->node);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 2, .weak = true}, &f->weak);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 3, .noscan = true}, &f->blob);
        gc_enter(f->mutator);
        f->root = gc_root_new(f->mutator);
        gc_root_store(f->mutator, f->root, gc_alloc(f->mutator, f->weak, 8));
        gc_leave(f->mutator);
}

static void fixture_deinit(struct fixture *f)
{
        char text[200] = "";

        gc_detach(f->mutator);
        gc_free(f->gc);
        cr_assert(heap_verify(f->heap, text, sizeof(text)), "%s", text);
        heap_free(f->heap);
}

static struct word table(struct fixture *f)
{
        return gc_root_load(f->mutator, f->root);
}

/* Puts a weak word of a fresh object into a slot; with `strong`, the object into the next one. */
static void fixture_put(struct fixture *f, uint32_t slot, bool strong)
{
        struct word object = gc_alloc(f->mutator, f->node, 1);

        gc_store(f->mutator, object, 0, word_int(slot));
        gc_store(f->mutator, table(f), slot, gc_weak_make(f->mutator, object));
        if (strong) {
                gc_store(f->mutator, table(f), slot + 1, object);
        }
}

static bool fixture_alive(struct fixture *f, uint32_t slot)
{
        struct word object = gc_weak_load(f->mutator, table(f), slot);

        cr_assert(word_is_nil(object) ||
                  word_get_int(gc_load(f->mutator, object, 0)) == (int64_t)slot);
        return !word_is_nil(object);
}

static void fixture_collect(struct fixture *f)
{
        gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
}

/* Starts a cycle and returns when the controller stands at the point. */
static uint64_t fixture_stop_at(struct fixture *f, enum gc_point point)
{
        uint64_t cycle;

        f->stop_at = point;
        __atomic_store_n(&f->armed, true, __ATOMIC_RELEASE);
        cycle = gc_request(f->gc, GC_REASON_FORCED);
        sem_wait(&f->stopped);
        return cycle;
}

static void fixture_go_on(struct fixture *f, uint64_t cycle)
{
        sem_post(&f->go);
        gc_wait(f->gc, cycle);
}

Test(weak, a_weak_word_dies_with_its_object)
{
        struct fixture f;

        fixture_init(&f);
        gc_enter(f.mutator);
        fixture_put(&f, 0, false);
        fixture_put(&f, 2, true);
        cr_assert(fixture_alive(&f, 0) && fixture_alive(&f, 2));
        gc_leave(f.mutator);
        fixture_collect(&f);
        gc_enter(f.mutator);
        cr_assert(!fixture_alive(&f, 0));
        cr_assert(word_is_dead(gc_load(f.mutator, table(&f), 0)));
        cr_assert(fixture_alive(&f, 2));
        gc_store(f.mutator, table(&f), 3, word_nil());
        cr_assert(fixture_alive(&f, 2), "until a cycle finds out");
        gc_leave(f.mutator);
        fixture_collect(&f);
        gc_enter(f.mutator);
        cr_assert(!fixture_alive(&f, 2));
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

Test(weak, the_words_of_every_object_die)
{
        enum { N = 700 };
        struct fixture f;
        struct word all;

        fixture_init(&f);
        gc_enter(f.mutator);
        all = gc_alloc(f.mutator, f.node, N);
        gc_store(f.mutator, table(&f), 0, all);
        for (uint32_t i = 0; i < N; i++) {
                struct word weak = gc_alloc(f.mutator, f.weak, 1);
                struct word object = gc_alloc(f.mutator, f.node, 1);

                gc_store(f.mutator, weak, 0, gc_weak_make(f.mutator, object));
                gc_store(f.mutator, all, i, weak);
        }
        gc_leave(f.mutator);
        fixture_collect(&f);
        gc_enter(f.mutator);
        all = gc_load(f.mutator, table(&f), 0);
        for (uint32_t i = 0; i < N; i++) {
                cr_assert(word_is_dead(gc_load(f.mutator, gc_load(f.mutator, all, i), 0)));
        }
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

Test(weak, what_is_not_weak_loads_as_nil)
{
        struct fixture f;

        fixture_init(&f);
        gc_enter(f.mutator);
        gc_store(f.mutator, table(&f), 0, gc_alloc(f.mutator, f.node, 1));
        gc_store(f.mutator, table(&f), 1, word_int(5));
        for (uint32_t slot = 0; slot < 3; slot++) {
                cr_assert(word_is_nil(gc_weak_load(f.mutator, table(&f), slot)));
        }
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

/* Before the commit a weak load revives; after it the answer is nil. Either way for good. */
Test(weak, a_load_during_marking_keeps_the_object)
{
        static const enum gc_point points[] = {GC_POINT_CONTROLLER_REQUESTED,
                                               GC_POINT_CONTROLLER_FETCHED,
                                               GC_POINT_CONTROLLER_WAVE};

        for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
                struct fixture f;
                struct gc_stats stats;
                uint64_t cycle;

                fixture_init(&f);
                gc_enter(f.mutator);
                fixture_put(&f, 0, false);
                gc_leave(f.mutator);
                cycle = fixture_stop_at(&f, points[i]);
                gc_enter(f.mutator);
                cr_assert(fixture_alive(&f, 0));
                gc_store(f.mutator, table(&f), 1, gc_weak_load(f.mutator, table(&f), 0));
                gc_leave(f.mutator);
                fixture_go_on(&f, cycle);
                gc_enter(f.mutator);
                cr_assert(fixture_alive(&f, 0));
                gc_leave(f.mutator);
                fixture_collect(&f);
                gc_enter(f.mutator);
                cr_assert(fixture_alive(&f, 0), "held by slot 1");
                gc_leave(f.mutator);
                gc_get_stats(f.gc, &stats);
                cr_assert_eq(stats.n_vetoes, points[i] == GC_POINT_CONTROLLER_WAVE ? 1u : 0u);
                fixture_deinit(&f);
        }
}

Test(weak, after_the_commit_the_answer_is_nil_and_stays_nil)
{
        struct fixture f;
        uint64_t cycle;

        fixture_init(&f);
        gc_enter(f.mutator);
        fixture_put(&f, 0, false);
        fixture_put(&f, 2, true);
        gc_leave(f.mutator);
        cycle = fixture_stop_at(&f, GC_POINT_WORKER_WEAK);
        gc_enter(f.mutator);
        cr_assert(!fixture_alive(&f, 0), "committed, although its word is not cleared yet");
        cr_assert(fixture_alive(&f, 2));
        cr_assert(word_is_dead(gc_weak_copy(f.mutator, table(&f), 0)));
        gc_store(f.mutator, table(&f), 4, gc_weak_copy(f.mutator, table(&f), 0));
        gc_store(f.mutator, table(&f), 5, gc_weak_copy(f.mutator, table(&f), 2));
        fixture_put(&f, 6, true);
        cr_assert(fixture_alive(&f, 6), "newborn");
        gc_leave(f.mutator);
        fixture_go_on(&f, cycle);
        gc_enter(f.mutator);
        cr_assert(!fixture_alive(&f, 0));
        cr_assert(!fixture_alive(&f, 4));
        cr_assert(!word_is_nil(gc_weak_load(f.mutator, table(&f), 5)));
        cr_assert(fixture_alive(&f, 6));
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

/* Who only looks keeps nothing alive, and gets nothing that may be about to die. */
Test(weak, a_look_during_marking_keeps_nothing)
{
        static const enum gc_point points[] = {GC_POINT_CONTROLLER_REQUESTED,
                                               GC_POINT_CONTROLLER_FETCHED,
                                               GC_POINT_CONTROLLER_WAVE, GC_POINT_WORKER_WEAK};

        for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
                bool cleared = points[i] == GC_POINT_WORKER_WEAK;
                struct gc_stats stats;
                struct fixture f;
                uint64_t cycle;

                fixture_init(&f);
                gc_enter(f.mutator);
                fixture_put(&f, 0, false);
                cr_assert(!word_is_nil(gc_weak_peek(f.mutator, table(&f), 0)));
                cr_assert(word_is_nil(gc_weak_peek(f.mutator, table(&f), 1)), "not weak");
                gc_leave(f.mutator);
                cycle = fixture_stop_at(&f, points[i]);
                gc_enter(f.mutator);
                cr_assert(word_is_nil(gc_weak_peek(f.mutator, table(&f), 0)));
                cr_assert_eq(gc_weak_committed(f.mutator), cleared);
                cr_assert_eq(gc_weak_is_dead(f.mutator, table(&f), 0, cleared), cleared);
                cr_assert(!gc_weak_is_dead(f.mutator, table(&f), 0, false), "nothing cleared yet");
                gc_leave(f.mutator);
                fixture_go_on(&f, cycle);
                gc_enter(f.mutator);
                cr_assert(gc_weak_is_dead(f.mutator, table(&f), 0, false));
                gc_leave(f.mutator);
                gc_get_stats(f.gc, &stats);
                cr_assert_eq(stats.n_weak_cleared, 1u);
                cr_assert_eq(stats.last.n_weak_cleared, 1u);
                cr_assert_eq(stats.n_vetoes, 0u);
                fixture_deinit(&f);
        }
}

/* A table that grows copies weak words into a new object during every phase. */
Test(weak, words_copied_while_a_cycle_runs_do_not_revive_the_dead)
{
        static const enum gc_point points[] = {
                GC_POINT_CONTROLLER_REQUESTED, GC_POINT_CONTROLLER_FETCHED,
                GC_POINT_CONTROLLER_WAVE, GC_POINT_WORKER_WEAK, GC_POINT_WORKER_SWEEP};

        for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
                struct fixture f;
                struct word bigger;
                uint64_t cycle;

                fixture_init(&f);
                gc_enter(f.mutator);
                fixture_put(&f, 0, false);
                fixture_put(&f, 2, true);
                gc_leave(f.mutator);
                cycle = fixture_stop_at(&f, points[i]);
                gc_enter(f.mutator);
                bigger = gc_alloc(f.mutator, f.weak, 16);
                gc_store(f.mutator, bigger, 0, gc_weak_copy(f.mutator, table(&f), 0));
                gc_store(f.mutator, bigger, 2, gc_weak_copy(f.mutator, table(&f), 2));
                gc_store(f.mutator, bigger, 3, gc_load(f.mutator, table(&f), 3));
                gc_root_store(f.mutator, f.root, bigger);
                gc_leave(f.mutator);
                fixture_go_on(&f, cycle);
                fixture_collect(&f);
                gc_enter(f.mutator);
                cr_assert(!fixture_alive(&f, 0), "stopped at: %s", gc_point_name(points[i]));
                cr_assert(fixture_alive(&f, 2));
                gc_leave(f.mutator);
                fixture_deinit(&f);
        }
}
