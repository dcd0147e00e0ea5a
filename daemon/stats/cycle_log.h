/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cycle log: what the last collections did, for those who ask later.
 *
 * Owns:     its entries, in place.
 * Threads:  any; a lock inside is held while entries are copied.
 * Failure:  none; the oldest entry gives way.
 */

#include <pthread.h>
#include <stdint.h>

#include "gc/gc.h"

#define CYCLE_LOG_MAX    32u
#define CYCLE_LOG_PAUSES 256u /* as many as Go keeps */

struct cycle_pause {
        uint64_t longest_ns;  /* that a mutator, or its proxy, answered a handshake */
        uint64_t end_real_ns; /* of the cycle */
};

struct cycle_log {
        pthread_mutex_t lock;
        uint64_t n; /* ever */
        struct gc_cycle cycles[CYCLE_LOG_MAX];
        struct cycle_pause pauses[CYCLE_LOG_PAUSES];
};

void cycle_log_init(struct cycle_log *log);
void cycle_log_deinit(struct cycle_log *log);

void cycle_log_add(struct cycle_log *log, const struct gc_cycle *cycle, uint64_t end_real_ns);

/* The oldest first; returns how many there are. */
unsigned cycle_log_copy(struct cycle_log *log, struct gc_cycle ret_cycles[static CYCLE_LOG_MAX]);
/* Cycle n at (n - 1) % CYCLE_LOG_PAUSES, as in Go's MemStats; zeros where there was none. */
void cycle_log_copy_pauses(struct cycle_log *log,
                           struct cycle_pause ret_pauses[static CYCLE_LOG_PAUSES]);
