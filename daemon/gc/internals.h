/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Internals: the layout of struct gc, for the files of gc/ only.
 *
 * Locks, in order: `lock` (requests, mutator table, who waits), then `roots_lock` or the
 * scavenger's. The controller holds none while marking or sweeping.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "gc/gc.h"
#include "gc/greywork.h"
#include "gc/handshake.h"
#include "gc/pacer.h"
#include "gc/phase.h"
#include "gc/scavenger.h"
#include "gc/worker.h"

#define GC_ROOT_CHUNK  1024u
#define GC_ROOT_CHUNKS (GC_ROOTS_MAX / GC_ROOT_CHUNK)

/* How much a mutator allocates before it tells the pacer. */
#define GC_REPORT_BYTES (UINT64_C(16) << 10)

/* Whether marking may still go on: what a weak load has to know (GC-31). */
enum gc_term {
        GC_TERM_IDLE, /* marks mean nothing */
        GC_TERM_MARKING,
        GC_TERM_PROPOSED,
        GC_TERM_COMMITTED,
};

struct gc {
        struct heap *heap;
        struct gc_config config; /* completed: no zeros that mean a default */
        unsigned n_cpus;
        uint64_t clock_ns; /* const: what a reading of the clock takes */

        /* The controller and what is asked of it, under `lock`. */
        pthread_mutex_t lock;
        pthread_cond_t wake;     /* to the controller: a request or a stop */
        pthread_cond_t finished; /* to gc_wait(): a cycle has ended */
        pthread_t controller;
        bool stopping;
        bool pending;
        enum gc_reason pending_reason;
        uint64_t n_started, n_finished, n_forced;
        uint64_t start_ns, last_end_ns, last_end_real_ns, last_took_ns;
        uint64_t gc_cpu_ns;
        uint64_t entries_seen; /* sum of entries at the last cycle */
        uint64_t entries_gone; /* of detached mutators */
        struct histogram times_gone[_GC_TIME_N];
        struct gc_handshakes handshakes_gone; /* of this cycle, by those that left */
        uint64_t times_then_ns[_GC_TIME_N];   /* sums when the last cycle had ended */
        uint64_t n_vetoes_then;
        uint64_t moved_ns, moved_cpu_ns; /* the clocks at the last move: the controller's own */
        struct pacer pacer;
        struct pacer_plan plan;
        struct pacer_budget budget; /* of CPU time for the limit's cycles, as of budget_ns */
        uint64_t budget_ns;
        struct gc_cycle last;
        struct mutator *mutators[GC_MUTATORS_MAX];
        unsigned n_mutators;

        /* The handshake in progress or last completed; what a newcomer starts as. Under `lock`. */
        struct handshake target;
        uint32_t handshake_number;
        uint64_t handshake_ns; /* when it was published */

        _Atomic uint32_t term;     /* enum gc_term */
        _Atomic uint64_t n_vetoes; /* of ends of marking, by weak loads */
        _Atomic uint64_t n_weak_cleared;
        bool points;             /* const: somebody wants to know of every step */
        _Atomic uint64_t random; /* state of the random delays */
        _Atomic bool hold;       /* debugging: the controller wants every mutator away */
        bool held;               /* and has them: the controller's own */
        _Atomic uint32_t phase;  /* enum gc_phase */
        _Atomic bool asked;      /* a copy of `pending`, to keep allocation off the lock */
        _Atomic int percent;
        _Atomic uint64_t live_bytes;      /* as of the last cycle */
        _Atomic uint64_t allocated_bytes; /* since then, as reported */
        _Atomic uint64_t trigger_bytes;   /* live + allocated that starts a cycle */
        _Atomic uint64_t hard_bytes;      /* and that nobody should pass while it runs */
        _Atomic uint64_t base_bytes;      /* in use when the last cycle had ended */
        _Atomic uint64_t amber_bytes;     /* in use, from which on those who allocate wait */
        _Atomic uint64_t garbage_bytes;   /* presumed, noted since the last cycle */

        pthread_mutex_t roots_lock;
        struct gc_root *root_chunks[GC_ROOT_CHUNKS];
        _Atomic uint32_t n_root_chunks;
        struct gc_root *free_roots;
        _Atomic uint64_t n_roots;

        struct grey_queue grey;
        struct worker_pool workers;
        struct scavenger scavenger;
        uint64_t release_after; /* the cycle after which all idle memory is to go; under `lock` */
};

void gc_point_slow(struct gc *gc, enum gc_point point);

static inline void gc_point(struct gc *gc, enum gc_point point)
{
        if (__builtin_expect(gc->points, false)) {
                gc_point_slow(gc, point);
        }
}

/* A transition of the collector's own threads. */
static inline void gc_record_own(struct gc *gc, enum gc_transition transition, uint64_t a,
                                 uint64_t b)
{
#if HEAPD_CHECKS >= 1
        if (__builtin_expect(gc->config.transition != NULL, false)) {
                gc->config.transition(gc->config.transition_user, transition, NULL, a, b, 0);
        }
#endif
}

/* checkmark.c: debugging only. Waits until every mutator is away, and keeps them there. */
void hold_mutators(struct gc *gc);
void hold_release(struct gc *gc);
/* While they are held and marking has ended; aborts, with the path, when something was missed. */
void checkmark_run(struct gc *gc);

/* mutator.c, for the controller. */
uint64_t mutators_count_entries_locked(struct gc *gc);

/* gc.c: what mutators have spent so far. */
void gc_sum_times_ns_locked(struct gc *gc, uint64_t ret_sums_ns[static _GC_TIME_N]);

/* cycle.c: the controller's thread. */
void *cycle_controller_main(void *gc);
