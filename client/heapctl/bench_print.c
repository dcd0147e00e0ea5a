/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include "client/heapctl/bench.h"

const struct bench_quantile bench_quantiles[N_BENCH_QUANTILES] = {
        {"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
        {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};

void bench_print_json(const struct bench_options *options, const struct bench_result *result)
{
        const struct histogram *histograms[] = {&result->latency, &result->late};

        printf("{\"rate\":%u,\"connections\":%u,\"pipeline\":%u,\"keys\":%u,\"bytes\":%u,"
               "\"gets\":%u,\"sets\":%u,\"answered\":%" PRIu64 ",\"refused\":%" PRIu64
               ",\"unanswered\":%" PRIu64 ",\"seconds\":%.3f,\"per_second\":%.0f",
               options->rate, options->connections, options->pipeline, options->keys,
               options->bytes, options->n_gets, options->n_sets, result->n_answered,
               result->n_refused, result->n_unanswered, (double)result->elapsed_ns / 1e9,
               (double)result->n_answered * 1e9 / (double)result->elapsed_ns);
        if (result->n_refused > 0) {
                printf(",\"refusal\":\"%s\"", result->refusal);
        }
        for (int i = 0; i < (options->rate > 0 ? 2 : 1); i++) {
                printf(",\"%s_us\":{", i == 0 ? "latency" : "sent_late");
                for (size_t k = 0; k < N_BENCH_QUANTILES; k++) {
                        printf("%s\"%s\":%.1f", k == 0 ? "" : ",", bench_quantiles[k].name,
                               (double)histogram_at(histograms[i], bench_quantiles[k].share) / 1e3);
                }
                putchar('}');
        }
        puts("}");
}
