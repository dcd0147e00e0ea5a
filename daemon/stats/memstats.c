/* SPDX-License-Identifier: MIT */
#include "stats/memstats.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

struct memstats {
        char *text;
        size_t n;
};

static void memstats_add(struct memstats *out, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void memstats_add(struct memstats *out, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(out->text + out->n, MEMSTATS_BYTES_MAX - out->n, format, ap);
        va_end(ap);
        hd_assert(n >= 0 && (size_t)n < MEMSTATS_BYTES_MAX - out->n);
        out->n += (size_t)n;
}

static void memstats_add_classes(struct memstats *out, const struct heap_stats *heap)
{
        memstats_add(out, "\"BySize\": [");
        for (uint32_t i = 0; i < heap->n_classes; i++) {
                const struct heap_class_stats *class = &heap->by_size[i];

                memstats_add(out,
                             "%s{\"Size\": %" PRIu32 ", \"Mallocs\": %" PRIu64
                             ", \"Frees\": %" PRIu64 "}",
                             i ? ", " : "", class->size_bytes, class->n_mallocs, class->n_frees);
        }
        memstats_add(out, "]");
}

#define FORM_NUMBER(value) memstats_add(&out, "%" PRIu64, (uint64_t)(value))
#define FORM_RATIO(value)  memstats_add(&out, "%.6g", (double)(value))
#define FORM_BOOL(value)   memstats_add(&out, "%s", (value) ? "true" : "false")

size_t memstats_format(char text[static MEMSTATS_BYTES_MAX], const struct snapshot *snapshot,
                       const struct cycle_pause pauses[static CYCLE_LOG_PAUSES])
{
        const struct snapshot *s = snapshot;
        struct memstats out = {.text = text};

        memstats_add(&out, "{\n");
#define MEMSTAT(name, form, value)            \
        memstats_add(&out, "\"%s\": ", name); \
        FORM_##form(value);                   \
        memstats_add(&out, ",\n");
#include "stats/memstats.def"
#undef MEMSTAT
        memstats_add(&out, "\"PauseNs\": [");
        for (unsigned i = 0; i < CYCLE_LOG_PAUSES; i++) {
                memstats_add(&out, "%s%" PRIu64, i ? ", " : "", pauses[i].longest_ns);
        }
        memstats_add(&out, "],\n\"PauseEnd\": [");
        for (unsigned i = 0; i < CYCLE_LOG_PAUSES; i++) {
                memstats_add(&out, "%s%" PRIu64, i ? ", " : "", pauses[i].end_real_ns);
        }
        memstats_add(&out, "],\n");
        memstats_add_classes(&out, &s->heap);
        memstats_add(&out, "\n}\n");
        return out.n;
}
