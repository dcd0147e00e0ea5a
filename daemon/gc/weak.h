/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Weak: words that name an object without keeping it alive, and the phase in which those that name
 * an unmarked object are declared dead.
 *
 * Owns:     nothing. Threads: weak_clear(): the controller, which uses the workers.
 * Failure:  none; needs no memory.
 */

struct gc;

/* After marking has ended (COMMITTED) and before anything is freed. */
void weak_clear(struct gc *gc);
