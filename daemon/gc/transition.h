/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Transition: the steps of the protocol as a test sees them happen. Where points.def has the
 * moments between two steps, this has the steps themselves, with what they read and wrote: tests
 * record them and ask the models of tests/model/ whether their rules allow the run
 * (tests/model/replay/).
 *
 * Owns:     nothing. Threads: told on the thread that has made the transition, after it, and before
 *           anything that waits for it can go on. Failure: none.
 * Only in builds with checks: gc_load(), gc_store() and the markers' loops are too short to ask.
 */

#include <stdint.h>

struct mutator;

enum gc_transition {
#define TRANSITION(NAME, name, values) GC_TRANSITION_##NAME,
#include "gc/transitions.def"
#undef TRANSITION
        _GC_TRANSITION_N,
};

/* `mutator` is NULL for those of the collector's own. a, b, c: as transitions.def says. */
typedef void gc_transition_fn(void *user, enum gc_transition transition,
                              const struct mutator *mutator, uint64_t a, uint64_t b, uint64_t c);
