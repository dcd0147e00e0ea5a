/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Handshake: how a phase reaches the mutators, one by one and without stopping them together. The
 * controller publishes what they shall be from now on and a number; each takes it over at its next
 * boundary, and those between requests have it done for them (by proxy), without being woken.
 *
 * Owns:     nothing. Threads: handshake_run() and handshake_fetch_caches(): the controller;
 *           handshake_acknowledge(): the mutator at a boundary, or the controller as its proxy.
 * Failure:  none. It takes as long as the longest request that is running (GC-24).
 */

#include <stdbool.h>
#include <stdint.h>

#include "gc/gc.h"

struct gc;
struct mutator;

/* What a mutator is told to be. */
struct handshake {
        bool armed;
        bool grey;
        bool black;
        bool drop_holes; /* go on with a fresh cache of that colour and generation */
        bool hand_log;   /* let the collector have the log */
        uint8_t generation;
};

/* Returns when every mutator has acknowledged. */
void handshake_run(struct gc *gc, struct handshake target);

/* Flushes the caches that were dropped and gives them back as spares. */
void handshake_fetch_caches(struct gc *gc);

/* Adds to a sum. */
void handshakes_add(struct gc_handshakes *sum, const struct gc_handshakes *handshakes);

/* O(1): copies flags, swaps two pointers, pushes one packet. `how`: ANSWER or PROXIED. */
void handshake_acknowledge(struct mutator *mutator, uint32_t number, enum gc_time how);
