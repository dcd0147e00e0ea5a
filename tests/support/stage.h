/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Stage: interleavings by hand. A cycle is stopped at a chosen step of a chosen phase, the test
 * acts as one or several mutators in just the order that would lose an object if a step of the
 * protocol were missing, and lets the cycle go on. What was moved must be there to its last
 * descendant, and an independent walk must find not one object more or less than was meant to live.
 *
 * There are two tables, left and right. Each slot of the left one holds a chain of three objects.
 * To hide a chain is to take it out of the left table and put it into a fresh object, which goes
 * into the right table, all in one request: the way in which a collector is fooled.
 *
 * Owns:     its heap, its collector and three mutators. Threads: the test's own plays them all,
 *           but for one that is stopped in the middle of a request. Failure: the test fails.
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "gc/gc.h"
#include "gc/internals.h"
#include "heap/descriptor.h"
#include "support/unit.h"

enum { N_SLOTS = 8, DEPTH = 3, N_STAGE = 2 + N_SLOTS * DEPTH, LINK = 1, ANY = _GC_PHASE_N };
enum { STOP_S = 20, NOTHING_HAPPENS_MS = 300 };

/* Who may be stopped: a mutator, or one of the collector's threads. One of each at a time. */
struct stop {
        sem_t reached, go;
        enum gc_point point;
        unsigned phase;
        bool armed;
};

struct stage {
        struct heap *heap;
        struct gc *gc;
        struct mutator *a, *b, *c;
        struct gc_root *left, *right;
        unsigned node, blob, weak;
        struct stop mutator, collector;
        uint64_t cycle;
};

/* --- stopping --- */

static inline struct stop *stop_of(struct stage *s, enum gc_point point)
{
        return point < GC_POINT_CONTROLLER_REQUESTED ? &s->mutator : &s->collector;
}

static inline void stage_point(void *user, enum gc_point point)
{
        struct stage *s = user;
        struct stop *stop = stop_of(s, point);

        if (__atomic_load_n(&stop->armed, __ATOMIC_ACQUIRE) && point == stop->point &&
            (stop->phase == ANY || s->gc->phase == stop->phase) &&
            __atomic_exchange_n(&stop->armed, false, __ATOMIC_ACQ_REL)) {
                sem_post(&stop->reached);
                sem_wait(&stop->go);
        }
}

static inline void stop_set(struct stage *s, unsigned phase, enum gc_point point)
{
        struct stop *stop = stop_of(s, point);

        stop->point = point;
        stop->phase = phase;
        __atomic_store_n(&stop->armed, true, __ATOMIC_RELEASE);
}

static inline bool stop_reached(struct stop *stop, long ms)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += ms / 1000 + (until.tv_nsec + ms % 1000 * 1000000) / 1000000000;
        until.tv_nsec = (until.tv_nsec + ms % 1000 * 1000000) % 1000000000;
        while (sem_timedwait(&stop->reached, &until) < 0) {
                if (errno == ETIMEDOUT) {
                        return false;
                }
        }
        return true;
}

static inline void stop_await(struct stop *stop)
{
        cr_assert(stop_reached(stop, STOP_S * 1000L), "nobody comes to: %s",
                  gc_point_name(stop->point));
}

/* Starts a cycle and returns when it stands there. */
static inline void cycle_start(struct stage *s, unsigned phase, enum gc_point point)
{
        stop_set(s, phase, point);
        s->cycle = gc_request(s->gc, GC_REASON_FORCED);
        stop_await(&s->collector);
}

/* Lets it go on, and returns when it stands there. */
static inline void cycle_on(struct stage *s, unsigned phase, enum gc_point point)
{
        stop_set(s, phase, point);
        sem_post(&s->collector.go);
        stop_await(&s->collector);
}

static inline void cycle_end(struct stage *s)
{
        sem_post(&s->collector.go);
        gc_wait(s->gc, s->cycle);
}

/* --- the stage --- */

static inline struct word make(struct stage *s, struct mutator *m, int64_t id)
{
        struct word object = gc_alloc(m, s->node, N_SLOTS);

        cr_assert(word_is_ref(object));
        gc_store(m, object, 0, word_int(id));
        return object;
}

static inline struct word left(struct stage *s, struct mutator *m)
{
        return gc_root_load(m, s->left);
}

static inline struct word right(struct stage *s, struct mutator *m)
{
        return gc_root_load(m, s->right);
}

static inline int64_t chain_id(uint32_t slot, int depth)
{
        return slot * 100 + depth;
}

static inline void stage_put_chain(struct stage *s, uint32_t slot)
{
        struct word next = word_nil();

        for (int depth = DEPTH; depth-- > 0;) {
                struct word object = make(s, s->a, chain_id(slot, depth));

                gc_store(s->a, object, LINK, next);
                next = object;
        }
        gc_store(s->a, left(s, s->a), slot, next);
}

static inline void stage_init(struct stage *s, uint32_t log_entries)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30};
        struct gc_config config = {.percent = -1,
                                   .n_workers = 1,
                                   .no_scavenge = true,
                                   .debug = {.poison = 1, .log_entries = log_entries},
                                   .point = stage_point,
                                   .point_user = s};

        *s = (struct stage){0};
        sem_init(&s->mutator.reached, 0, 0);
        sem_init(&s->mutator.go, 0, 0);
        sem_init(&s->collector.reached, 0, 0);
        sem_init(&s->collector.go, 0, 0);
        cr_assert_eq(heap_new(&s->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&s->gc, s->heap, &config), 0);
        cr_assert_eq(gc_attach(s->gc, "a", &s->a), 0);
        cr_assert_eq(gc_attach(s->gc, "b", &s->b), 0);
        cr_assert_eq(gc_attach(s->gc, "c", &s->c), 0);
        descriptor_intern(s->heap, &(struct descriptor){.kind = 1}, &s->node);
        descriptor_intern(s->heap, &(struct descriptor){.kind = 2, .noscan = true}, &s->blob);
        descriptor_intern(s->heap, &(struct descriptor){.kind = 3, .weak = true}, &s->weak);
        gc_enter(s->a);
        s->left = gc_root_new(s->a);
        s->right = gc_root_new(s->a);
        gc_root_store(s->a, s->left, gc_alloc(s->a, s->node, N_SLOTS));
        gc_root_store(s->a, s->right, gc_alloc(s->a, s->node, N_SLOTS));
        for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
                stage_put_chain(s, slot);
        }
        gc_leave(s->a);
}

static inline bool stage_count_visit(void *user, uint64_t offset, uint64_t header, uint64_t size,
                                     bool noscan)
{
        (void)offset, (void)header, (void)size, (void)noscan;
        ++*(uint64_t *)user;
        return true;
}

/* With no cycle running: two quiet ones must leave exactly so many objects. Then takes it down. */
static inline void stage_deinit(struct stage *s, uint64_t n_live)
{
        char text[200] = "";

        for (int i = 0; i < 2; i++) {
                uint64_t n = 0;

                gc_wait(s->gc, gc_request(s->gc, GC_REASON_FORCED));
                cr_assert(heap_verify(s->heap, text, sizeof(text)), "%s", text);
                heap_walk(s->heap, stage_count_visit, &n);
                cr_assert_eq(n, n_live, "%d objects live", (int)n);
        }
        gc_detach(s->a);
        gc_detach(s->b);
        gc_detach(s->c);
        gc_free(s->gc);
        heap_free(s->heap);
}

/* --- hiding and seeking --- */

static inline void hide(struct stage *s, struct mutator *m, uint32_t slot)
{
        struct word chain = gc_load(m, left(s, m), slot), holder = make(s, m, slot);

        gc_store(m, holder, LINK, chain);
        gc_store(m, left(s, m), slot, word_nil());
        gc_store(m, right(s, m), slot, holder);
}

static inline void check_object(struct mutator *m, struct word object, int64_t id)
{
        cr_assert(word_is_ref(object));
        cr_assert_eq(gc_count(m, object), (uint32_t)N_SLOTS, "object %d was freed", (int)id);
        cr_assert_eq(gc_load(m, object, 0).bits, word_int(id).bits, "object %d was freed", (int)id);
}

static inline void check_chain(struct mutator *m, struct word object, uint32_t slot)
{
        for (int depth = 0; depth < DEPTH; depth++) {
                check_object(m, object, chain_id(slot, depth));
                object = gc_load(m, object, LINK);
        }
        cr_assert(word_is_nil(object));
}

static inline void seek(struct stage *s, uint32_t slot)
{
        struct word holder;

        gc_enter(s->a);
        holder = gc_load(s->a, right(s, s->a), slot);
        check_object(s->a, holder, slot);
        check_chain(s->a, gc_load(s->a, holder, LINK), slot);
        gc_leave(s->a);
}
