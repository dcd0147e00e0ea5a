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

/* Go's three clocks: before, while and after it marks. Go has swept before, and so does not count
 * it. */
enum { GCTRACE_BEGIN, GCTRACE_MARK, GCTRACE_END, GCTRACE_NOT, GCTRACE_PARTS };

static const uint8_t gctrace_part[_GC_PHASE_N] = {
        [GC_PHASE_IDLE] = GCTRACE_NOT,      [GC_PHASE_ARM] = GCTRACE_BEGIN,
        [GC_PHASE_BLACKEN] = GCTRACE_BEGIN, [GC_PHASE_MARK] = GCTRACE_MARK,
        [GC_PHASE_PROPOSE] = GCTRACE_MARK,  [GC_PHASE_DISARM] = GCTRACE_END,
        [GC_PHASE_CLEAR] = GCTRACE_END,     [GC_PHASE_WHITEN] = GCTRACE_END,
        [GC_PHASE_SWEEP] = GCTRACE_NOT,
};

size_t gctrace_format(char text[static GCTRACE_BYTES_MAX], const struct gc_cycle *cycle,
                      uint64_t since_ns)
{
        uint64_t start_ns = cycle->start_ns - since_ns;
        struct gc_phase_time parts[GCTRACE_PARTS] = {0};
        char wall[GCTRACE_PARTS][GCTRACE_MS_BYTES], cpu[GCTRACE_PARTS][GCTRACE_MS_BYTES];
        int n;

        for (enum gc_phase phase = 0; phase < _GC_PHASE_N; phase++) {
                parts[gctrace_part[phase]].wall_ns += cycle->phases[phase].wall_ns;
                parts[gctrace_part[phase]].cpu_ns += cycle->phases[phase].cpu_ns;
        }
        for (unsigned i = 0; i < GCTRACE_PARTS; i++) {
                gctrace_ms(wall[i], parts[i].wall_ns);
                gctrace_ms(cpu[i], parts[i].cpu_ns);
        }
        n = snprintf(text, GCTRACE_BYTES_MAX,
                     "gc %" PRIu64 " @%" PRIu64 ".%03" PRIu64 "s %u%%: %s+%s+%s ms clock, "
                     "%s+0/%s/0+%s ms cpu, %" PRIu64 "->%" PRIu64 "->%" PRIu64 " MB, %" PRIu64
                     " MB goal, 0 MB stacks, %" PRIu64 " MB globals, %u P%s",
                     cycle->number, start_ns / 1000000000, start_ns / 1000000 % 1000,
                     (unsigned)(cycle->cpu_fraction * 100), wall[GCTRACE_BEGIN], wall[GCTRACE_MARK],
                     wall[GCTRACE_END], cpu[GCTRACE_BEGIN], cpu[GCTRACE_MARK], cpu[GCTRACE_END],
                     cycle->heap_start_bytes >> 20, cycle->heap_end_bytes >> 20,
                     cycle->live_bytes >> 20, cycle->goal_bytes >> 20, cycle->root_bytes >> 20,
                     cycle->n_cpus, cycle->reason == GC_REASON_FORCED ? " (forced)" : "");
        hd_assert(n > 0 && (unsigned)n < GCTRACE_BYTES_MAX);
        return (size_t)n;
}
