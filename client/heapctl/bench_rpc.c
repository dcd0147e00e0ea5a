/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include "client/heapctl/bench.h"
#include "proto/envelope.h"
#include "proto/scanner.h"

/* bench_rpc: obj.get and obj.set of a record's first slot. */

static void bench_rpc_put(struct writer *writer, const struct bench_request *request)
{
        envelope_request(writer, request->number, request->get ? "obj.get" : "obj.set", 2);
        writer_text(writer, request->key);
        if (request->get) {
                writer_array(writer, 1);
                writer_uint(writer, 0);
        } else {
                writer_map(writer, 1);
                writer_uint(writer, 0);
                writer_str(writer, request->value, request->n_value);
        }
}

static ssize_t bench_rpc_take(const uint8_t *bytes, size_t n, uint32_t number, char refusal[64])
{
        enum scanner_outcome outcome;
        struct scanner scanner;
        struct response response;
        size_t n_used;

        scanner_init(&scanner, UINT32_MAX);
        outcome = scanner_feed(&scanner, bytes, n, &n_used);
        if (outcome == SCANNER_MORE) {
                return 0;
        }
        if (outcome != SCANNER_MESSAGE || response_decode(bytes, n_used, &response) != 0 ||
            response.type == RESPONSE_EVENT || response.msgid != number) {
                return -EPROTO;
        }
        if (response.type == RESPONSE_ERROR) {
                snprintf(refusal, 64, "%.*s",
                         response.name.type == WIRE_STR ? (int)response.name.n : 1,
                         response.name.type == WIRE_STR ? (const char *)response.name.bytes : "?");
        }
        return (ssize_t)n_used;
}

const struct bench_protocol bench_rpc = {.put = bench_rpc_put, .take = bench_rpc_take};
