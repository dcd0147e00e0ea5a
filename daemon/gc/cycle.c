/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/internals.h"
#include "gc/mark.h"
#include "gc/pace.h"
#include "gc/weak.h"
#include "heap/central.h"
#include "heap/sweep.h"

/*
 * One cycle, on the controller's thread (DESIGN.md, "A cycle"):
 *
 *   ARM       handshake: stores shade what they overwrite, and what they write
 *   BLACKEN   handshake: new objects are born marked; stores no longer shade what they write
 *   MARK      workers, from the root cells, beside the mutators
 *   PROPOSE   no marking thread runs; handshake: logs are handed over. None: done; else MARK again
 *   DISARM    handshake: plain stores; marks are final
 *   CLEAR     weak words of unmarked objects become dead ones
 *   WHITEN    handshake: new objects are born unmarked, from fresh central lists
 *   SWEEP     workers, beside the mutators
 */

struct sweep_job {
        struct gc *gc;
        unsigned generation;
        uint32_t n_chunks; /* what comes later is of the new generation anyway */
        _Atomic uint32_t next_chunk;
        _Atomic uint64_t live_bytes, live_objects, freed_bytes, freed_objects;
};

static void cycle_sweep_worker(void *user, struct worker *worker)
{
        struct sweep_job *job = user;
        const struct gc_config *config = &job->gc->config;
        struct sweep_order order = {
                .generation = job->generation,
                .poison = config->debug.poison,
                .freed = config->listener ? config->listener->freed : NULL,
                .freed_user = config->listener ? config->listener->user : NULL,
                .worker = worker->index,
        };
        struct sweep_totals totals = {0};
        uint32_t chunk;

        while ((chunk = atomic_fetch_add_explicit(&job->next_chunk, 1, memory_order_relaxed)) <
               job->n_chunks) {
                gc_point(job->gc, GC_POINT_WORKER_SWEEP);
                sweep_chunk(job->gc->heap, chunk, &order, &totals);
                worker_turn(worker);
        }
        atomic_fetch_add_explicit(&job->live_bytes, totals.live_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->live_objects, totals.live_objects, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->freed_bytes, totals.freed_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->freed_objects, totals.freed_objects, memory_order_relaxed);
}

static void cycle_sweep(struct gc *gc, struct gc_cycle *cycle)
{
        struct sweep_job job = {
                .gc = gc,
                .generation = gc->target.generation,
                .n_chunks = sweep_n_chunks(gc->heap),
        };

        workers_run(&gc->workers, cycle_sweep_worker, &job, NULL);
        gc_record_own(gc, GC_TRANSITION_SWEPT, 0, 0);
        cycle->live_bytes = job.live_bytes;
        cycle->live_objects = job.live_objects;
        cycle->freed_bytes = job.freed_bytes;
        cycle->freed_objects = job.freed_objects;
}

/* What has gone by since the last move was the phase's that ends here. */
static void cycle_move(struct gc *gc, struct gc_cycle *cycle, enum gc_phase to)
{
        enum gc_phase from = atomic_load_explicit(&gc->phase, memory_order_relaxed);
        uint64_t now_ns = clock_now_ns();
        uint64_t cpu_ns = clock_thread_cpu_ns() + workers_cpu_ns(&gc->workers);

        hd_assert(gc_phase_may_follow(from, to));
        if (from == GC_PHASE_IDLE) {
                cycle->start_ns = now_ns;
        } else {
                cycle->phases[from].wall_ns += now_ns - gc->moved_ns;
                cycle->phases[from].cpu_ns += cpu_ns - gc->moved_cpu_ns;
                cycle->total_ns = now_ns - cycle->start_ns;
        }
        gc->moved_ns = now_ns;
        gc->moved_cpu_ns = cpu_ns;
        atomic_store_explicit(&gc->phase, to, memory_order_relaxed);
}

/* Both handshakes before marking. Two, because an object may be born black only when every mutator
 * shades what it overwrites (GC-20). */
static void cycle_begin(struct gc *gc, struct gc_cycle *cycle)
{
        unsigned generation = gc->target.generation;

        gc_record_own(gc, GC_TRANSITION_CYCLE, gc->n_started, 0);
        atomic_store_explicit(&gc->term, GC_TERM_MARKING, memory_order_seq_cst);
        cycle_move(gc, cycle, GC_PHASE_ARM);
        handshake_run(gc, (struct handshake){
                                  .armed = true, .grey = true, .generation = (uint8_t)generation});
        cycle_move(gc, cycle, GC_PHASE_BLACKEN);
        handshake_run(gc, (struct handshake){.armed = true,
                                             .black = true,
                                             .drop_holes = true,
                                             .generation = (uint8_t)generation});
        handshake_fetch_caches(gc);
}

/*
 * Marking is over if a whole wave of handshakes brought nothing: nobody shaded since it began, and
 * nobody scanned during it, so there was no grey object when it began and every reachable one is
 * black (GC-26); and if nobody has marked anything meanwhile (GC-28).
 */
static bool cycle_propose(struct gc *gc, struct gc_cycle *cycle)
{
        struct handshake wave = {.armed = true,
                                 .black = true,
                                 .hand_log = true,
                                 .generation = gc->target.generation};
        uint32_t proposed = GC_TERM_PROPOSED;

        cycle_move(gc, cycle, GC_PHASE_PROPOSE);
        atomic_store_explicit(&gc->term, GC_TERM_PROPOSED, memory_order_seq_cst);
        gc_record_own(gc, GC_TRANSITION_PROPOSED, 0, 0);
        handshake_run(gc, wave);
        gc_point(gc, GC_POINT_CONTROLLER_WAVE);
        if (!grey_logs_pending(&gc->grey.logs) &&
            atomic_compare_exchange_strong_explicit(&gc->term, &proposed, GC_TERM_COMMITTED,
                                                    memory_order_seq_cst, memory_order_seq_cst)) {
                gc_record_own(gc, GC_TRANSITION_COMMITTED, 0, 0);
                return true;
        }
        atomic_store_explicit(&gc->term, GC_TERM_MARKING, memory_order_seq_cst);
        gc_record_own(gc, GC_TRANSITION_REJECTED, 0, 0);
        return false;
}

static void cycle_mark(struct gc *gc, struct gc_cycle *cycle)
{
        struct mark_totals totals = {0};

        grey_queue_fit(&gc->grey, heap_inuse_bytes(gc->heap), heap_limit_bytes(gc->heap));
        do {
                cycle_move(gc, cycle, GC_PHASE_MARK);
                mark_run(gc, cycle->n_proposals == 0, &totals);
                cycle->n_proposals++;
        } while (!cycle_propose(gc, cycle));
        cycle->scanned_bytes = totals.scanned_bytes;
        cycle->overflows = totals.n_overflows;
}

static void cycle_check(struct gc *gc)
{
        if (gc->config.debug.checkmark) {
                bool held = gc->held;

                if (!held) {
                        hold_mutators(gc);
                }
                checkmark_run(gc);
                if (!held) {
                        hold_release(gc);
                }
        }
}

/* Two handshakes after marking, too: were objects born white while some mutator still looks at
 * marks, it could shade one of them, for the next cycle to trip over, or take it for dead (GC-27).
 */
static void cycle_end(struct gc *gc, struct gc_cycle *cycle)
{
        unsigned old = gc->target.generation;

        cycle_move(gc, cycle, GC_PHASE_DISARM);
        handshake_run(gc, (struct handshake){
                                  .black = true, .hand_log = true, .generation = (uint8_t)old});
        grey_logs_assert_empty(&gc->grey.logs);
        cycle_move(gc, cycle, GC_PHASE_CLEAR);
        cycle_check(gc);
        weak_clear(gc);
        atomic_store_explicit(&gc->term, GC_TERM_IDLE, memory_order_seq_cst);
        cycle_move(gc, cycle, GC_PHASE_WHITEN);
        /* What is allocated from here on counts towards the next cycle. */
        atomic_store_explicit(&gc->allocated_bytes, 0, memory_order_relaxed);
        handshake_run(gc, (struct handshake){.drop_holes = true, .generation = !old});
        handshake_fetch_caches(gc);
        central_reset(gc->heap, old);
}

static void cycle_collect(struct gc *gc, struct gc_cycle *cycle)
{
        if (gc->config.debug.stw) {
                hold_mutators(gc);
        }
        cycle->heap_start_bytes = gc_heap_bytes(gc);
        cycle_begin(gc, cycle);
        cycle_mark(gc, cycle);
        cycle->heap_end_bytes = gc_heap_bytes(gc);
        cycle->n_weak_cleared = gc_weak_cleared(gc);
        cycle_end(gc, cycle);
        cycle->n_weak_cleared = gc_weak_cleared(gc) - cycle->n_weak_cleared;
        cycle_move(gc, cycle, GC_PHASE_SWEEP);
        cycle_sweep(gc, cycle);
        cycle_move(gc, cycle, GC_PHASE_IDLE);
        if (gc->config.debug.stw) {
                hold_release(gc);
        }
        atomic_store_explicit(&gc->live_bytes, cycle->live_bytes, memory_order_relaxed);
}

/* What growth or a full heap asked for meanwhile has been answered by this cycle, if it helped. */
static void cycle_drop_stale_request_locked(struct gc *gc)
{
        bool grown = gc_heap_bytes(gc) >=
                     atomic_load_explicit(&gc->trigger_bytes, memory_order_relaxed);

        if (gc->pending && (gc->pending_reason == GC_REASON_LIMIT ||
                            (gc->pending_reason == GC_REASON_GOAL && !grown))) {
                gc->pending = false;
                atomic_store_explicit(&gc->asked, false, memory_order_relaxed);
        }
}

/* What the mutators have to tell, since the cycle before. */
static void cycle_count_mutators_locked(struct gc *gc, struct gc_cycle *cycle)
{
        uint64_t times_ns[_GC_TIME_N];

        cycle->handshakes = gc->handshakes_gone;
        gc->handshakes_gone = (struct gc_handshakes){0};
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i]) {
                        handshakes_add(&cycle->handshakes, &gc->mutators[i]->handshakes);
                        gc->mutators[i]->handshakes = (struct gc_handshakes){0};
                }
        }
        gc_sum_times_ns_locked(gc, times_ns);
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                cycle->times_ns[time] = times_ns[time] - gc->times_then_ns[time];
                gc->times_then_ns[time] = times_ns[time];
        }
        cycle->n_vetoes = atomic_load_explicit(&gc->n_vetoes, memory_order_relaxed) -
                          gc->n_vetoes_then;
        gc->n_vetoes_then += cycle->n_vetoes;
}

/* Enters the cycle's figures and the next goal, and lets those go who waited for it. */
static void cycle_finish(struct gc *gc, struct gc_cycle *cycle)
{
        uint64_t elapsed_ns;
        bool all;

        cycle->band = gc_band(gc);
        pthread_mutex_lock(&gc->lock);
        cycle->root_bytes = atomic_load_explicit(&gc->n_roots, memory_order_relaxed) *
                            sizeof(uint64_t);
        cycle->goal_bytes = gc->plan.goal_bytes;
        cycle_count_mutators_locked(gc, cycle);
        gc->last_end_ns = clock_now_ns();
        gc->last_end_real_ns = clock_real_ns();
        gc->last_took_ns = cycle->total_ns;
        for (enum gc_phase phase = 0; phase < _GC_PHASE_N; phase++) {
                gc->gc_cpu_ns += cycle->phases[phase].cpu_ns;
        }
        gc->n_forced += cycle->reason == GC_REASON_FORCED;
        elapsed_ns = gc->last_end_ns - gc->start_ns;
        cycle->cpu_fraction = (double)gc->gc_cpu_ns / ((double)elapsed_ns * gc->n_cpus);
        gc->last = *cycle;
        pace_learn_locked(gc, cycle);
        cycle_drop_stale_request_locked(gc);
        cycle->next_goal_bytes = gc->last.next_goal_bytes = gc->plan.goal_bytes;
        pthread_mutex_unlock(&gc->lock);
        if (gc->config.listener && gc->config.listener->cycle_end) {
                gc->config.listener->cycle_end(gc->config.listener->user, cycle);
        }
        pthread_mutex_lock(&gc->lock);
        gc->n_finished = cycle->number;
        all = gc->release_after != 0 && gc->release_after <= cycle->number;
        gc->release_after = all ? 0 : gc->release_after;
        scavenger_poke(&gc->scavenger, all);
        pthread_cond_broadcast(&gc->finished);
        pthread_mutex_unlock(&gc->lock);
}

static void cycle_run(struct gc *gc, uint64_t number, enum gc_reason reason)
{
        struct gc_cycle cycle = {
                .number = number,
                .reason = reason,
                .n_workers = gc->workers.n_workers,
                .n_cpus = gc->n_cpus,
        };

        if (gc->config.listener && gc->config.listener->cycle_begin) {
                gc->config.listener->cycle_begin(gc->config.listener->user, number, reason);
        }
        cycle_collect(gc, &cycle);
        cycle.queue_bytes = grey_queue_give_back(&gc->grey);
        cycle_finish(gc, &cycle);
}

/* Waits for a request or for the period; true when a cycle is to run. */
static bool cycle_wait_locked(struct gc *gc)
{
        uint64_t due_ns = (gc->last_end_ns ? gc->last_end_ns : gc->start_ns) + gc->config.period_ns;
        uint64_t delay_ns = 0;

        if (gc->config.debug.rage && !gc->pending) {
                gc->pending = true;
                gc->pending_reason = GC_REASON_PERIODIC;
        }
        while (!gc->stopping &&
               (!gc->pending || (delay_ns = pace_delay_ns_locked(gc, gc->pending_reason)) > 0)) {
                uint64_t until_ns = gc->pending ? clock_now_ns() + delay_ns : due_ns;
                struct timespec until = {
                        .tv_sec = (time_t)(until_ns / 1000000000u),
                        .tv_nsec = (long)(until_ns % 1000000000u),
                };
                uint64_t entries;

                if (pthread_cond_timedwait(&gc->wake, &gc->lock, &until) != ETIMEDOUT ||
                    gc->pending) {
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
                atomic_store_explicit(&gc->garbage_bytes, 0, memory_order_relaxed);
                atomic_store_explicit(&gc->asked, false, memory_order_relaxed);
                pthread_mutex_unlock(&gc->lock);
                cycle_run(gc, number, reason);
                pthread_mutex_lock(&gc->lock);
        }
        pthread_mutex_unlock(&gc->lock);
        return NULL;
}
