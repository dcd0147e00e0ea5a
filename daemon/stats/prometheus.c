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

/* Buckets end where some of the histogram's do, so that they are exact: from 255 ns to 67 ms. */
static void exposition_add_histogram(struct exposition *out, const char *name, const char *label,
                                     const char *value, const struct histogram *histogram)
{
        uint64_t n = 0;
        unsigned bucket = 0;

        for (unsigned log = 8; log <= 26; log += 2) {
                uint64_t end_ns = (UINT64_C(1) << log) - 1;

                for (; histogram_bucket_end_ns(bucket) <= end_ns; bucket++) {
                        n += histogram->n[bucket];
                }
                exposition_add(out, "%s_bucket{%s=\"%s\",le=\"%.9g\"} %" PRIu64 "\n", name, label,
                               value, (double)end_ns / 1e9, n);
        }
        n = histogram_count(histogram);
        exposition_add(out, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, label, value,
                       n);
        exposition_add(out, "%s_sum{%s=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", name, label, value,
                       histogram->total_ns / 1000000000, histogram->total_ns % 1000000000);
        exposition_add(out, "%s_count{%s=\"%s\"} %" PRIu64 "\n", name, label, value, n);
}

static void exposition_add_times(struct exposition *out, const struct snapshot *snapshot,
                                 const char *name, enum gc_time_what what, const char *label)
{
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                if (gc_time_what(time) == what) {
                        exposition_add_histogram(out, name, label, gc_time_name(time),
                                                 &snapshot->gc_times[time]);
                }
        }
}

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
#define GC_TIMES(name, what, label, help)                                              \
        exposition_add(&out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name); \
        exposition_add_times(&out, snapshot, name, GC_TIME_##what, label);
#include "stats/metrics.def"
#undef GC_TIMES
#undef METRIC
        return out.n;
}
