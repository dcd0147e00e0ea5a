/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Word: what every slot of every scannable object holds, in one 64-bit value (DESIGN.md, HEAP-1).
 *
 *   bit 0 = 1   reference: the object's byte offset within its heap, a multiple of 16, plus 1
 *   bit 0 = 0   immediate, by the bits above:
 *     ....10    float64 whose exponent lies within 2^±255, rotated (as Ruby's "flonum")
 *     ...100    integer of 61 bits, two's complement
 *     ...000    special, kind in bits 3..7, payload in bits 8..63:
 *                 0 nil (the all-zero word, so zeroed memory is an object full of nil)
 *                 1 false   2 true   3 hole (internal: an empty place in a table)
 *                 4 text, 5 bytes: up to 6 bytes in bits 16..63, length in bits 8..15
 *                 7 weak: an object's offset; does not keep it alive   8 dead: was weak
 *                 6 float64 whose low 8 bits are zero (0.0, infinities, NaN, 1e300 seldom)
 *
 * What fits no immediate is boxed in an object by the store. A word is read, written and marked by
 * single atomic operations, so nothing can tear; an offset means the same wherever the heap is
 * mapped.
 *
 * In builds with checks, a word that holds a reference carries a stamp: the mutator and the request
 * in which it was obtained. Using it in another request aborts (GC-5): a reference kept across a
 * boundary is what a collector that scans no stacks cannot survive.
 *
 * Threads: values; pure functions.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"

struct word {
        uint64_t bits;
#if HEAPD_CHECKS >= 1
        uint64_t stamp;
#endif
};

#define WORD_REF_BIT        UINT64_C(1)
#define WORD_INT_MIN        (-(INT64_C(1) << 60))
#define WORD_INT_MAX        ((INT64_C(1) << 60) - 1)
#define WORD_TEXT_BYTES_MAX 6u

enum word_special {
        WORD_SPECIAL_NIL,
        WORD_SPECIAL_FALSE,
        WORD_SPECIAL_TRUE,
        WORD_SPECIAL_HOLE,
        WORD_SPECIAL_TEXT,
        WORD_SPECIAL_BYTES,
        WORD_SPECIAL_FLOAT,
        WORD_SPECIAL_WEAK,
        WORD_SPECIAL_DEAD,
};

/* Only gc.h makes words from bits that hold references: it knows the stamp. */
static inline struct word word_raw(uint64_t bits)
{
        struct word w = {0};

        w.bits = bits;
        return w;
}

static inline struct word word_special(enum word_special special, uint64_t payload)
{
        return word_raw(payload << 8 | (uint64_t)special << 3);
}

static inline struct word word_nil(void)
{
        return word_raw(0);
}

static inline struct word word_hole(void)
{
        return word_special(WORD_SPECIAL_HOLE, 0);
}

static inline struct word word_bool(bool b)
{
        return word_special(b ? WORD_SPECIAL_TRUE : WORD_SPECIAL_FALSE, 0);
}

static inline bool word_is_ref(struct word w)
{
        return w.bits & WORD_REF_BIT;
}

static inline bool word_is_nil(struct word w)
{
        return w.bits == 0;
}

static inline bool word_is_int(struct word w)
{
        return (w.bits & 7) == 4;
}

static inline bool word_is_rotated_float(struct word w)
{
        return (w.bits & 3) == 2;
}

static inline bool word_is_special(struct word w)
{
        return (w.bits & 7) == 0;
}

static inline enum word_special word_special_kind(struct word w)
{
        return (enum word_special)((w.bits >> 3) & 31);
}

static inline uint64_t word_special_payload(struct word w)
{
        return w.bits >> 8;
}

static inline bool word_is_weak(struct word w)
{
        return word_is_special(w) && word_special_kind(w) == WORD_SPECIAL_WEAK;
}

static inline bool word_is_dead(struct word w)
{
        return word_is_special(w) && word_special_kind(w) == WORD_SPECIAL_DEAD;
}

/* Identity: the same object, or the same immediate. */
static inline bool word_same(struct word a, struct word b)
{
        return a.bits == b.bits;
}

static inline bool word_int_fits(int64_t i)
{
        return i >= WORD_INT_MIN && i <= WORD_INT_MAX;
}

static inline struct word word_int(int64_t i)
{
        hd_assert(word_int_fits(i));
        return word_raw((uint64_t)i << 3 | 4);
}

static inline int64_t word_get_int(struct word w)
{
        return (int64_t)w.bits >> 3;
}

/* Short text and bytes: true and the word if they fit. */
static inline bool word_try_text(const void *bytes, size_t n_bytes, enum word_special special,
                                 struct word *ret_word)
{
        uint64_t payload = 0;

        if (n_bytes > WORD_TEXT_BYTES_MAX) {
                return false;
        }
        memcpy(&payload, bytes, n_bytes); /* little-endian hosts only, asserted in heap.c */
        *ret_word = word_special(special, payload << 8 | n_bytes);
        return true;
}

/* Copies the bytes out and returns how many; `out` has room for WORD_TEXT_BYTES_MAX. */
static inline size_t word_get_text(struct word w, void *out)
{
        uint64_t payload = w.bits >> 16;
        size_t n_bytes = (w.bits >> 8) & 0xff;

        memcpy(out, &payload, n_bytes <= WORD_TEXT_BYTES_MAX ? n_bytes : 0);
        return n_bytes;
}

/*
 * Doubles near 1 have 011 or 100 in the top bits of the exponent: two of those three bits follow
 * from the third, which frees the two low bits of the rotated value for the tag.
 */
static inline bool word_try_float(double d, struct word *ret_word)
{
        uint64_t bits;
        unsigned top;

        memcpy(&bits, &d, sizeof(bits));
        top = (bits >> 60) & 7;
        if (top == 3 || top == 4) {
                *ret_word = word_raw(((bits << 3 | bits >> 61) & ~UINT64_C(3)) | 2);
                return true;
        }
        if ((bits & 0xff) == 0) {
                *ret_word = word_special(WORD_SPECIAL_FLOAT, bits >> 8);
                return true;
        }
        return false;
}

static inline bool word_is_float(struct word w)
{
        return word_is_rotated_float(w) ||
               (word_is_special(w) && word_special_kind(w) == WORD_SPECIAL_FLOAT);
}

static inline double word_get_float(struct word w)
{
        uint64_t bits;
        double d;

        if (word_is_rotated_float(w)) {
                /* Bit 63 of the rotated word is bit 60 of the double; 62 and 61 are its negation
                 * and itself. After rotation the sign stood in bit 2 and bits 62, 61 in 1, 0. */
                uint64_t b60 = w.bits >> 63;
                uint64_t rotated = (w.bits & ~UINT64_C(3)) | (b60 ? 1 : 2);

                bits = rotated >> 3 | rotated << 61;
        } else {
                bits = word_special_payload(w) << 8;
        }
        memcpy(&d, &bits, sizeof(d));
        return d;
}
