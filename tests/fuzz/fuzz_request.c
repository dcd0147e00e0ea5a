/* SPDX-License-Identifier: MIT */
/*
 * Decoding takes any bytes at all, scanned or not: views stay inside them, refusals are text, and
 * what was accepted reads again as what it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/envelope.h"
#include "proto/request.h"
#include "proto/values.h"

static void demand(int holds)
{
        if (!holds) {
                abort();
        }
}

static void demand_inside(const struct wire_value *value, const uint8_t *bytes, size_t n)
{
        demand(value->raw >= bytes && value->raw + value->n_raw <= bytes + n);
        if (value->type >= WIRE_STR && value->type <= WIRE_BIN) {
                demand(value->bytes >= value->raw);
                demand(value->bytes + value->n == value->raw + value->n_raw);
        }
}

static void demand_request(const struct request *request, const uint8_t *bytes, size_t n)
{
        const struct method_info *info = method_info(request->method);

        for (unsigned i = 0; info->params[i].type; i++) {
                const struct wire_value *arg = &request->args[i];
                struct wire_value key;
                struct wire_value value;

                demand_inside(arg, bytes, n);
                if (info->params[i].type == TYPE_PAIRS) {
                        struct pairs pairs = pairs_of(arg);
                        uint32_t n_pairs = 0;

                        for (; pairs_next(&pairs, &key, &value); n_pairs++) {
                                demand_inside(&key, arg->raw, arg->n_raw);
                                demand_inside(&value, arg->raw, arg->n_raw);
                        }
                        demand(n_pairs == arg->n);
                } else if (arg->type == WIRE_ARRAY) {
                        struct reader inside = reader_inside(arg);

                        demand(reader_skip(&inside, arg->n) && inside.at == inside.end);
                }
        }
        for (unsigned i = 0; i < _OPTION_N; i++) {
                if (request_option(request, (enum option)i)) {
                        demand_inside(&request->options[i], bytes, n);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct response response;
        struct request request;

        switch (request_decode(&request, bytes, n)) {
        case 0:
                demand_request(&request, bytes, n);
                break;
        case REQUEST_E_REFUSED:
                demand(request.code < _ERROR_N && request.code != ERROR_PARSE);
                demand(utf8_valid((const uint8_t *)request.message, strlen(request.message)));
                break;
        default:
                demand(request.code == ERROR_PARSE);
                break;
        }
        if (!response_decode(bytes, n, &response)) {
                demand(response.type == RESPONSE_EVENT || response.result.raw);
        }
        return 0;
}
