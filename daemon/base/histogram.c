/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

static uint64_t histogram_load(const _Atomic uint64_t *counter)
{
        return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A single writer needs no locked addition; readers need whole numbers. */
static void histogram_bump(_Atomic uint64_t *counter, uint64_t by)
{
        atomic_store_explicit(counter, histogram_load(counter) + by, memory_order_relaxed);
}

uint64_t histogram_bucket_end_ns(unsigned bucket)
{
        unsigned log = bucket >> HISTOGRAM_SPLIT;

        if (log == 0) {
                return bucket;
        }
        return (((uint64_t)(bucket & 7) + 9) << (log - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
        histogram_add_n(histogram, ns, 1);
}

void histogram_add_n(struct histogram *histogram, uint64_t ns, uint64_t n)
{
        histogram_bump(&histogram->n[histogram_bucket(ns)], n);
        histogram_bump(&histogram->total_ns, ns * n);
        if (ns > histogram_load(&histogram->max_ns)) {
                atomic_store_explicit(&histogram->max_ns, ns, memory_order_relaxed);
        }
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
                uint64_t n = histogram_load(&from->n[i]);

                if (n) {
                        histogram_bump(&to->n[i], n);
                }
        }
        histogram_bump(&to->total_ns, histogram_load(&from->total_ns));
        if (histogram_load(&from->max_ns) > histogram_load(&to->max_ns)) {
                atomic_store_explicit(&to->max_ns, histogram_load(&from->max_ns),
                                      memory_order_relaxed);
        }
}

uint64_t histogram_count(const struct histogram *histogram)
{
        uint64_t n = 0;

        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
                n += histogram_load(&histogram->n[i]);
        }
        return n;
}

uint64_t histogram_quantile_ns(const struct histogram *histogram, uint32_t per_million)
{
        uint64_t n = histogram_count(histogram), below = 0;
        uint64_t rank = n / 1000000 * per_million + (n % 1000000 * per_million + 999999) / 1000000;

        for (unsigned i = 0; i < HISTOGRAM_BUCKETS && n > 0; i++) {
                below += histogram_load(&histogram->n[i]);
                if (below >= rank && below > 0) {
                        uint64_t end_ns = histogram_bucket_end_ns(i);
                        uint64_t max_ns = histogram_load(&histogram->max_ns);

                        return end_ns < max_ns ? end_ns : max_ns;
                }
        }
        return 0;
}
