/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Format: what the first byte of a MessagePack value says about the bytes behind it.
 * A constant table, shared by scanner and reader; any thread, cannot fail.
 */

#include <stddef.h>
#include <stdint.h>

/* In an order that scanner and reader use: short scalars, numbers, payloads, containers. */
enum format {
        FORMAT_NIL,
        FORMAT_FALSE,
        FORMAT_TRUE,
        FORMAT_POSITIVE, /* the byte is the number */
        FORMAT_NEGATIVE, /* so it is here, signed */
        FORMAT_UINT,
        FORMAT_INT,
        FORMAT_FLOAT,
        FORMAT_STR,
        FORMAT_BIN,
        FORMAT_EXT,
        FORMAT_ARRAY,
        FORMAT_MAP,
        FORMAT_RESERVED,
};

struct format_lead {
        uint8_t format;
        uint8_t n_length; /* bytes of the length field, or 0: the length is */
        uint8_t fixed;    /* this, plus */
        uint8_t mask;     /* these bits of the first byte */
};

extern const struct format_lead format_leads[256];

static inline uint64_t format_big_endian(const uint8_t *bytes, unsigned n)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < n; i++) {
                value = value << 8 | bytes[i];
        }
        return value;
}

static inline void format_put_u32(uint8_t *bytes, uint32_t value)
{
        for (unsigned i = 0; i < 4; i++) {
                bytes[i] = (uint8_t)(value >> (24 - 8 * i));
        }
}

/* Length of payload, or number of elements or pairs. `head` has the first byte and the length. */
static inline uint32_t format_length(const struct format_lead *lead, const uint8_t *head)
{
        return lead->n_length ? (uint32_t)format_big_endian(head + 1, lead->n_length)
                              : lead->fixed + (uint32_t)(head[0] & lead->mask);
}
