/* SPDX-License-Identifier: MIT */
#include "stats/prometheus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

struct exposition {
        char *text;
        size_t n;
};

static void exposition_add(struct exposition *out, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void exposition_add(struct exposition *out, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(out->text + out->n, PROMETHEUS_BYTES_MAX - out->n, format, ap);
        va_end(ap);
        hd_assert(n >= 0 && (size_t)n < PROMETHEUS_BYTES_MAX - out->n);
        out->n += (size_t)n;
}

#define FORM_NUMBER(value) exposition_add(&out, "%" PRIu64 "\n", (uint64_t)(value))
#define FORM_RATIO(value)  exposition_add(&out, "%.6g\n", (double)(value))
#define FORM_SECONDS(value)                                                       \
        exposition_add(&out, "%" PRIu64 ".%09" PRIu64 "\n", (value) / 1000000000, \
                       (value) % 1000000000)

size_t prometheus_format(char text[static PROMETHEUS_BYTES_MAX], const struct snapshot *snapshot)
{
        struct exposition out = {.text = text};

        exposition_add(&out,
                       "# HELP heapd_build_info The version that runs.\n"
                       "# TYPE heapd_build_info gauge\n"
                       "heapd_build_info{version=\"%s\"} 1\n",
                       HEAPD_VERSION);
#define METRIC(name, type, form, help, source)                                                  \
        exposition_add(&out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, #type, name); \
        FORM_##form(snapshot->source);
#include "stats/metrics.def"
#undef METRIC
        return out.n;
}
