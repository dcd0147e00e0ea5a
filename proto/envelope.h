/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Envelope: the four MessagePack-RPC messages around parameters and results.
 *
 * The begin functions write all but the last part, which the caller writes next. They fail as the
 * writer does. response_decode() is the client's side; it allocates nothing, what it returns points
 * into the message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/errors.h"
#include "proto/reader.h"
#include "proto/writer.h"

/* [0, msgid, method, params]: the parameters come next. */
void envelope_request(struct writer *writer, uint32_t msgid, const char *method, uint32_t n_params);

/* [2, name, params]: the parameters come next. */
void envelope_notification(struct writer *writer, const char *name, uint32_t n_params);

/* [1, msgid, nil, result]: the result comes next. */
void envelope_result(struct writer *writer, uint32_t msgid);

/* [1, msgid, [code, message, details], nil] with no details. */
void envelope_error(struct writer *writer, uint32_t msgid, enum error code, const char *message);

/* The same with details: the caller writes `n_details` keys and values, then closes. */
void envelope_error_open(struct writer *writer, uint32_t msgid, enum error code,
                         const char *message, uint32_t n_details);
void envelope_error_close(struct writer *writer);

/* The notification `error [code, message]`: for what has no msgid to answer. */
void envelope_error_event(struct writer *writer, enum error code, const char *message);

enum response_type { RESPONSE_RESULT, RESPONSE_ERROR, RESPONSE_EVENT };

struct response {
        enum response_type type;
        uint32_t msgid;            /* result, error */
        struct wire_value result;  /* result; event: its parameters, an array */
        struct wire_value name;    /* error: the code as sent; event: its name */
        struct wire_value message; /* error: text, or nil */
        struct wire_value details; /* error: map, or nil */
        enum error code;           /* error: _ERROR_N if this version does not know it */
};

enum { _RESPONSE_E_SUCCESS, RESPONSE_E_ENVELOPE };

/*
 * Decodes one whole message from a daemon. An error that is not [code, message, ...] still is an
 * error: `name` is then nil and `details` holds what was sent.
 */
int response_decode(const uint8_t *bytes, size_t n, struct response *ret_response);
