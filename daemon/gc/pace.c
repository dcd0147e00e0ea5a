/* SPDX-License-Identifier: MIT */
#include "gc/pace.h"

#include "base/clock.h"
#include "gc/internals.h"
#include "heap/heap.h"

uint64_t gc_heap_bytes(struct gc *gc)
{
        return atomic_load_explicit(&gc->live_bytes, memory_order_relaxed) +
               atomic_load_explicit(&gc->allocated_bytes, memory_order_relaxed);
}

/* The limit is one on pages; the pacer counts slots. What lies in used pages and in no slot (holes
 * between objects, caches) is not to be had. */
static uint64_t pace_limit_bytes(struct gc *gc)
{
        uint64_t pages = heap_allowance_bytes(gc->heap), inuse = heap_inuse_bytes(gc->heap);
        uint64_t slots = gc_heap_bytes(gc), waste = inuse > slots ? inuse - slots : 0;

        if (pages == UINT64_MAX) {
                return UINT64_MAX;
        }
        return pages > waste ? pages - waste : 0;
}

void pace_plan_locked(struct gc *gc)
{
        struct pacer_input input = {
                .live_bytes = atomic_load_explicit(&gc->live_bytes, memory_order_relaxed),
                .root_bytes = atomic_load_explicit(&gc->n_roots, memory_order_relaxed) *
                              sizeof(uint64_t),
                .minimum_bytes = gc->config.minimum_bytes,
                .limit_bytes = pace_limit_bytes(gc),
                .percent = atomic_load_explicit(&gc->percent, memory_order_relaxed),
        };
        uint64_t base = atomic_load_explicit(&gc->base_bytes, memory_order_relaxed);

        pacer_make_plan(&gc->pacer, &input, &gc->plan);
        atomic_store_explicit(&gc->trigger_bytes, gc->plan.trigger_bytes, memory_order_relaxed);
        atomic_store_explicit(&gc->hard_bytes, gc->plan.hard_bytes, memory_order_relaxed);
        atomic_store_explicit(&gc->amber_bytes,
                              pacer_amber_bytes(base, heap_allowance_bytes(gc->heap)),
                              memory_order_relaxed);
}

static bool pace_is_for_growth(enum gc_reason reason)
{
        return reason == GC_REASON_GOAL || reason == GC_REASON_LIMIT;
}

void pace_learn_locked(struct gc *gc, const struct gc_cycle *cycle)
{
        struct pacer_sample sample = {
                .live_bytes = cycle->live_bytes,
                .total_ns = cycle->total_ns,
                .allocated_bytes = cycle->heap_end_bytes - cycle->heap_start_bytes,
                .representative = pace_is_for_growth(cycle->reason),
        };
        uint64_t now_ns = clock_now_ns(), cpu_ns = 0;

        for (enum gc_phase phase = GC_PHASE_IDLE; phase < _GC_PHASE_N; phase++) {
                sample.marking_ns += phase <= GC_PHASE_PROPOSE ? cycle->phases[phase].wall_ns : 0;
                cpu_ns += cycle->phases[phase].cpu_ns;
        }
        pacer_learn(&gc->pacer, &sample);
        pacer_budget_spend(&gc->budget, now_ns - gc->budget_ns, cpu_ns, gc->n_cpus);
        gc->budget_ns = now_ns;
        atomic_store_explicit(&gc->base_bytes, heap_inuse_bytes(gc->heap), memory_order_relaxed);
        pace_plan_locked(gc);
}

uint64_t pace_delay_ns_locked(struct gc *gc, enum gc_reason reason)
{
        uint64_t now_ns = clock_now_ns();

        if (reason != GC_REASON_LIMIT && !(reason == GC_REASON_GOAL && gc->plan.limited)) {
                return 0;
        }
        pacer_budget_spend(&gc->budget, now_ns - gc->budget_ns, 0, gc->n_cpus);
        gc->budget_ns = now_ns;
        return pacer_budget_wait_ns(&gc->budget, gc->n_cpus);
}

void gc_set_percent(struct gc *gc, int percent)
{
        pthread_mutex_lock(&gc->lock);
        atomic_store_explicit(&gc->percent, percent, memory_order_relaxed);
        pace_plan_locked(gc);
        pthread_mutex_unlock(&gc->lock);
}

void gc_set_limit(struct gc *gc, uint64_t limit_bytes)
{
        pthread_mutex_lock(&gc->lock);
        heap_set_limit(gc->heap, limit_bytes);
        pace_plan_locked(gc);
        scavenger_poke(&gc->scavenger, false);
        pthread_mutex_unlock(&gc->lock);
}

uint64_t gc_free_memory(struct gc *gc, enum gc_reason reason)
{
        uint64_t cycle = gc_request(gc, reason);

        pthread_mutex_lock(&gc->lock);
        if (cycle > gc->n_finished && cycle > gc->release_after) {
                gc->release_after = cycle;
        }
        scavenger_poke(&gc->scavenger, true);
        pthread_mutex_unlock(&gc->lock);
        return cycle;
}

void gc_want_room(struct gc *gc)
{
        if (!atomic_load_explicit(&gc->asked, memory_order_relaxed)) {
                gc_request(gc, GC_REASON_LIMIT);
        }
}

bool gc_is_pressed(struct gc *gc)
{
        if (heap_inuse_bytes(gc->heap) >=
            atomic_load_explicit(&gc->amber_bytes, memory_order_relaxed)) {
                return true;
        }
        return atomic_load_explicit(&gc->phase, memory_order_relaxed) != GC_PHASE_IDLE &&
               gc_heap_bytes(gc) > atomic_load_explicit(&gc->hard_bytes, memory_order_relaxed);
}

enum pacer_band gc_band(struct gc *gc)
{
        return pacer_band(atomic_load_explicit(&gc->base_bytes, memory_order_relaxed),
                          heap_inuse_bytes(gc->heap), heap_allowance_bytes(gc->heap));
}

uint64_t gc_room_bytes(struct gc *gc)
{
        uint64_t base = atomic_load_explicit(&gc->base_bytes, memory_order_relaxed);
        uint64_t allowance = heap_allowance_bytes(gc->heap);

        return allowance > base ? allowance - base : 0;
}

uint64_t gc_relief_ns(struct gc *gc)
{
        uint64_t took_ns, wait_ns;

        pthread_mutex_lock(&gc->lock);
        took_ns = gc->last_took_ns;
        wait_ns = pace_delay_ns_locked(gc, GC_REASON_LIMIT);
        pthread_mutex_unlock(&gc->lock);
        return took_ns + wait_ns;
}
