/* SPDX-License-Identifier: MIT */
#include "gc/scavenger.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "gc/internals.h"
#include "gc/pace.h"

#define SCAVENGER_STEP_BYTES (UINT64_C(4) << 20)
#define SCAVENGER_CPU_PART   100u                 /* one in so many */
#define SCAVENGER_LOOK_NS    UINT64_C(100000000)  /* how often to look while mutators are busy, */
#define SCAVENGER_QUIET_NS   UINT64_C(1000000000) /* and while they are not */

static bool scavenger_has_limit(const struct gc *gc)
{
        return gc->config.limit_of_process && heap_limit_bytes(gc->heap) != 0;
}

/* What the process holds and the heap does not: buffers, queues, stacks, what libraries take. */
static void scavenger_look_beside(struct gc *gc)
{
        uint64_t all = memory_resident_bytes(), heap = heap_resident_bytes(gc->heap);

        heap_set_other(gc->heap, all > heap ? all - heap : 0);
        pthread_mutex_lock(&gc->lock);
        pace_plan_locked(gc);
        pthread_mutex_unlock(&gc->lock);
}

/* How much idle memory to keep; *ret_hurry if less would be within the limit. */
static uint64_t scavenger_retain(struct gc *gc, bool *ret_hurry)
{
        uint64_t inuse = heap_inuse_bytes(gc->heap), most = heap_allowance_bytes(gc->heap);
        uint64_t keep = 0, goal;

        pthread_mutex_lock(&gc->lock);
        goal = gc->plan.goal_bytes;
        pthread_mutex_unlock(&gc->lock);
        if (goal < UINT64_MAX / 2) {
                keep = goal + goal / 10;
                keep = keep > inuse ? keep - inuse : 0;
        }
        most = most > inuse ? most - inuse : 0;
        *ret_hurry = heap_idle_bytes(gc->heap) > most;
        return keep < most ? keep : most;
}

/* One step; returns how long to wait before the next, 0 if there is no more to do. */
static uint64_t scavenger_step(struct gc *gc, bool all)
{
        uint64_t cpu_ns = clock_thread_cpu_ns(), retain, released;
        bool hurry = false;

        if (scavenger_has_limit(gc)) {
                scavenger_look_beside(gc);
        }
        retain = all ? 0 : scavenger_retain(gc, &hurry);
        hurry = hurry || all;
        released = heap_scavenge(gc->heap, retain, hurry ? UINT64_MAX : SCAVENGER_STEP_BYTES);
        cpu_ns = clock_thread_cpu_ns() - cpu_ns;
        atomic_fetch_add_explicit(&gc->scavenger.released_bytes, released, memory_order_relaxed);
        atomic_fetch_add_explicit(&gc->scavenger.cpu_ns, cpu_ns, memory_order_relaxed);
        return released > 0 && !hurry ? cpu_ns * SCAVENGER_CPU_PART : 0;
}

static uint64_t scavenger_next_look_ns(struct gc *gc, uint64_t *entries)
{
        uint64_t before = *entries;

        if (!scavenger_has_limit(gc)) {
                return SCAVENGER_QUIET_NS * 3600;
        }
        pthread_mutex_lock(&gc->lock);
        *entries = mutators_count_entries_locked(gc);
        pthread_mutex_unlock(&gc->lock);
        return *entries != before ? SCAVENGER_LOOK_NS : SCAVENGER_QUIET_NS;
}

/* Waits for so long; unless a step wants its share of time kept, also until somebody pokes. */
static void scavenger_wait_locked(struct scavenger *scavenger, uint64_t ns, bool pacing)
{
        uint64_t until_ns = clock_now_ns() + ns;
        struct timespec until = {
                .tv_sec = (time_t)(until_ns / 1000000000u),
                .tv_nsec = (long)(until_ns % 1000000000u),
        };
        int r = 0;

        while (r != ETIMEDOUT && !scavenger->stopping && !scavenger->all &&
               (pacing || !scavenger->poked)) {
                r = pthread_cond_timedwait(&scavenger->wake, &scavenger->lock, &until);
        }
        scavenger->poked = false;
}

static void *scavenger_main(void *user)
{
        struct gc *gc = user;
        struct scavenger *scavenger = &gc->scavenger;
        uint64_t entries = 0;

        pthread_setname_np(pthread_self(), "gc-scavenger");
        pthread_mutex_lock(&scavenger->lock);
        while (!scavenger->stopping) {
                bool all = scavenger->all;
                uint64_t wait_ns, look_ns;

                scavenger->all = false;
                pthread_mutex_unlock(&scavenger->lock);
                wait_ns = scavenger_step(gc, all);
                look_ns = scavenger_next_look_ns(gc, &entries);
                pthread_mutex_lock(&scavenger->lock);
                scavenger_wait_locked(scavenger, wait_ns > 0 ? wait_ns : look_ns, wait_ns > 0);
        }
        pthread_mutex_unlock(&scavenger->lock);
        return NULL;
}

int scavenger_start(struct scavenger *scavenger, struct gc *gc)
{
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_mutex_init(&scavenger->lock, NULL);
        pthread_cond_init(&scavenger->wake, &attributes);
        pthread_condattr_destroy(&attributes);
        if (gc->config.no_scavenge || gc->config.debug.rage) {
                return 0;
        }
        if (pthread_create(&scavenger->thread, NULL, scavenger_main, gc) != 0) {
                return -EAGAIN;
        }
        scavenger->started = true;
        return 0;
}

void scavenger_stop(struct scavenger *scavenger)
{
        if (scavenger->started) {
                pthread_mutex_lock(&scavenger->lock);
                scavenger->stopping = true;
                pthread_cond_signal(&scavenger->wake);
                pthread_mutex_unlock(&scavenger->lock);
                pthread_join(scavenger->thread, NULL);
                scavenger->started = false;
        }
        pthread_cond_destroy(&scavenger->wake);
        pthread_mutex_destroy(&scavenger->lock);
}

void scavenger_poke(struct scavenger *scavenger, bool all)
{
        pthread_mutex_lock(&scavenger->lock);
        scavenger->poked = true;
        scavenger->all = scavenger->all || all;
        pthread_cond_signal(&scavenger->wake);
        pthread_mutex_unlock(&scavenger->lock);
}
