/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Central: per size class, the shared list of spans that have free slots.
 *
 * There are two sets of lists, by generation. A cycle's last handshake moves every cache to the
 * other set, which starts out empty and is filled by the sweep: so allocation never meets a span
 * that is yet to be swept (HEAP-12).
 *
 * Owns:     spans in state SPAN_CENTRAL.
 * Threads:  central_take(): mutators, O(1) under a lock that no collector thread takes (HEAP-7).
 *           central_put(): any thread, lock-free.
 * Failure:  central_take() returns 0 when there is neither a span nor memory for a new one.
 */

#include <stdbool.h>
#include <stdint.h>

struct heap;

/* A span of the class for a cache, in state SPAN_CACHED. hole_index = class * 2 + noscan; who is
 * urgent gets new pages also from the spare part of the limit. */
uint32_t central_take(struct heap *heap, unsigned hole_index, unsigned generation, bool urgent);

/* A span with free slots, from the sweep or from a cache that is flushed. */
void central_put(struct heap *heap, uint32_t page, unsigned generation);

/* Forgets every span of a generation, before a sweep enters them anew in the next. No cache of that
 * generation is left. */
void central_reset(struct heap *heap, unsigned generation);

/* An object larger than SIZE_SMALL_MAX in a span of its own; its offset, or 0. `black`: born
 * marked. */
uint64_t central_alloc_large(struct heap *heap, uint64_t size_bytes, bool noscan,
                             unsigned generation, bool black);
