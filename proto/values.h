/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Values with a meaning: what the parameter types of types.def accept, and how to read them.
 *
 * value_check() is the one place that says whether bytes from a peer fit a type: strings are
 * UTF-8, lengths are within limits.h, references stand only where they may.
 * Owns nothing, allocates nothing, any thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include "proto/errors.h"
#include "proto/kinds.h"
#include "proto/methods.h"
#include "proto/reader.h"

/* Why a value was refused. `what` goes behind "parameter 2 'keys' "; NULL means the wrong type. */
struct value_flaw {
        enum error code;
        const char *what;
        const char *wanted;   /* what == NULL: what must stand there, */
        enum wire_type found; /* and what does */
        int64_t element;      /* index inside the parameter, or -1 for the parameter itself */
};

/*
 * Takes one value of the type from `reader`. `kind` is that of the object in question, for
 * TYPE_INIT only. False: *ret_flaw says why, and the reader's position means nothing.
 * CONTENT yields the value of its key 'bytes'; every other type the value itself.
 */
bool value_check(enum param_type type, enum wire_kind kind, struct reader *reader,
                 struct wire_value *ret_value, struct value_flaw *ret_flaw);

/* The handle number in an unsigned integer or an ext 1; false for anything else. */
bool value_handle(const struct wire_value *value, uint32_t *ret_handle);

/* True for an ext 1: a reference, where a number would be an integer. */
bool value_is_reference(const struct wire_value *value);

/* Walks what TYPE_PAIRS accepts: a map, or an array of [key, value]. */
struct pairs {
        struct reader reader;
        bool in_map;
        uint32_t n_left;
};

struct pairs pairs_of(const struct wire_value *value);
bool pairs_next(struct pairs *pairs, struct wire_value *ret_key, struct wire_value *ret_value);
