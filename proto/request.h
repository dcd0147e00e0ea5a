/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Request: one message from a client, decoded and validated by the tables.
 *
 * After request_decode() returned 0, all parameters are there and of their types (values.h), and
 * every option given is one that the method has. After REQUEST_E_REFUSED only the option `into` is
 * there, if it can be told: the number that the request now breaks. Nothing is allocated; the views
 * point into the message and live as long as its bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/errors.h"
#include "proto/methods.h"
#include "proto/reader.h"

enum request_type { REQUEST_CALL, REQUEST_NOTIFICATION };

struct request {
        enum request_type type;
        uint32_t msgid;     /* calls only */
        enum method method; /* _METHOD_N: unknown */
        struct wire_value args[METHOD_PARAMS_MAX];
        uint64_t options_given; /* a bit per enum option */
        struct wire_value options[_OPTION_N];
        enum error code;   /* REQUEST_E_REFUSED: what to answer, */
        char message[256]; /* UTF-8; both refusals: and why */
};

enum {
        _REQUEST_E_SUCCESS,
        REQUEST_E_REFUSED,  /* answer request->msgid with request->code and ->message */
        REQUEST_E_ENVELOPE, /* not MessagePack-RPC: send PARSE with ->message, and close */
};

/* Decodes the one whole message in bytes[0, n), which the scanner has let through. */
int request_decode(struct request *request, const uint8_t *bytes, size_t n);

/* The option's value, or NULL if it was not given. */
const struct wire_value *request_option(const struct request *request, enum option option);
