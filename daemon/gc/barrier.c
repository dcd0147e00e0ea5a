/* SPDX-License-Identifier: MIT */
#include "gc/barrier.h"

#include "gc/toll.h"
#include "heap/marks.h"

/*
 * The barrier. While a cycle runs, a store shades what it overwrites: the object is marked here and
 * now, by one atomic operation on its bit, and goes to the mutator's log if it has references of
 * its own to be scanned. So the collector sees every object that was reachable when marking began,
 * however the graph is rearranged meanwhile (Yuasa's snapshot at the beginning, as in Go's hybrid
 * barrier).
 *
 * Exchange, not load and store: another mutator may write the same slot, and each overwritten value
 * must be seen by exactly one of them.
 *
 * Between a mutator's ARM and BLACKEN it also shades what it writes: others may not be armed yet,
 * and can overwrite, unseen, the slot from which it loaded that reference (GC-21).
 */

/*
 * Whoever marks something while the controller believes that marking is over says so first, and the
 * controller marks on (GC-28). Waiting for the log is not enough: another mutator may be about to
 * shade the very object, find it marked, and log nothing; and this one may have answered the wave.
 */
static void barrier_veto(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;
        uint32_t proposed = GC_TERM_PROPOSED;
        struct toll toll;

        if (atomic_load_explicit(&gc->term, memory_order_seq_cst) != GC_TERM_PROPOSED) {
                gc_record(mutator, GC_TRANSITION_UNVETOED, 0, 0, 0);
                return;
        }
        toll = toll_begin(mutator);
        if (atomic_compare_exchange_strong_explicit(&gc->term, &proposed, GC_TERM_MARKING,
                                                    memory_order_seq_cst, memory_order_seq_cst)) {
                gc_record(mutator, GC_TRANSITION_VETOED, 0, 0, 0);
                atomic_fetch_add_explicit(&gc->n_vetoes, 1, memory_order_relaxed);
        } else {
                gc_record(mutator, GC_TRANSITION_UNVETOED, 0, 0, 0);
        }
        toll_end(mutator, GC_TIME_VETO, &toll);
}

static void barrier_log(struct mutator *mutator, uint64_t offset)
{
        struct grey_logs *logs = &mutator->gc->grey.logs;
        bool is_full = !mutator->log || mutator->log->n == logs->capacity;
        struct toll toll;

        if (is_full) {
                toll = toll_begin(mutator);
        }
        grey_log(logs, mutator->heap, &mutator->log, offset);
        if (is_full) {
                toll_end(mutator, GC_TIME_LOG, &toll);
        }
}

void barrier_shade(struct mutator *mutator, uint64_t offset)
{
        struct gc *gc = mutator->gc;

        gc_point(gc, GC_POINT_MUTATOR_EXCHANGED);
        if (marks_test(mutator->heap, offset)) {
                return;
        }
        barrier_veto(mutator);
        if (!marks_try_set(mutator->heap, offset)) {
                return;
        }
        gc_record(mutator, GC_TRANSITION_SHADED, offset, 0, 0);
        if (!marks_page_noscan(mutator->heap, offset)) {
                gc_point(gc, GC_POINT_MUTATOR_SHADED);
                barrier_log(mutator, offset);
        }
}

static inline void barrier_store(struct mutator *mutator, _Atomic uint64_t *slot, uint64_t bits)
{
        /* Release, as gc_store(); acquire, because the old value's object is looked up. */
        uint64_t old = atomic_exchange_explicit(slot, bits, memory_order_acq_rel);

        gc_record(mutator, GC_TRANSITION_EXCHANGED, (uintptr_t)slot, bits, old);
        if (old & WORD_REF_BIT) {
                barrier_shade(mutator, old - WORD_REF_BIT);
        }
        if (mutator->grey && (bits & WORD_REF_BIT)) {
                barrier_shade(mutator, bits - WORD_REF_BIT);
        }
}

void gc_store_armed(struct mutator *mutator, _Atomic uint64_t *slot, uint64_t bits)
{
        struct toll toll;

        if (!toll_is_due(mutator)) {
                barrier_store(mutator, slot, bits);
                return;
        }
        toll = toll_begin(mutator);
        barrier_store(mutator, slot, bits);
        toll_end_sampled(mutator, GC_TIME_SHADE, &toll);
}
