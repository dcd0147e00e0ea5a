/* SPDX-License-Identifier: MIT */
#include "stats/gctrace.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

#define GCTRACE_MS_BYTES 24u

/* Milliseconds as Go writes them: whole from 10 on, else two digits that count, at most 3 decimals.
 */
static const char *gctrace_ms(char text[static GCTRACE_MS_BYTES], uint64_t ns)
{
        uint64_t value = ns / 1000, unit = 1000;
        int n_decimals = 3;

        if (ns >= 10000000 || value == 0) {
                snprintf(text, GCTRACE_MS_BYTES, "%" PRIu64, ns / 1000000);
                return text;
        }
        while (value >= 100) {
                value /= 10;
                unit /= 10;
                n_decimals--;
        }
        snprintf(text, GCTRACE_MS_BYTES, "%" PRIu64 ".%0*" PRIu64, value / unit, n_decimals,
                 value % unit);
        return text;
}

size_t gctrace_format(char text[static GCTRACE_BYTES_MAX], const struct gc_cycle *cycle,
                      uint64_t since_ns)
{
        uint64_t end_ns = cycle->start_ns + cycle->total_ns - since_ns;
        char begin[GCTRACE_MS_BYTES], mark[GCTRACE_MS_BYTES], end[GCTRACE_MS_BYTES];
        char cpu[GCTRACE_MS_BYTES];
        int n;

        gctrace_ms(begin, cycle->begin_ns);
        gctrace_ms(mark, cycle->mark_ns);
        gctrace_ms(end, cycle->end_ns);
        gctrace_ms(cpu, cycle->mark_cpu_ns);
        n = snprintf(text, GCTRACE_BYTES_MAX,
                     "gc %" PRIu64 " @%" PRIu64 ".%03" PRIu64 "s %u%%: %s+%s+%s ms clock, "
                     "0+0/%s/0+0 ms cpu, %" PRIu64 "->%" PRIu64 "->%" PRIu64 " MB, %" PRIu64
                     " MB goal, 0 MB stacks, %" PRIu64 " MB globals, %u P%s",
                     cycle->number, end_ns / 1000000000, end_ns / 1000000 % 1000,
                     (unsigned)(cycle->cpu_fraction * 100), begin, mark, end, cpu,
                     cycle->heap_start_bytes >> 20, cycle->heap_end_bytes >> 20,
                     cycle->live_bytes >> 20, cycle->goal_bytes >> 20, cycle->root_bytes >> 20,
                     cycle->n_workers, cycle->reason == GC_REASON_FORCED ? " (forced)" : "");
        hd_assert(n > 0 && (unsigned)n < GCTRACE_BYTES_MAX);
        return (size_t)n;
}
