/* SPDX-License-Identifier: MIT */

#include <string.h>
#include "proto/format.h"
#include "proto/reader.h"

void reader_init(struct reader *reader, const uint8_t *bytes, size_t n)
{
        *reader = (struct reader){.at = bytes, .end = bytes + n};
}

static void reader_number(const struct format_lead *lead, const uint8_t *payload,
                          struct wire_value *value)
{
        uint64_t bits = format_big_endian(payload, lead->fixed);
        unsigned n_unused = 64 - 8u * lead->fixed;
        uint32_t bits32 = (uint32_t)bits;
        float single;

        if (lead->format == FORMAT_FLOAT) {
                value->type = WIRE_FLOAT;
                memcpy(&single, &bits32, sizeof(single));
                memcpy(&value->real, &bits, sizeof(value->real));
                value->real = lead->fixed == 4 ? (double)single : value->real;
                return;
        }
        value->type = WIRE_UINT;
        value->uint = bits;
        if (lead->format == FORMAT_INT) {
                value->sint = (int64_t)(bits << n_unused) >> n_unused;
                value->type = value->sint < 0 ? WIRE_INT : WIRE_UINT;
        }
}

/* Str, bin, ext: the payload is at hand, behind a head of `n_head` bytes. */
static void reader_payload(const struct format_lead *lead, const uint8_t *payload,
                           struct wire_value *value)
{
        value->bytes = payload;
        value->type = lead->format == FORMAT_STR   ? WIRE_STR
                      : lead->format == FORMAT_BIN ? WIRE_BIN
                                                   : WIRE_EXT;
        if (lead->format == FORMAT_EXT) {
                value->ext = (int8_t)payload[0];
                value->bytes++;
        }
}

/* Everything that reader_next() does not do at once. */
static bool reader_next_long(struct reader *reader, struct wire_value *value)
{
        const struct format_lead *lead = &format_leads[reader->at[0]];
        size_t n_left = (size_t)(reader->end - reader->at);
        size_t n_head = 1u + lead->n_length;
        const uint8_t *behind = reader->at + n_head;
        size_t n_payload = 0;
        uint32_t n;

        if (n_left < n_head || lead->format == FORMAT_RESERVED) {
                return false;
        }
        n = format_length(lead, reader->at);
        value->n = lead->format >= FORMAT_STR ? n : 0;
        if (lead->format < FORMAT_ARRAY) {
                n_payload = (size_t)n + (lead->format == FORMAT_EXT);
        }
        if (n_payload > n_left - n_head) {
                return false;
        }
        value->raw = reader->at;
        value->n_raw = n_head + n_payload;
        if (lead->format >= FORMAT_ARRAY) {
                value->type = lead->format == FORMAT_ARRAY ? WIRE_ARRAY : WIRE_MAP;
                value->bytes = behind;
        } else if (lead->format >= FORMAT_STR) {
                reader_payload(lead, behind, value);
        } else if (lead->format >= FORMAT_UINT) {
                reader_number(lead, behind, value);
        } else {
                value->type = lead->format == FORMAT_NIL        ? WIRE_NIL
                              : lead->format == FORMAT_NEGATIVE ? WIRE_INT
                                                                : WIRE_BOOL;
                value->sint = (int8_t)reader->at[0];
                if (value->type == WIRE_BOOL) {
                        value->boolean = lead->format == FORMAT_TRUE;
                }
        }
        reader->at = behind + n_payload;
        return true;
}

bool reader_next(struct reader *reader, struct wire_value *ret_value)
{
        const uint8_t *at = reader->at;

        if (at == reader->end) {
                return false;
        }
        if (*at < 0x80) {
                ret_value->type = WIRE_UINT;
                ret_value->n = 0;
                ret_value->uint = *at;
                ret_value->raw = at;
                ret_value->n_raw = 1;
                reader->at = at + 1;
                return true;
        }
        if ((*at & 0xe0) == 0xa0 && (size_t)(reader->end - at) > (*at & 0x1fu)) {
                ret_value->type = WIRE_STR;
                ret_value->n = *at & 0x1f;
                ret_value->bytes = at + 1;
                ret_value->raw = at;
                ret_value->n_raw = 1u + ret_value->n;
                reader->at = at + ret_value->n_raw;
                return true;
        }
        return reader_next_long(reader, ret_value);
}

/* How many values stand directly inside one. */
static uint64_t reader_n_children(const struct wire_value *value)
{
        return value->type == WIRE_ARRAY ? value->n : value->type == WIRE_MAP ? 2ull * value->n : 0;
}

bool reader_skip(struct reader *reader, uint64_t n)
{
        struct wire_value value;

        while (n) {
                /* Each value takes a byte: a claim of more than there are is no good. */
                if (n > (size_t)(reader->end - reader->at) || !reader_next(reader, &value)) {
                        return false;
                }
                n += reader_n_children(&value) - 1;
        }
        return true;
}

bool reader_take(struct reader *reader, struct wire_value *ret_value)
{
        if (!reader_next(reader, ret_value)) {
                return false;
        }
        if (ret_value->type == WIRE_ARRAY || ret_value->type == WIRE_MAP) {
                if (!reader_skip(reader, reader_n_children(ret_value))) {
                        return false;
                }
                ret_value->n_raw = (size_t)(reader->at - ret_value->raw);
        }
        return true;
}

struct reader reader_inside(const struct wire_value *container)
{
        struct reader inside = {.at = container->raw, .end = container->raw};

        if (container->type == WIRE_ARRAY || container->type == WIRE_MAP) {
                inside.at = container->bytes;
                inside.end = container->raw + container->n_raw;
        }
        return inside;
}

const char *wire_type_name(enum wire_type type)
{
        static const char *const names[_WIRE_N] = {
                [WIRE_NIL] = "nil",         [WIRE_BOOL] = "a bool",
                [WIRE_UINT] = "an integer", [WIRE_INT] = "a negative integer",
                [WIRE_FLOAT] = "a float",   [WIRE_STR] = "a string",
                [WIRE_BIN] = "a bin",       [WIRE_ARRAY] = "an array",
                [WIRE_MAP] = "a map",       [WIRE_EXT] = "an ext",
        };

        return names[type];
}

/* Bytes of the sequence at `bytes`, or 0 if it is not well-formed. */
static size_t utf8_sequence(const uint8_t *bytes, size_t n)
{
        uint8_t first = bytes[0];
        uint8_t low = 0x80;
        uint8_t high = 0xbf;
        size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

        if (length > n || (first >= 0x80 && first < 0xc2) || first > 0xf4) {
                return 0;
        }
        /* The second byte is what tells overlong forms, surrogates and too large ones. */
        low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
        high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
        for (size_t i = 1; i < length; i++) {
                if (bytes[i] < low || bytes[i] > high) {
                        return 0;
                }
                low = 0x80;
                high = 0xbf;
        }
        return length;
}

bool utf8_valid(const uint8_t *bytes, size_t n)
{
        uint64_t word;

        while (n) {
                size_t length;

                if (n >= sizeof(word)) {
                        memcpy(&word, bytes, sizeof(word));
                        if (!(word & 0x8080808080808080u)) {
                                bytes += sizeof(word);
                                n -= sizeof(word);
                                continue;
                        }
                }
                length = utf8_sequence(bytes, n);
                if (!length) {
                        return false;
                }
                bytes += length;
                n -= length;
        }
        return true;
}
