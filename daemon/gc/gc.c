/* SPDX-License-Identifier: MIT */
#include "gc/gc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/internals.h"
#include "gc/pace.h"

#define GC_MINIMUM_BYTES (UINT64_C(4) << 20)
#define GC_PERIOD_NS     (UINT64_C(120) * 1000000000)

static unsigned gc_count_cpus(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* What lies between two readings of the clock when nothing else does. */
static uint64_t gc_measure_clock_ns(void)
{
        uint64_t least_ns = UINT64_MAX, then_ns = clock_now_ns(), now_ns;

        for (int i = 0; i < 100; i++) {
                now_ns = clock_now_ns();
                least_ns = now_ns - then_ns < least_ns ? now_ns - then_ns : least_ns;
                then_ns = now_ns;
        }
        return least_ns;
}

static void gc_complete_config(struct gc_config *config, unsigned n_cpus)
{
        if (config->n_workers == 0) {
                config->n_workers = n_cpus / 4 > 0 ? n_cpus / 4 : 1;
        }
        if (config->n_workers > GC_WORKERS_MAX) {
                config->n_workers = GC_WORKERS_MAX;
        }
        if (config->minimum_bytes == 0) {
                config->minimum_bytes = GC_MINIMUM_BYTES;
        }
        if (config->period_ns == 0) {
                config->period_ns = GC_PERIOD_NS;
        }
}

static void gc_init_locks(struct gc *gc)
{
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_mutex_init(&gc->lock, NULL);
        pthread_mutex_init(&gc->roots_lock, NULL);
        pthread_cond_init(&gc->wake, &attributes);
        pthread_cond_init(&gc->finished, NULL);
        pthread_condattr_destroy(&attributes);
}

static void gc_release(struct gc *gc)
{
        for (unsigned i = 0; i < GC_ROOT_CHUNKS; i++) {
                free(gc->root_chunks[i]);
        }
        pthread_cond_destroy(&gc->finished);
        pthread_cond_destroy(&gc->wake);
        pthread_mutex_destroy(&gc->roots_lock);
        pthread_mutex_destroy(&gc->lock);
        grey_queue_deinit(&gc->grey);
        free(gc);
}

int gc_new(struct gc **ret_gc, struct heap *heap, const struct gc_config *config)
{
        struct gc *gc = calloc(1, sizeof(*gc));
        int r;

        if (!gc) {
                return -ENOMEM;
        }
        gc->heap = heap;
        gc->config = *config;
        gc->n_cpus = gc_count_cpus();
        gc_complete_config(&gc->config, gc->n_cpus);
        atomic_init(&gc->percent, gc->config.percent);
        gc->points = gc->config.debug.delay_us || gc->config.debug.checkmark ||
                     gc->config.debug.stw || gc->config.debug.proxy || gc->config.point;
        atomic_init(&gc->random, gc->config.debug.seed);
        gc->start_ns = gc->budget_ns = clock_now_ns();
        gc->clock_ns = gc_measure_clock_ns();
        atomic_init(&gc->base_bytes, heap_inuse_bytes(heap));
        gc_init_locks(gc);
        pace_plan_locked(gc);
        r = grey_queue_init(&gc->grey, heap_reserved_bytes(heap), gc->config.queue_entries,
                            gc->config.n_workers, gc->config.debug.log_entries);
        if (r < 0) {
                gc_release(gc);
                return r;
        }
        r = workers_start(&gc->workers, gc->config.n_workers);
        if (r < 0) {
                gc_release(gc);
                return r;
        }
        r = scavenger_start(&gc->scavenger, gc);
        if (r == 0 && pthread_create(&gc->controller, NULL, cycle_controller_main, gc) != 0) {
                r = -EAGAIN;
        }
        if (r < 0) {
                scavenger_stop(&gc->scavenger);
                workers_stop(&gc->workers);
                gc_release(gc);
                return r;
        }
        *ret_gc = gc;
        return 0;
}

void gc_free(struct gc *gc)
{
        if (!gc) {
                return;
        }
        pthread_mutex_lock(&gc->lock);
        hd_assert(gc->n_mutators == 0);
        gc->stopping = true;
        pthread_cond_signal(&gc->wake);
        pthread_mutex_unlock(&gc->lock);
        pthread_join(gc->controller, NULL);
        scavenger_stop(&gc->scavenger);
        workers_stop(&gc->workers);
        gc_release(gc);
}

const char *gc_reason_name(enum gc_reason reason)
{
        static const char *const names[_GC_REASON_N] = {
                [GC_REASON_GOAL] = "goal",         [GC_REASON_FORCED] = "forced",
                [GC_REASON_PERIODIC] = "periodic", [GC_REASON_GARBAGE] = "garbage",
                [GC_REASON_LIMIT] = "limit",
        };

        return names[reason];
}

uint64_t gc_request(struct gc *gc, enum gc_reason reason)
{
        uint64_t number;

        pthread_mutex_lock(&gc->lock);
        /* A reason that the end of a cycle may drop as stale gives way to one that stays. */
        if (!gc->pending || reason == GC_REASON_FORCED || gc->pending_reason == GC_REASON_GOAL ||
            gc->pending_reason == GC_REASON_LIMIT) {
                gc->pending_reason = reason;
        }
        gc->pending = true;
        atomic_store_explicit(&gc->asked, true, memory_order_relaxed);
        number = gc->n_started + 1;
        pthread_cond_signal(&gc->wake);
        pthread_mutex_unlock(&gc->lock);
        return number;
}

void gc_wait(struct gc *gc, uint64_t cycle)
{
        pthread_mutex_lock(&gc->lock);
        while (gc->n_finished < cycle) {
                pthread_cond_wait(&gc->finished, &gc->lock);
        }
        pthread_mutex_unlock(&gc->lock);
}

void gc_note_garbage(struct gc *gc, uint64_t bytes)
{
        uint64_t total = atomic_fetch_add_explicit(&gc->garbage_bytes, bytes, memory_order_relaxed);

        /* Also when a cycle has been asked for: that request may be for growth, and be dropped. */
        if (pacer_garbage_is_much(total + bytes, heap_inuse_bytes(gc->heap))) {
                gc_request(gc, GC_REASON_GARBAGE);
        }
}

static void gc_sum_times_locked(struct gc *gc, enum gc_time time, struct histogram *sum)
{
        histogram_merge(sum, &gc->times_gone[time]);
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i]) {
                        histogram_merge(sum, &gc->mutators[i]->times[time]);
                }
        }
}

void gc_sum_times_ns_locked(struct gc *gc, uint64_t ret_sums_ns[static _GC_TIME_N])
{
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                ret_sums_ns[time] = gc->times_gone[time].total_ns;
                for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                        if (gc->mutators[i]) {
                                ret_sums_ns[time] += atomic_load_explicit(
                                        &gc->mutators[i]->times[time].total_ns,
                                        memory_order_relaxed);
                        }
                }
        }
}

void gc_get_stats(struct gc *gc, struct gc_stats *ret_stats)
{
        struct histogram answers = {0};

        pthread_mutex_lock(&gc->lock);
        gc_sum_times_locked(gc, GC_TIME_ANSWER, &answers);
        gc_sum_times_locked(gc, GC_TIME_PROXIED, &answers);
        *ret_stats = (struct gc_stats){
                .n_handshakes = histogram_count(&answers),
                .handshake_total_ns = answers.total_ns,
                .handshake_max_ns = answers.max_ns,
                .n_cycles = gc->n_finished,
                .n_forced = gc->n_forced,
                .phase = atomic_load_explicit(&gc->phase, memory_order_relaxed),
                .goal_bytes = gc->plan.goal_bytes,
                .trigger_bytes = atomic_load_explicit(&gc->trigger_bytes, memory_order_relaxed),
                .last_end_real_ns = gc->last_end_real_ns,
                .cpu_fraction = gc->last.cpu_fraction,
                .percent = atomic_load_explicit(&gc->percent, memory_order_relaxed),
                .effective_percent = gc->plan.effective_percent,
                .band = gc_band(gc),
                .released_bytes = atomic_load_explicit(&gc->scavenger.released_bytes,
                                                       memory_order_relaxed),
                .scavenger_cpu_ns = atomic_load_explicit(&gc->scavenger.cpu_ns,
                                                         memory_order_relaxed),
                .n_workers = gc->config.n_workers,
                .n_mutators = gc->n_mutators,
                .n_vetoes = atomic_load_explicit(&gc->n_vetoes, memory_order_relaxed),
                .n_weak_cleared = gc_weak_cleared(gc),
                .n_roots = atomic_load_explicit(&gc->n_roots, memory_order_relaxed),
                .last = gc->last,
        };
        gc_sum_times_ns_locked(gc, ret_stats->times_ns);
        pthread_mutex_unlock(&gc->lock);
}

static const struct {
        const char *name;
        enum gc_time_what what;
} gc_times[_GC_TIME_N] = {
#define TIME(name_, text_, what_, help_) {.name = text_, .what = GC_TIME_##what_},
#include "gc/times.def"
#undef TIME
};

const char *gc_time_name(enum gc_time time)
{
        hd_assert(time < _GC_TIME_N);
        return gc_times[time].name;
}

enum gc_time_what gc_time_what(enum gc_time time)
{
        hd_assert(time < _GC_TIME_N);
        return gc_times[time].what;
}

void gc_get_times(struct gc *gc, enum gc_time time, struct histogram *ret_histogram)
{
        memset(ret_histogram, 0, sizeof(*ret_histogram));
        pthread_mutex_lock(&gc->lock);
        gc_sum_times_locked(gc, time, ret_histogram);
        pthread_mutex_unlock(&gc->lock);
}
