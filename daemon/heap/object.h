/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Object: an 8-byte header, then `count` words (scannable) or `count` bytes (noscan).
 *
 * The header is written once, at allocation, and never by the collector: marks lie in side bitmaps,
 * so marking dirties no object and leaves noscan objects untouched. Its type field indexes the
 * heap's descriptor table (descriptor.h).
 *
 *   bits 0..31 count   bits 32..39 flags (for the store)   bits 40..63 descriptor, never 0
 *
 * A zero header is that of a slot which a cache holds and has not given out yet.
 */

#include <stdbool.h>
#include <stdint.h>

#define OBJECT_ALIGN        16u
#define OBJECT_HEADER_BYTES 8u

static inline uint64_t object_header(unsigned descriptor, uint8_t flags, uint32_t count)
{
        return (uint64_t)descriptor << 40 | (uint64_t)flags << 32 | count;
}

static inline uint32_t object_header_count(uint64_t header)
{
        return (uint32_t)header;
}

static inline uint8_t object_header_flags(uint64_t header)
{
        return (uint8_t)(header >> 32);
}

static inline unsigned object_header_descriptor(uint64_t header)
{
        return (unsigned)(header >> 40);
}

/* Bytes that an object of `count` words or bytes takes, header included, before rounding to a
 * class. */
static inline uint64_t object_size_bytes(bool noscan, uint32_t count)
{
        return OBJECT_HEADER_BYTES + (noscan ? (uint64_t)count : (uint64_t)count * 8);
}
