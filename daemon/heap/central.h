/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Central: per size class, the shared list of spans that have free slots.
 *
 * Owns:     spans in state SPAN_CENTRAL.
 * Threads:  central_take(): mutators, O(1) under a lock that no collector thread takes (HEAP-7).
 *           central_put(): any thread, lock-free.
 * Failure:  central_take() returns 0 when there is neither a span nor memory for a new one.
 */

#include <stdbool.h>
#include <stdint.h>

struct heap;

/* A span of the class for a cache, in state SPAN_CACHED. hole_index = class * 2 + noscan. */
uint32_t central_take(struct heap *heap, unsigned hole_index);

/* A span with free slots, from the sweep or from a cache that is flushed. */
void central_put(struct heap *heap, uint32_t page);

/* Forgets every span, before a sweep enters them anew. No mutator running. */
void central_reset(struct heap *heap);

/* An object larger than SIZE_SMALL_MAX in a span of its own; its offset, or 0. */
uint64_t central_alloc_large(struct heap *heap, uint64_t size_bytes, bool noscan);
