/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pace: the pacer's arithmetic applied to a heap: where cycles' figures go in, and goal, trigger
 * and budget come out. What embedders use of it is in gc.h.
 *
 * Owns:     the pacer's fields of struct gc. Threads: as said; `_locked`: under gc->lock.
 * Failure:  none.
 */

#include <stdint.h>

#include "gc/gc.h"
#include "gc/pacer.h"

/* Bytes live at the last cycle and allocated since, as far as reported. Any thread. */
uint64_t gc_heap_bytes(struct gc *gc);

/* Goal and trigger anew, from what the last cycle found and from limit and percentage as they are.
 */
void pace_plan_locked(struct gc *gc);
/* A cycle has ended. Plans anew. */
void pace_learn_locked(struct gc *gc, const struct gc_cycle *cycle);
/* How long a cycle for this reason still has to wait for its share of the CPU. */
uint64_t pace_delay_ns_locked(struct gc *gc, enum gc_reason reason);
