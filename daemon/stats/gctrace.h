/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Gctrace: what a cycle did, in the line that Go (1.18 and later) prints for GODEBUG=gctrace=1, so
 * that the tools which read those read ours. Where Go stops the world, the clock fields have the
 * time of the handshakes before and after marking, which stop nobody. Where heapd has no such thing
 * the field says 0: nothing assists, and there are no stacks; "globals" are the root cells.
 *
 * Threads: pure. Failure: none; a line is always shorter than GCTRACE_BYTES_MAX.
 */

#include <stddef.h>
#include <stdint.h>

#include "gc/gc.h"

#define GCTRACE_BYTES_MAX 320u

/* `since_ns`: when the daemon started, on the clock of cycle->start_ns. Returns the length; there
 * is no newline. */
size_t gctrace_format(char text[static GCTRACE_BYTES_MAX], const struct gc_cycle *cycle,
                      uint64_t since_ns);
