/* SPDX-License-Identifier: MIT */

#include "proto/envelope.h"

enum { ENVELOPE_REQUEST, ENVELOPE_RESPONSE, ENVELOPE_NOTIFICATION };

void envelope_request(struct writer *writer, uint32_t msgid, const char *method, uint32_t n_params)
{
        writer_array(writer, 4);
        writer_uint(writer, ENVELOPE_REQUEST);
        writer_uint(writer, msgid);
        writer_text(writer, method);
        writer_array(writer, n_params);
}

void envelope_notification(struct writer *writer, const char *name, uint32_t n_params)
{
        writer_array(writer, 3);
        writer_uint(writer, ENVELOPE_NOTIFICATION);
        writer_text(writer, name);
        writer_array(writer, n_params);
}

static void envelope_response(struct writer *writer, uint32_t msgid)
{
        writer_array(writer, 4);
        writer_uint(writer, ENVELOPE_RESPONSE);
        writer_uint(writer, msgid);
}

void envelope_result(struct writer *writer, uint32_t msgid)
{
        envelope_response(writer, msgid);
        writer_nil(writer);
}

void envelope_error_open(struct writer *writer, uint32_t msgid, enum error code,
                         const char *message, uint32_t n_details)
{
        envelope_response(writer, msgid);
        writer_array(writer, 3);
        writer_text(writer, error_name(code));
        writer_text(writer, message);
        writer_map(writer, n_details);
}

void envelope_error_close(struct writer *writer)
{
        writer_nil(writer);
}

void envelope_error(struct writer *writer, uint32_t msgid, enum error code, const char *message)
{
        envelope_error_open(writer, msgid, code, message, 0);
        envelope_error_close(writer);
}

void envelope_error_event(struct writer *writer, enum error code, const char *message)
{
        envelope_notification(writer, "error", 2);
        writer_text(writer, error_name(code));
        writer_text(writer, message);
}

/* Takes the error apart as far as it has the form [code, message, details]. */
static void response_error(const struct wire_value *error, struct response *response)
{
        struct reader inside = reader_inside(error);
        struct wire_value name;

        response->type = RESPONSE_ERROR;
        response->code = _ERROR_N;
        response->details = *error;
        if (error->type != WIRE_ARRAY || !reader_take(&inside, &name) || name.type != WIRE_STR) {
                return;
        }
        response->name = name;
        response->code = error_from_name((const char *)name.bytes, name.n);
        response->details = (struct wire_value){.type = WIRE_NIL};
        if (reader_take(&inside, &response->message)) {
                reader_take(&inside, &response->details);
        }
}

static int response_answer(struct reader *reader, struct response *response)
{
        struct wire_value msgid;
        struct wire_value error;

        if (!reader_take(reader, &msgid) || msgid.type != WIRE_UINT || msgid.uint > UINT32_MAX ||
            !reader_take(reader, &error) || !reader_take(reader, &response->result)) {
                return RESPONSE_E_ENVELOPE;
        }
        response->type = RESPONSE_RESULT;
        response->msgid = (uint32_t)msgid.uint;
        if (error.type != WIRE_NIL) {
                response_error(&error, response);
        }
        return 0;
}

static int response_event(struct reader *reader, struct response *response)
{
        response->type = RESPONSE_EVENT;
        if (!reader_take(reader, &response->name) || response->name.type != WIRE_STR ||
            !reader_take(reader, &response->result) || response->result.type != WIRE_ARRAY) {
                return RESPONSE_E_ENVELOPE;
        }
        return 0;
}

int response_decode(const uint8_t *bytes, size_t n, struct response *ret_response)
{
        struct response response = {0};
        struct reader reader;
        struct wire_value envelope;
        struct wire_value type;
        int r = RESPONSE_E_ENVELOPE;

        reader_init(&reader, bytes, n);
        if (!reader_next(&reader, &envelope) || envelope.type != WIRE_ARRAY ||
            !reader_next(&reader, &type) || type.type != WIRE_UINT) {
                return RESPONSE_E_ENVELOPE;
        }
        if (envelope.n == 4 && type.uint == ENVELOPE_RESPONSE) {
                r = response_answer(&reader, &response);
        } else if (envelope.n == 3 && type.uint == ENVELOPE_NOTIFICATION) {
                r = response_event(&reader, &response);
        }
        if (!r) {
                *ret_response = response;
        }
        return r;
}
