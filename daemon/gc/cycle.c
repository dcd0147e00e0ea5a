/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/internals.h"
#include "gc/mark.h"
#include "gc/pacer.h"
#include "heap/central.h"
#include "heap/sweep.h"

/*
 * One cycle, on the controller's thread:
 *
 *   hold      every mutator is at a boundary; their caches are flushed
 *   mark      workers, from the root cells
 *   sweep     workers, chunk by chunk; freed spans go to the page heap without a lock
 *   resume    mutators go on
 *   announce  the listener hears what was freed; idle pages go back to the kernel
 */

struct sweep_job {
        struct heap *heap;
        _Atomic uint32_t next_chunk;
        _Atomic uint64_t live_bytes, live_objects, freed_bytes, freed_objects;
};

static void cycle_sweep_worker(void *user, unsigned worker)
{
        struct sweep_job *job = user;
        struct sweep_totals totals = {0};
        uint32_t n_chunks = sweep_n_chunks(job->heap), chunk;

        (void)worker;
        while ((chunk = atomic_fetch_add_explicit(&job->next_chunk, 1, memory_order_relaxed)) <
               n_chunks) {
                sweep_chunk(job->heap, chunk, &totals);
        }
        atomic_fetch_add_explicit(&job->live_bytes, totals.live_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->live_objects, totals.live_objects, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->freed_bytes, totals.freed_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->freed_objects, totals.freed_objects, memory_order_relaxed);
}

static void cycle_sweep(struct gc *gc, struct gc_cycle *cycle)
{
        struct sweep_job job = {.heap = gc->heap};

        central_reset(gc->heap);
        cycle->sweep_cpu_ns = workers_run(&gc->workers, cycle_sweep_worker, &job);
        cycle->live_bytes = job.live_bytes;
        cycle->live_objects = job.live_objects;
        cycle->freed_bytes = job.freed_bytes;
        cycle->freed_objects = job.freed_objects;
}

/* What asked for a cycle before the hold is answered by this one; only somebody's wish for a cycle
 * that starts later stands. */
static void cycle_absorb_requests(struct gc *gc)
{
        pthread_mutex_lock(&gc->lock);
        if (gc->pending && gc->pending_reason != GC_REASON_FORCED) {
                gc->pending = false;
                atomic_store_explicit(&gc->asked, false, memory_order_relaxed);
        }
        pthread_mutex_unlock(&gc->lock);
}

static void cycle_verify_heap(struct gc *gc)
{
#if HEAPD_CHECKS >= 2
        char text[160] = "";

        if (!heap_verify(gc->heap, text, sizeof(text))) {
                fprintf(stderr, "heapd: heap after cycle %llu: %s\n",
                        (unsigned long long)gc->n_started, text);
                hd_unreachable();
        }
#else
        (void)gc;
#endif
}

static void cycle_collect(struct gc *gc, struct gc_cycle *cycle)
{
        struct mark_totals marked;
        uint64_t now_ns = clock_now_ns(), held_ns;

        cycle->start_ns = now_ns;
        mutators_hold(gc);
        mutators_flush(gc);
        cycle_absorb_requests(gc);
        held_ns = clock_now_ns();
        cycle->stop_ns = held_ns - now_ns;
        mark_run(gc, &marked);
        cycle->mark_cpu_ns = marked.cpu_ns;
        cycle->scanned_bytes = marked.scanned_bytes;
        cycle->overflows = marked.n_overflows;
        now_ns = clock_now_ns();
        cycle->mark_ns = now_ns - held_ns;
        cycle_sweep(gc, cycle);
        cycle_verify_heap(gc);
        cycle->heap_start_bytes = cycle->live_bytes + cycle->freed_bytes;
        cycle->heap_end_bytes = cycle->heap_start_bytes; /* nobody allocated meanwhile */
        atomic_store_explicit(&gc->live_bytes, cycle->live_bytes, memory_order_relaxed);
        atomic_store_explicit(&gc->allocated_bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&gc->garbage_bytes, 0, memory_order_relaxed);
        cycle->sweep_ns = clock_now_ns() - now_ns;
        mutators_resume(gc);
        cycle->total_ns = clock_now_ns() - cycle->start_ns;
        cycle->hold_ns = cycle->total_ns;
}

/* Enters the cycle's figures and the next goal, and lets those go who waited for it. */
static void cycle_finish(struct gc *gc, struct gc_cycle *cycle)
{
        uint64_t elapsed_ns;

        pthread_mutex_lock(&gc->lock);
        cycle->root_bytes = atomic_load_explicit(&gc->n_roots, memory_order_relaxed) *
                            sizeof(uint64_t);
        cycle->goal_bytes = gc->goal_bytes;
        gc->last_end_ns = clock_now_ns();
        gc->last_end_real_ns = clock_real_ns();
        gc->last_took_ns = cycle->total_ns;
        gc->hold_total_ns += cycle->hold_ns;
        gc->gc_cpu_ns += cycle->mark_cpu_ns + cycle->sweep_cpu_ns;
        gc->n_forced += cycle->reason == GC_REASON_FORCED;
        elapsed_ns = gc->last_end_ns - gc->start_ns;
        cycle->cpu_fraction = (double)gc->gc_cpu_ns / ((double)elapsed_ns * gc->n_cpus);
        gc->last = *cycle;
        gc_update_goal_locked(gc);
        cycle->next_goal_bytes = gc->last.next_goal_bytes = gc->goal_bytes;
        pthread_mutex_unlock(&gc->lock);
        if (gc->config.listener && gc->config.listener->cycle_end) {
                gc->config.listener->cycle_end(gc->config.listener->user, cycle);
        }
        pthread_mutex_lock(&gc->lock);
        gc->n_finished = cycle->number;
        pthread_cond_broadcast(&gc->finished);
        pthread_mutex_unlock(&gc->lock);
}

/* Keeps a tenth above the goal, so that growing back does not fault every page in anew. */
static void cycle_give_back(struct gc *gc)
{
        uint64_t inuse = heap_inuse_bytes(gc->heap), keep = 0;

        if (gc->config.no_scavenge) {
                return;
        }
        if (gc->last.next_goal_bytes < UINT64_MAX / 2) {
                keep = gc->last.next_goal_bytes + gc->last.next_goal_bytes / 10;
                keep = keep > inuse ? keep - inuse : 0;
        }
        heap_scavenge(gc->heap, keep);
}

static void cycle_run(struct gc *gc, uint64_t number, enum gc_reason reason)
{
        struct gc_cycle cycle = {
                .number = number,
                .reason = reason,
                .n_workers = gc->workers.n_workers,
        };

        if (gc->config.listener && gc->config.listener->cycle_begin) {
                gc->config.listener->cycle_begin(gc->config.listener->user, number, reason);
        }
        cycle_collect(gc, &cycle);
        cycle_finish(gc, &cycle);
        cycle_give_back(gc);
}

/* Waits for a request or for the period; true when a cycle is to run. */
static bool cycle_wait_locked(struct gc *gc)
{
        uint64_t due_ns = (gc->last_end_ns ? gc->last_end_ns : gc->start_ns) + gc->config.period_ns;

        while (!gc->stopping && !gc->pending) {
                struct timespec until = {
                        .tv_sec = (time_t)(due_ns / 1000000000u),
                        .tv_nsec = (long)(due_ns % 1000000000u),
                };
                uint64_t entries;

                if (pthread_cond_timedwait(&gc->wake, &gc->lock, &until) != ETIMEDOUT) {
                        continue;
                }
                /* Nothing ran since the last cycle: nothing can have died. */
                entries = mutators_count_entries_locked(gc);
                if (entries != gc->entries_seen) {
                        gc->pending = true;
                        gc->pending_reason = GC_REASON_PERIODIC;
                }
                due_ns = clock_now_ns() + gc->config.period_ns;
        }
        return !gc->stopping;
}

void *cycle_controller_main(void *user)
{
        struct gc *gc = user;

        pthread_setname_np(pthread_self(), "gc-controller");
        pthread_mutex_lock(&gc->lock);
        while (cycle_wait_locked(gc)) {
                enum gc_reason reason = gc->pending_reason;
                uint64_t number = ++gc->n_started;

                gc->pending = false;
                gc->entries_seen = mutators_count_entries_locked(gc);
                atomic_store_explicit(&gc->asked, false, memory_order_relaxed);
                pthread_mutex_unlock(&gc->lock);
                cycle_run(gc, number, reason);
                pthread_mutex_lock(&gc->lock);
        }
        pthread_mutex_unlock(&gc->lock);
        return NULL;
}
