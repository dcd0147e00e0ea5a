/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Barrier: the slow half of every store, and shading, for the files of gc/.
 *
 * Owns:     nothing. Threads: the mutator inside a request. Failure: none.
 */

#include "gc/internals.h"

/* Marks the object, and enters it into the mutator's log if it was not marked. */
void barrier_shade(struct mutator *mutator, uint64_t offset);
