/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Histogram: how often which duration occurred, in log-linear buckets: exact below 8 ns, then eight
 * per power of two, so that a bucket is at most an eighth wider than its lower end.
 *
 * Owns:     its counters, in place.
 * Threads:  one writer at a time; any reader, who may see a count or two less.
 * Failure:  none; what is longer than the last bucket counts there.
 */

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_SPLIT   3
#define HISTOGRAM_BUCKETS (34 << HISTOGRAM_SPLIT) /* to a minute and more */

struct histogram {
        _Atomic uint64_t n[HISTOGRAM_BUCKETS];
        _Atomic uint64_t total_ns;
        _Atomic uint64_t max_ns;
};

static inline unsigned histogram_bucket(uint64_t ns)
{
        unsigned log, bucket;

        if (ns < (1u << HISTOGRAM_SPLIT)) {
                return (unsigned)ns;
        }
        log = 63u - (unsigned)__builtin_clzll(ns);
        bucket = ((log - HISTOGRAM_SPLIT + 1) << HISTOGRAM_SPLIT) +
                 (unsigned)((ns >> (log - HISTOGRAM_SPLIT)) & 7);
        return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The longest duration that falls into the bucket. */
uint64_t histogram_bucket_end_ns(unsigned bucket);

void histogram_add(struct histogram *histogram, uint64_t ns);
/* As often as `n` times: a sample that stands for others. */
void histogram_add_n(struct histogram *histogram, uint64_t ns, uint64_t n);
/* Adds `from` to `to`, whose only writer this is. */
void histogram_merge(struct histogram *to, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram);
/* The duration that `per_million` of a million do not exceed, to the end of its bucket; 0 if empty.
 */
uint64_t histogram_quantile_ns(const struct histogram *histogram, uint32_t per_million);
