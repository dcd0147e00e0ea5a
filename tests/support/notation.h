/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Notation: MessagePack written so that a person can read it in a test.
 *
 *     nil true false 12 -3 1.5 nan "string" 'bin' #7 (a reference, ext 1) @2"payload" (ext 2)
 *     [a, b]  {k: v}          spaces and commas separate; inside quotes \xHH is a byte
 *
 * Owns nothing: it writes to the writer given. Malformed notation aborts: it is a bug of the test.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "proto/writer.h"

static const char *notation_value(struct writer *writer, const char *at);

static const char *notation_gap(const char *at)
{
        return at + strspn(at, " ,:\n");
}

/* The bytes between quotes, into `bytes`; returns what follows the closing quote. */
static const char *notation_quoted(const char *at, char *bytes, size_t *ret_n)
{
        char quote = *at++;
        size_t n = 0;

        while (*at != quote) {
                if (!*at || n == 255) {
                        abort();
                }
                if (at[0] == '\\' && at[1] == 'x') {
                        char hex[3] = {at[2], at[3], 0};

                        bytes[n++] = (char)strtoul(hex, NULL, 16);
                        at += 4;
                } else {
                        bytes[n++] = *at++;
                }
        }
        *ret_n = n;
        return at + 1;
}

static const char *notation_container(struct writer *writer, const char *at)
{
        char close = *at == '[' ? ']' : '}';
        struct writer inside;
        uint32_t n = 0;

        writer_init(&inside, 1u << 24);
        for (at = notation_gap(at + 1); *at != close; at = notation_gap(at)) {
                at = notation_value(&inside, at);
                n++;
        }
        if (close == ']') {
                writer_array(writer, n);
        } else {
                writer_map(writer, n / 2);
        }
        writer_raw(writer, inside.bytes, inside.n);
        writer_deinit(&inside);
        return at + 1;
}

static const char *notation_number(struct writer *writer, const char *at)
{
        size_t n = strspn(at, "+-0123456789.e");
        char *end;

        if (!n) {
                abort();
        }
        if (memchr(at, '.', n)) {
                writer_float(writer, strtod(at, &end));
        } else if (*at == '-') {
                writer_int(writer, strtoll(at, &end, 10));
        } else {
                writer_uint(writer, strtoull(at, &end, 10));
        }
        return end;
}

static const char *notation_value(struct writer *writer, const char *at)
{
        char bytes[256];
        size_t n;
        long number;
        char *end;

        switch (*at) {
        case '[':
        case '{':
                return notation_container(writer, at);
        case '"':
                at = notation_quoted(at, bytes, &n);
                writer_str(writer, bytes, n);
                return at;
        case '\'':
                at = notation_quoted(at, bytes, &n);
                writer_bin(writer, bytes, n);
                return at;
        case '#':
                writer_handle(writer, (uint32_t)strtoul(at + 1, &end, 10));
                return end;
        case '@':
                number = strtol(at + 1, &end, 10);
                at = notation_quoted(end, bytes, &n);
                writer_ext(writer, (int8_t)number, bytes, n);
                return at;
        case 'n':
                if (at[1] == 'a') {
                        writer_float(writer, (double)NAN);
                } else {
                        writer_nil(writer);
                }
                return at + 3;
        case 't':
        case 'f':
                writer_bool(writer, *at == 't');
                return at + (*at == 't' ? 4 : 5);
        default:
                return notation_number(writer, at);
        }
}

/* Appends all the values of `text`; several top-level ones make several messages. */
static inline void notation_write(struct writer *writer, const char *text)
{
        for (text = notation_gap(text); *text; text = notation_gap(text)) {
                text = notation_value(writer, text);
        }
        if (writer_status(writer)) {
                abort();
        }
}
