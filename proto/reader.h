/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reader: a cursor over the MessagePack values of one message that the scanner let through.
 *
 * Owns:     nothing; values point into the message's bytes and live as long as those.
 * Threads:  plain data, one at a time.
 * Failure:  false at the end, or where the bytes are no MessagePack, and the value then means
 *           nothing; it never reads past the end, whatever they hold.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
        WIRE_NIL,
        WIRE_BOOL,
        WIRE_UINT, /* every integer >= 0, however encoded */
        WIRE_INT,  /* every integer < 0 */
        WIRE_FLOAT,
        WIRE_STR,
        WIRE_BIN,
        WIRE_ARRAY,
        WIRE_MAP,
        WIRE_EXT,
        _WIRE_N,
};

struct wire_value {
        enum wire_type type;
        int8_t ext;         /* WIRE_EXT: its number */
        uint32_t n;         /* bytes of str, bin, ext; elements of an array; pairs of a map; or 0 */
        const uint8_t *raw; /* the encoded value, head included */
        size_t n_raw;       /* its length; for a container only once reader_take() has found it */
        union {
                bool boolean;
                uint64_t uint;
                int64_t sint;
                double real;
                const uint8_t *bytes; /* of str, bin, ext; the first child of a container */
        };
};

struct reader {
        const uint8_t *at;
        const uint8_t *end;
};

void reader_init(struct reader *reader, const uint8_t *bytes, size_t n);

/* The next value's head: inside an array or map, its first child comes next. */
bool reader_next(struct reader *reader, struct wire_value *ret_value);

/* The next value with all that is inside it. */
bool reader_take(struct reader *reader, struct wire_value *ret_value);

/* Passes over `n` whole values, children included, without recursion. */
bool reader_skip(struct reader *reader, uint64_t n);

/* A reader over the children of a taken array or map; over nothing for any other value. */
struct reader reader_inside(const struct wire_value *container);

/* "a string", "an array": for messages to people. */
const char *wire_type_name(enum wire_type type);

/* Strict: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const uint8_t *bytes, size_t n);
