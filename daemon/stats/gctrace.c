/* SPDX-License-Identifier: MIT */
#include "stats/gctrace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

struct gctrace {
        char *text;
        size_t n;
};

static void gctrace_add(struct gctrace *out, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void gctrace_add(struct gctrace *out, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(out->text + out->n, GCTRACE_BYTES_MAX - out->n, format, ap);
        va_end(ap);
        hd_assert(n >= 0 && (size_t)n < GCTRACE_BYTES_MAX - out->n);
        out->n += (size_t)n;
}

static void gctrace_add_ms(struct gctrace *out, uint64_t ns, const char *end)
{
        char text[GCTRACE_MS_BYTES];

        gctrace_add(out, "%s%s", gctrace_ms(text, ns), end);
}

static uint64_t gctrace_stolen_ns(const struct gc_cycle *cycle)
{
        uint64_t sum_ns = 0;

        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                sum_ns += gc_time_what(time) == GC_TIME_STOLEN ? cycle->times_ns[time] : 0;
        }
        return sum_ns;
}

static void gctrace_add_go(struct gctrace *out, const struct gc_cycle *cycle, uint64_t since_ns,
                           bool legacy)
{
        uint64_t start_ns = cycle->start_ns - since_ns;
        struct gc_phase_time parts[GCTRACE_PARTS] = {0};

        for (enum gc_phase phase = 0; phase < _GC_PHASE_N; phase++) {
                parts[gctrace_part[phase]].wall_ns += cycle->phases[phase].wall_ns;
                parts[gctrace_part[phase]].cpu_ns += cycle->phases[phase].cpu_ns;
        }
        gctrace_add(out, "gc %" PRIu64 " @%" PRIu64 ".%03" PRIu64 "s %u%%: ", cycle->number,
                    start_ns / 1000000000, start_ns / 1000000 % 1000,
                    (unsigned)(cycle->cpu_fraction * 100));
        gctrace_add_ms(out, parts[GCTRACE_BEGIN].wall_ns, "+");
        gctrace_add_ms(out, parts[GCTRACE_MARK].wall_ns, "+");
        gctrace_add_ms(out, parts[GCTRACE_END].wall_ns, " ms clock, ");
        gctrace_add_ms(out, parts[GCTRACE_BEGIN].cpu_ns, "+");
        gctrace_add_ms(out, gctrace_stolen_ns(cycle), "/");
        gctrace_add_ms(out, parts[GCTRACE_MARK].cpu_ns, "/0+");
        gctrace_add_ms(out, parts[GCTRACE_END].cpu_ns, " ms cpu, ");
        gctrace_add(out, "%" PRIu64 "->%" PRIu64 "->%" PRIu64 " MB, %" PRIu64 " MB goal",
                    cycle->heap_start_bytes >> 20, cycle->heap_end_bytes >> 20,
                    cycle->live_bytes >> 20, cycle->goal_bytes >> 20);
        if (!legacy) {
                gctrace_add(out, ", 0 MB stacks, %" PRIu64 " MB globals", cycle->root_bytes >> 20);
        }
        gctrace_add(out, ", %u P%s", cycle->n_cpus,
                    cycle->reason == GC_REASON_FORCED ? " (forced)" : "");
}

static void gctrace_add_comment(struct gctrace *out, const struct gc_cycle *cycle)
{
        gctrace_add(out, "\n# gc %" PRIu64 " %s:", cycle->number, gc_reason_name(cycle->reason));
        for (enum gc_phase phase = GC_PHASE_IDLE + 1; phase < _GC_PHASE_N; phase++) {
                gctrace_add(out, " %s ", gc_phase_name(phase));
                gctrace_add_ms(out, cycle->phases[phase].wall_ns, "/");
                gctrace_add_ms(out, cycle->phases[phase].cpu_ns, "");
        }
        gctrace_add(out, " ms clock/cpu, %" PRIu64 " proposals, %" PRIu64 " vetoes, ",
                    cycle->n_proposals, cycle->n_vetoes);
        gctrace_add(out, "%" PRIu64 " handshakes, %" PRIu64 " proxied, ", cycle->handshakes.n,
                    cycle->handshakes.n_proxied);
        gctrace_add_ms(out, cycle->times_ns[GC_TIME_ANSWER], "+");
        gctrace_add_ms(out, cycle->times_ns[GC_TIME_PROXIED], " ms cpu, longest ");
        gctrace_add_ms(out, cycle->handshakes.longest_ns, " ms, within ");
        gctrace_add_ms(out, cycle->handshakes.ack_longest_ns, " ms, stolen");
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                if (gc_time_what(time) == GC_TIME_STOLEN) {
                        gctrace_add(out, " %s ", gc_time_name(time));
                        gctrace_add_ms(out, cycle->times_ns[time], "");
                }
        }
        gctrace_add(out, " ms, %" PRIu64 " weak cleared, ", cycle->n_weak_cleared);
        gctrace_add(out, "%" PRIu64 " objects %" PRIu64 " bytes freed, ", cycle->freed_objects,
                    cycle->freed_bytes);
        gctrace_add(out, "%" PRIu64 " objects %" PRIu64 " bytes live, ", cycle->live_objects,
                    cycle->live_bytes);
        gctrace_add(out, "%" PRIu64 " overflows, %u workers, %s", cycle->overflows,
                    cycle->n_workers, pacer_band_name(cycle->band));
}

bool gctrace_find_style(const char *name, enum gctrace_style *ret_style)
{
        static const char *const names[] = {
#define STYLE(name_, text_, help_) [GCTRACE_##name_] = text_,
#include "stats/gctrace.def"
#undef STYLE
        };

        for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
                if (strcmp(names[i], name) == 0) {
                        *ret_style = (enum gctrace_style)i;
                        return true;
                }
        }
        return false;
}

size_t gctrace_format(char text[static GCTRACE_BYTES_MAX], const struct gc_cycle *cycle,
                      uint64_t since_ns, enum gctrace_style style)
{
        struct gctrace out = {.text = text};

        gctrace_add_go(&out, cycle, since_ns, style == GCTRACE_LEGACY);
        if (style == GCTRACE_FULL) {
                gctrace_add_comment(&out, cycle);
        }
        return out.n;
}
