/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Recorder: writes down the transitions of a real run (gc/transition.h), for check_replay.py to ask
 * the models whether they allow it.
 *
 * What can be known of the order? No counter is shared, for it would order the threads under test.
 * Each thread notes its own transitions, in its own order, with the time when each had happened. A
 * transition lies between two such times of its thread, that of the one before and its own; where
 * these spans of two threads do not overlap, their order is known, and where they do it is not: any
 * order that explains the values read and written will do. The fence before the clock is read makes
 * a store visible by then; what the recording of plain stores hides is thus only how long they may
 * lie in a store buffer, and that is handshake.pml's subject.
 *
 * Owns:     the rings. Threads: recorder_note() any, each into a ring of its own; the rest when no
 *           other thread runs. Failure: what finds no room is dropped, and `n_dropped` says so.
 */

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "gc/gc.h"

enum { RECORDER_THREADS = 8, RECORDER_EVENTS = 2048, RECORDER_CELLS = 4, NOBODY = -1 };

struct recorder_event {
        uint64_t after_ns, until_ns;
        enum gc_transition transition;
        int mutator;
        uint64_t values[3];
};

struct recorder_ring {
        uint32_t n_events;
        uint64_t last_ns;
        struct recorder_event events[RECORDER_EVENTS];
};

struct recorder {
        uint64_t number; /* of the run; tells threads whose ring is of another */
        _Atomic bool on;
        _Atomic uint32_t n_rings, n_dropped;
        uintptr_t base; /* of the heap */
        uint32_t n_cells;
        const struct gc_root *cells[RECORDER_CELLS]; /* other root cells are of no interest */
        struct recorder_ring rings[RECORDER_THREADS];
};

static inline struct recorder_ring *recorder_ring(struct recorder *recorder)
{
        static _Thread_local struct recorder_ring *ring;
        static _Thread_local uint64_t number;
        uint32_t index;

        if (!ring || number != recorder->number) {
                index = atomic_fetch_add(&recorder->n_rings, 1);
                hd_assert(index < RECORDER_THREADS);
                number = recorder->number;
                ring = &recorder->rings[index];
                ring->n_events = 0;
                ring->last_ns = 0;
        }
        return ring;
}

static inline bool recorder_knows_cell(const struct recorder *recorder, uint64_t slot)
{
        for (uint32_t i = 0; i < recorder->n_cells; i++) {
                if ((uintptr_t)&recorder->cells[i]->bits == slot) {
                        return true;
                }
        }
        return false;
}

/* A gc_transition_fn. */
static inline void recorder_note(void *user, enum gc_transition transition,
                                 const struct mutator *mutator, uint64_t a, uint64_t b, uint64_t c)
{
        struct recorder *recorder = user;
        struct recorder_ring *ring;
        uint64_t after_ns;

        if (!recorder->on ||
            (transition == GC_TRANSITION_ROOT_READ && !recorder_knows_cell(recorder, a))) {
                return;
        }
        ring = recorder_ring(recorder);
        __sync_synchronize();
        after_ns = ring->last_ns;
        ring->last_ns = clock_now_ns();
        if (ring->n_events == RECORDER_EVENTS) {
                recorder->n_dropped++;
                return;
        }
        ring->events[ring->n_events++] = (struct recorder_event){
                .after_ns = after_ns,
                .until_ns = ring->last_ns,
                .transition = transition,
                .mutator = mutator ? (int)mutator->index : NOBODY,
                .values = {a, b, c},
        };
}

/* Everything from here on. The cells become slots 0, 1, ... */
static inline void recorder_start(struct recorder *recorder)
{
        recorder->number++;
        recorder->n_rings = recorder->n_dropped = 0;
        recorder->on = true;
}

static inline void recorder_write(const struct recorder *recorder, FILE *file)
{
        static const char *const names[_GC_TRANSITION_N] = {
#define TRANSITION(NAME, name, values) name,
#include "gc/transitions.def"
#undef TRANSITION
        };

        fprintf(file, "base %#" PRIxPTR "\n", recorder->base);
        for (uint32_t i = 0; i < recorder->n_cells; i++) {
                fprintf(file, "cell %#" PRIxPTR "\n", (uintptr_t)&recorder->cells[i]->bits);
        }
        for (uint32_t i = 0; i < recorder->n_rings; i++) {
                for (uint32_t j = 0; j < recorder->rings[i].n_events; j++) {
                        const struct recorder_event *event = &recorder->rings[i].events[j];

                        fprintf(file,
                                "%s %d %" PRIu64 " %" PRIu64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64
                                "\n",
                                names[event->transition], event->mutator, event->after_ns,
                                event->until_ns, event->values[0], event->values[1],
                                event->values[2]);
                }
        }
}
