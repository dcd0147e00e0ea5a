/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Source: values of a message as the store wants them, pulled from the message's bytes, none
 * copied.
 *
 * Owns:     nothing; good as long as the message.
 * Threads:  the executor.
 * Failure:  none for what request_decode() let through.
 */

#include "proto/reader.h"
#include "store/session.h"
#include "store/value.h"

struct source {
        struct value_source values; /* first: what the store sees */
        const struct wire_value *from;
        struct reader reader;
        bool nested; /* pairs as [key, value] each, not as a map */
        bool at_value;
};

struct value source_value(const struct wire_value *from);

/* The elements of an array; NULL or nil: none. */
void source_init_values(struct source *source, const struct wire_value *from);
/* Keys and values alternately, of a map or an array of [key, value]. */
void source_init_pairs(struct source *source, const struct wire_value *from);

/* A handle, or the object that bears this name now. */
struct target source_target(const struct wire_value *from);
