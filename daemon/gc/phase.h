/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Phase: where a cycle stands. The table in phases.def says which phase may follow which; every
 * move is checked against it.
 *
 * Owns:     nothing. Threads: the controller moves, anybody may read gc->phase (for show only: a
 *           mutator acts on what it copied at its own handshake, never on this).
 * Failure:  a move that the table does not allow aborts.
 */

#include <stdbool.h>

enum gc_phase {
#define PHASE(name, text, next) GC_PHASE_##name,
#include "gc/phases.def"
#undef PHASE
        _GC_PHASE_N,
};

const char *gc_phase_name(enum gc_phase phase);
bool gc_phase_may_follow(enum gc_phase from, enum gc_phase to);
