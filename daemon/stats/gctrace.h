/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Gctrace: what a cycle did, in the line that Go prints for GODEBUG=gctrace=1, so that the tools
 * which read those read ours.
 *
 * Where Go stops the world, the clock fields have the time of the phases before and after marking,
 * which stop nobody. Of the CPU fields, what Go's mutators assist is here what cycles took from
 * requests while they ran (GC_TIME_STOLEN); nothing marks on idle CPUs. There are no stacks;
 * "globals" are the root cells; P is the number of CPUs that the share in percent refers to.
 *
 * The full style adds a line that begins with #, which Go's tools pass over: each phase's clock and
 * CPU time, proposals and vetoes, handshakes, time stolen by cause, weak words cleared, what was
 * freed, overflows, and the band of the memory limit.
 *
 * Threads: pure. Failure: none; the text is always shorter than GCTRACE_BYTES_MAX.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc/gc.h"

#define GCTRACE_BYTES_MAX 2048u

enum gctrace_style {
        GCTRACE_OFF,
#define STYLE(name, text, help) GCTRACE_##name,
#include "stats/gctrace.def"
#undef STYLE
};

/* False: there is no such style. */
bool gctrace_find_style(const char *name, enum gctrace_style *ret_style);

/* `since_ns`: when the daemon started, on the clock of cycle->start_ns. Returns the length; the
 * last line has no newline. */
size_t gctrace_format(char text[static GCTRACE_BYTES_MAX], const struct gc_cycle *cycle,
                      uint64_t since_ns, enum gctrace_style style);
