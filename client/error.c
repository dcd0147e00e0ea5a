/* SPDX-License-Identifier: MIT */
#include "client/connection.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "proto/errors.h"

/* The public numbers are the wire table's order, so that table grows at its end only. */
#define ERROR(name, sentence) \
        static_assert(HEAPD_E_##name == (int)ERROR_##name + 1, "errors.def and heapd.h differ");
#include "proto/errors.def"
#undef ERROR
static_assert(HEAPD_E_INTERNAL == (int)_ERROR_N, "an error of errors.def is missing in heapd.h");

const char *heapd_error_name(int code)
{
        const char *text;

        if (code > 0) {
                return code <= (int)_ERROR_N ? error_name((enum error)(code - 1)) : "OTHER";
        }
        text = code == 0 ? "OK" : strerrordesc_np(-code);
        return text ? text : "unknown error";
}

int heapd_error_code(const struct heapd *conn)
{
        return conn->failure.code;
}

const char *heapd_error_text(const struct heapd *conn)
{
        return conn->failure.text;
}

int connection_fail(struct heapd *conn, int code, const char *format, ...)
{
        va_list args;

        conn->failure.code = code;
        va_start(args, format);
        vsnprintf(conn->failure.text, sizeof(conn->failure.text), format, args);
        va_end(args);
        return code;
}

/* As much of a string value as fits, cut between characters, made fit for a terminal. */
static void failure_copy(char *to, size_t size, const struct wire_value *from)
{
        size_t n = from->n < size - 1 ? from->n : size - 1;

        if (n < from->n) {
                while (n > 0 && (from->bytes[n] & 0xc0) == 0x80) {
                        n--;
                }
        }
        memcpy(to, from->bytes, n);
        to[n] = '\0';
        for (size_t i = 0; i < n; i++) {
                if ((unsigned char)to[i] < ' ' || to[i] == 0x7f) {
                        to[i] = '?';
                }
        }
}

int failure_from_response(struct failure *failure, const struct response *response)
{
        failure->code = response->code == _ERROR_N ? HEAPD_E_OTHER : (int)response->code + 1;
        if (response->message.type == WIRE_STR) {
                failure_copy(failure->text, sizeof(failure->text), &response->message);
        } else if (response->code == _ERROR_N) {
                snprintf(failure->text, sizeof(failure->text), "the daemon gave no reason");
        } else {
                snprintf(failure->text, sizeof(failure->text), "%s",
                         error_sentence(response->code));
        }
        return failure->code;
}
