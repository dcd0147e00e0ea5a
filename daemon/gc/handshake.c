/* SPDX-License-Identifier: MIT */
#include "gc/handshake.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/internals.h"

/*
 * A mutator's state word decides who may act for it. The owner goes AWAY -> IN with a
 * compare-and-swap and the controller AWAY -> PROXY with another, so there is never more than one;
 * both are acquire and release, so each sees all that the other did (GC-22). No Dekker-style pair
 * of store and load is needed: a mutator that became busy without seeing the request has simply not
 * acknowledged, and will at its next boundary.
 *
 * The controller looks again after a short sleep instead of being signalled, so that acknowledging
 * costs a mutator neither a lock nor a system call.
 */

#define HANDSHAKE_SLEEP_MIN_NS (20 * 1000)
#define HANDSHAKE_SLEEP_MAX_NS (200 * 1000)
#define HANDSHAKE_LATE_NS      (20 * 1000 * 1000) /* debugging: proxy=1 */

static uint64_t handshake_flags(const struct handshake *target)
{
        return target->armed | target->grey << 1 | target->black << 2;
}

void handshakes_add(struct gc_handshakes *sum, const struct gc_handshakes *handshakes)
{
        sum->n += handshakes->n;
        sum->n_proxied += handshakes->n_proxied;
        if (handshakes->longest_ns > sum->longest_ns) {
                sum->longest_ns = handshakes->longest_ns;
        }
        if (handshakes->ack_longest_ns > sum->ack_longest_ns) {
                sum->ack_longest_ns = handshakes->ack_longest_ns;
        }
}

/* Whoever acts for the mutator is the only writer; the controller fetches when all have answered.
 */
static void handshake_count(struct mutator *mutator, enum gc_time how, uint64_t work_ns)
{
        uint64_t ack_ns = clock_now_ns() - mutator->gc->handshake_ns;

        histogram_add(&mutator->times[how], work_ns);
        histogram_add(&mutator->times[GC_TIME_TO_ACK], ack_ns);
        handshakes_add(&mutator->handshakes, &(struct gc_handshakes){
                                                     .n = 1,
                                                     .n_proxied = how == GC_TIME_PROXIED,
                                                     .longest_ns = work_ns,
                                                     .ack_longest_ns = ack_ns,
                                             });
}

void handshake_acknowledge(struct mutator *mutator, uint32_t number, enum gc_time how)
{
        struct gc *gc = mutator->gc;
        uint64_t begin_ns = clock_thread_cpu_ns();
        /* Written before `requested`, and not again until all have answered. */
        const struct handshake *target = &gc->target;

        gc_record(mutator, GC_TRANSITION_ANSWERED, number, handshake_flags(target),
                  target->hand_log && mutator->log);
        mutator->armed = target->armed;
        mutator->grey = target->grey;
        if (target->drop_holes) {
                hd_assert(mutator->spare && !mutator->dropped);
                mutator->dropped = mutator->cache;
                mutator->cache = mutator->spare;
                mutator->spare = NULL;
                mutator->cache->black = target->black;
                mutator->cache->generation = target->generation;
                mutator->cache->first_refills = &mutator->times[GC_TIME_REFILL];
                mutator->reported_bytes = mutator->cache->handed_bytes;
        }
        if (target->hand_log && mutator->log) {
                grey_logs_push(&gc->grey.logs, mutator->log);
                mutator->log = NULL;
        }
        handshake_count(mutator, how, clock_thread_cpu_ns() - begin_ns);
        /* Release: the controller that reads the number sees what was handed over. */
        atomic_store_explicit(&mutator->acknowledged, number, memory_order_release);
}

static bool handshake_answered(struct mutator *mutator, uint32_t number, bool late)
{
        uint32_t expected = MUTATOR_AWAY;

        if (atomic_load_explicit(&mutator->acknowledged, memory_order_acquire) == number) {
                return true;
        }
        if (mutator->held) {
                handshake_acknowledge(mutator, number, GC_TIME_PROXIED);
                return true;
        }
        if (late) {
                return false;
        }
        gc_point(mutator->gc, GC_POINT_CONTROLLER_LOOKED);
        if (!atomic_compare_exchange_strong_explicit(&mutator->state, &expected, MUTATOR_PROXY,
                                                     memory_order_acquire, memory_order_relaxed)) {
                return false;
        }
        gc_point(mutator->gc, GC_POINT_CONTROLLER_PROXY);
        /* It may have come, answered and gone since the look above (GC-22). */
        if (atomic_load_explicit(&mutator->acknowledged, memory_order_relaxed) != number) {
                handshake_acknowledge(mutator, number, GC_TIME_PROXIED);
        }
        atomic_store_explicit(&mutator->state, MUTATOR_AWAY, memory_order_release);
        return true;
}

static bool handshake_all_answered(struct gc *gc, uint32_t number, bool late)
{
        bool all = true;

        pthread_mutex_lock(&gc->lock);
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i] && !handshake_answered(gc->mutators[i], number, late)) {
                        all = false;
                }
        }
        pthread_mutex_unlock(&gc->lock);
        return all;
}

void handshake_run(struct gc *gc, struct handshake target)
{
        long patience_ns = gc->config.debug.proxy == GC_PROXY_LATE ? HANDSHAKE_LATE_NS : 0;
        long sleep_ns = HANDSHAKE_SLEEP_MIN_NS, waited_ns = 0;
        uint32_t number;

        pthread_mutex_lock(&gc->lock);
        gc->target = target;
        gc->handshake_ns = clock_now_ns();
        number = ++gc->handshake_number;
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i]) {
                        /* Release: who sees the number sees the target. */
                        atomic_store_explicit(&gc->mutators[i]->requested, number,
                                              memory_order_release);
                }
        }
        pthread_mutex_unlock(&gc->lock);
        gc_record_own(gc, GC_TRANSITION_REQUESTED, number, handshake_flags(&target));
        gc_point(gc, GC_POINT_CONTROLLER_REQUESTED);
        while (!handshake_all_answered(gc, number, waited_ns < patience_ns)) {
                waited_ns += sleep_ns;
                nanosleep(&(struct timespec){.tv_nsec = sleep_ns}, NULL);
                sleep_ns = sleep_ns * 2 > HANDSHAKE_SLEEP_MAX_NS ? HANDSHAKE_SLEEP_MAX_NS
                                                                 : sleep_ns * 2;
        }
        gc_record_own(gc, GC_TRANSITION_COMPLETED, number, 0);
        gc_point(gc, GC_POINT_CONTROLLER_ANSWERED);
}

/* One at a time, so that the lock is never held while a cache is flushed. */
static struct cache *handshake_take_dropped(struct gc *gc, uint32_t *ret_index)
{
        struct cache *cache = NULL;

        pthread_mutex_lock(&gc->lock);
        for (uint32_t i = 0; i < GC_MUTATORS_MAX && !cache; i++) {
                if (gc->mutators[i] && gc->mutators[i]->dropped) {
                        cache = gc->mutators[i]->dropped;
                        gc->mutators[i]->dropped = NULL;
                        *ret_index = i;
                }
        }
        pthread_mutex_unlock(&gc->lock);
        return cache;
}

void handshake_fetch_caches(struct gc *gc)
{
        struct cache *cache;
        uint32_t index;

        while ((cache = handshake_take_dropped(gc, &index))) {
                struct mutator *mutator;

                cache_flush(cache);
                pthread_mutex_lock(&gc->lock);
                mutator = gc->mutators[index];
                /* It may have left meanwhile, and another come in its place, with a spare. */
                if (mutator && !mutator->spare) {
                        mutator->spare = cache;
                        cache = NULL;
                }
                pthread_mutex_unlock(&gc->lock);
                free(cache);
        }
        gc_point(gc, GC_POINT_CONTROLLER_FETCHED);
}
