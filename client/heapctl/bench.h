/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bench: a load of small requests, and how long their answers take.
 *
 * Open loop (a rate is given): every request has a time when it is due, whatever the answers do,
 * and its latency counts from then. A daemon that stalls for 10 ms is charged with all that should
 * have been sent and answered in these 10 ms, where a generator that politely waits would record
 * one slow request and leave out the rest (G. Tene's "coordinated omission").
 *
 * Closed loop: each connection sends `pipeline` requests, waits for all answers, and sends again.
 *
 * Threads:  one.
 * Failure:  bench_run() returns a negative errno when the load cannot go on: -ECONNRESET, -EPROTO
 *           (not what we asked), -EMSGSIZE (an answer over 64 KiB), -ENOMEM, or the kernel's. What
 *           the daemon refuses is counted instead.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "client/heapctl/histogram.h"
#include "proto/writer.h"

#define BENCH_KEY_BYTES 48

struct bench_options {
#define BENCH_OPTION(field, name, least, most, normal, help) uint32_t field;
#include "client/heapctl/bench_options.def"
#undef BENCH_OPTION
        uint32_t n_gets, n_sets; /* proportion of requests */
};

#define BENCH_OPTION(field, name, least, most, normal, help) .field = (normal),
static const struct bench_options BENCH_OPTIONS_DEFAULT = {
#include "client/heapctl/bench_options.def"
        .n_gets = 1,
        .n_sets = 1,
};
#undef BENCH_OPTION

struct bench_result {
        struct histogram latency; /* of every request, unanswered ones as of the end */
        struct histogram late;    /* open loop: how late we sent what was due: our own doing */
        uint64_t n_answered, n_refused, n_unanswered;
        uint64_t elapsed_ns;
        char refusal[64]; /* the first refusal's code */
};

/* One request: to read the record `key`, or to write `value` into it. */
struct bench_request {
        uint32_t number; /* of its connection, from 0 */
        bool get;
        const char *key;
        const char *value;
        uint32_t n_value;
};

/* What the load speaks. Peers that heapd is measured beside have theirs in tests/bench/. */
struct bench_protocol {
        void (*put)(struct writer *writer, const struct bench_request *request);
        /*
         * The length of the answer, to request `number`, at the start of the bytes: 0 if it is not
         * all there yet, -EPROTO if it is something else. `refusal` is empty when called; if it was
         * refused, it says with what.
         */
        ssize_t (*take)(const uint8_t *bytes, size_t n, uint32_t number, char refusal[64]);
};

extern const struct bench_protocol bench_rpc; /* heapd's */

/* The name of the i-th record. */
void bench_key(char key[BENCH_KEY_BYTES], uint32_t i);

/* Loads the daemon at `address`, whose records exist, for the time asked and at most 10 s more for
 * what is unanswered then. Ends early when *stop becomes true. */
int bench_run(const struct bench_options *options, const struct bench_protocol *protocol,
              const struct sockaddr *address, socklen_t n_address,
              const volatile sig_atomic_t *stop, struct bench_result *ret_result);

/* One line of JSON on the standard output. */
void bench_print_json(const struct bench_options *options, const struct bench_result *result);

/* What is told of a histogram. */
enum { N_BENCH_QUANTILES = 6 };

struct bench_quantile {
        const char *name;
        double share;
};

extern const struct bench_quantile bench_quantiles[N_BENCH_QUANTILES];
