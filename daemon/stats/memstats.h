/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memstats: a snapshot as JSON with the names of Go's runtime.MemStats, for tools that know those.
 * Nothing stops the world here: a pause is the longest answer to a handshake in its cycle, and
 * PauseTotalNs what mutators have spent on answers.
 *
 * Threads: pure. Failure: none; the text is always shorter than MEMSTATS_BYTES_MAX.
 */

#include <stddef.h>

#include "stats/cycle_log.h"
#include "stats/snapshot.h"

#define MEMSTATS_BYTES_MAX (32u << 10)

/* Returns the length. */
size_t memstats_format(char text[static MEMSTATS_BYTES_MAX], const struct snapshot *snapshot,
                       const struct cycle_pause pauses[static CYCLE_LOG_PAUSES]);
