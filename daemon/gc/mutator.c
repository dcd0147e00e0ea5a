/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "gc/internals.h"
#include "gc/toll.h"
#include "heap/descriptor.h"
#include "heap/marks.h"

static inline void mutator_point(struct mutator *mutator, enum gc_point point)
{
        if (__builtin_expect(mutator->points, false)) {
                gc_point_slow(mutator->gc, point);
        }
}

static void mutator_new_request(struct mutator *mutator)
{
        /* The low 40 bits count requests: they wrap after a month at a million a second, and a word
         * would have to survive exactly that long to go unnoticed. */
        mutator->stamp = ((mutator->stamp + 1) & ((UINT64_C(1) << 40) - 1)) |
                         (uint64_t)(mutator->index + 1) << 40;
}

static inline void mutator_answer(struct mutator *mutator)
{
        uint32_t requested = atomic_load_explicit(&mutator->requested, memory_order_acquire);

        if (requested != atomic_load_explicit(&mutator->acknowledged, memory_order_relaxed) &&
            mutator->gc->config.debug.proxy != GC_PROXY_ALWAYS) {
                mutator_point(mutator, GC_POINT_MUTATOR_ANSWERING);
                handshake_acknowledge(mutator, requested, GC_TIME_ANSWER);
        }
}

/* A proxy does O(1) work at normal priority, and is met once in a great while; only a debugging
 * mode keeps mutators away for long. */
static bool mutator_try_take_state(struct mutator *mutator)
{
        uint32_t expected = MUTATOR_AWAY;

        if (atomic_compare_exchange_strong_explicit(&mutator->state, &expected, MUTATOR_IN,
                                                    memory_order_acquire, memory_order_relaxed)) {
                return true;
        }
        hd_assert(expected != MUTATOR_IN);
        return false;
}

static void mutator_take_state(struct mutator *mutator)
{
        struct toll toll;

        if (__builtin_expect(mutator_try_take_state(mutator), true)) {
                return;
        }
        toll = toll_begin(mutator);
        do {
                sched_yield();
        } while (!mutator_try_take_state(mutator));
        toll_end(mutator, GC_TIME_PROXY, &toll);
}

/* Debugging modes keep mutators away: all of them for a while, or one until its proxy has come. */
static bool mutator_must_wait(const struct mutator *mutator)
{
        const struct gc *gc = mutator->gc;

        /* Acquire: one who came during a hold was not held, and sees here what was done in it. */
        return atomic_load_explicit(&gc->hold, memory_order_acquire) ||
               (gc->config.debug.proxy == GC_PROXY_ALWAYS &&
                atomic_load_explicit(&mutator->requested, memory_order_relaxed) !=
                        atomic_load_explicit(&mutator->acknowledged, memory_order_relaxed));
}

void gc_enter(struct mutator *mutator)
{
        while (mutator->points && mutator_must_wait(mutator)) {
                nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        }
        mutator_take_state(mutator);
        /* Only the owner writes it: no need for a locked addition. */
        atomic_store_explicit(&mutator->entries,
                              atomic_load_explicit(&mutator->entries, memory_order_relaxed) + 1,
                              memory_order_relaxed);
        mutator_new_request(mutator);
        mutator_point(mutator, GC_POINT_MUTATOR_ENTER);
        mutator_answer(mutator);
}

void gc_leave(struct mutator *mutator)
{
        hd_assert(mutator->state == MUTATOR_IN);
        gc_record(mutator, GC_TRANSITION_BOUNDARY, 0, 0, 0);
        mutator_new_request(mutator);
        mutator_answer(mutator);
        mutator_point(mutator, GC_POINT_MUTATOR_LEAVE);
        /* Release: a proxy takes over all that was done here. */
        atomic_store_explicit(&mutator->state, MUTATOR_AWAY, memory_order_release);
}

void gc_poll(struct mutator *mutator)
{
        gc_record(mutator, GC_TRANSITION_BOUNDARY, 0, 0, 0);
        mutator_new_request(mutator);
        mutator_answer(mutator);
        if (mutator->points) {
                /* So that debugging modes can hold it, and act as its proxy. */
                gc_leave(mutator);
                gc_enter(mutator);
        }
}

uint64_t mutators_count_entries_locked(struct gc *gc)
{
        uint64_t n = gc->entries_gone;

        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i]) {
                        n += atomic_load_explicit(&gc->mutators[i]->entries, memory_order_relaxed);
                }
        }
        return n;
}

static void mutator_free(struct mutator *mutator)
{
        free(mutator->cache);
        free(mutator->spare);
        free(mutator);
}

static struct mutator *mutator_new(struct gc *gc, const char *name)
{
        struct mutator *mutator = aligned_alloc(_Alignof(struct mutator), sizeof(*mutator));

        if (!mutator) {
                return NULL;
        }
        memset(mutator, 0, sizeof(*mutator));
        mutator->gc = gc;
        mutator->heap = gc->heap;
        mutator->base = heap_base(gc->heap);
        mutator->descriptors = descriptor_table(gc->heap);
        mutator->points = gc->points;
        mutator->n_until_toll = TOLL_SAMPLE;
        mutator->recorded = gc->config.transition != NULL;
        mutator->watched = mutator->points || mutator->recorded || gc->config.debug.every > 0;
        mutator->n_until_cycle = gc->config.debug.every;
        snprintf(mutator->name, sizeof(mutator->name), "%s", name);
        mutator->cache = malloc(sizeof(*mutator->cache));
        mutator->spare = malloc(sizeof(*mutator->spare));
        if (!mutator->cache || !mutator->spare) {
                mutator_free(mutator);
                return NULL;
        }
        cache_init(mutator->cache, gc->heap);
        cache_init(mutator->spare, gc->heap);
        return mutator;
}

int gc_attach(struct gc *gc, const char *name, struct mutator **ret_mutator)
{
        struct mutator *mutator = mutator_new(gc, name);
        int r = -EUSERS;

        if (!mutator) {
                return -ENOMEM;
        }
        pthread_mutex_lock(&gc->lock);
        /* As one who has answered the handshake in progress: it holds no reference either. */
        mutator->armed = gc->target.armed;
        mutator->grey = gc->target.grey;
        mutator->cache->black = gc->target.black;
        mutator->cache->generation = gc->target.generation;
        atomic_init(&mutator->requested, gc->handshake_number);
        atomic_init(&mutator->acknowledged, gc->handshake_number);
        for (uint32_t i = 0; i < GC_MUTATORS_MAX && r < 0; i++) {
                if (!gc->mutators[i]) {
                        mutator->index = i;
                        gc->mutators[i] = mutator;
                        gc->n_mutators++;
                        r = 0;
                }
        }
        pthread_mutex_unlock(&gc->lock);
        if (r < 0) {
                mutator_free(mutator);
                return r;
        }
        mutator_new_request(mutator);
        *ret_mutator = mutator;
        return 0;
}

void gc_detach(struct mutator *mutator)
{
        struct gc *gc;

        if (!mutator) {
                return;
        }
        gc = mutator->gc;
        /* Inside a request, so that nobody acts as its proxy; under the lock, so that the
         * controller counts either a mutator with its caches and log, or neither. */
        gc_enter(mutator);
        pthread_mutex_lock(&gc->lock);
        cache_flush(mutator->cache);
        if (mutator->dropped) {
                cache_flush(mutator->dropped);
                free(mutator->dropped);
        }
        if (mutator->log) {
                grey_logs_push(&gc->grey.logs, mutator->log);
        }
        gc->entries_gone += atomic_load_explicit(&mutator->entries, memory_order_relaxed);
        for (unsigned i = 0; i < _GC_TIME_N; i++) {
                histogram_merge(&gc->times_gone[i], &mutator->times[i]);
        }
        handshakes_add(&gc->handshakes_gone, &mutator->handshakes);
        gc->mutators[mutator->index] = NULL;
        gc->n_mutators--;
        pthread_mutex_unlock(&gc->lock);
        mutator_free(mutator);
}

/* Tells the pacer what was handed out, and asks for a cycle at the trigger. */
static void mutator_report(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;
        uint64_t fresh = mutator->cache->handed_bytes - mutator->reported_bytes;
        uint64_t allocated;

        mutator->reported_bytes = mutator->cache->handed_bytes;
        allocated = atomic_fetch_add_explicit(&gc->allocated_bytes, fresh, memory_order_relaxed);
        if (atomic_load_explicit(&gc->live_bytes, memory_order_relaxed) + allocated + fresh >=
                    atomic_load_explicit(&gc->trigger_bytes, memory_order_relaxed) &&
            !atomic_load_explicit(&gc->asked, memory_order_relaxed)) {
                gc_request(gc, GC_REASON_GOAL);
        }
}

struct word gc_alloc_slow(struct mutator *mutator, unsigned descriptor, uint32_t count)
{
        const struct descriptor *kind = descriptor_find(mutator->heap, descriptor);
        uint64_t offset;

        hd_assert(mutator->state == MUTATOR_IN);
        offset = cache_alloc(mutator->cache, object_size_bytes(kind->noscan, count), kind->noscan);
        if (mutator->cache->handed_bytes - mutator->reported_bytes >= GC_REPORT_BYTES) {
                mutator_report(mutator);
        }
        if (offset == 0) {
                gc_want_room(mutator->gc);
                return word_nil();
        }
        mutator_point(mutator, GC_POINT_MUTATOR_HOLE);
        if (kind->weak) {
                marks_flag_weak(mutator->heap, offset);
        }
        if (mutator->n_until_cycle && --mutator->n_until_cycle == 0) {
                mutator->n_until_cycle = mutator->gc->config.debug.every;
                gc_request(mutator->gc, GC_REASON_FORCED);
        }
        /* Atomic, because a rescan of a flagged page may look at slots that are not in use yet. */
        atomic_store_explicit((_Atomic uint64_t *)(mutator->base + offset),
                              object_header(descriptor, 0, count), memory_order_relaxed);
        gc_record(mutator, GC_TRANSITION_ALLOCATED, offset, marks_test(mutator->heap, offset), 0);
        return gc_stamp_word(mutator, offset | WORD_REF_BIT);
}
