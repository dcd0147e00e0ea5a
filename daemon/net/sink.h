/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sink: what the store hands out, encoded as it comes.
 *
 * Owns:     nothing; borrows the writer, where failures stay until its status is asked for.
 * Threads:  the executor.
 */

#include "proto/writer.h"
#include "store/value.h"

struct sink {
        struct value_sink values; /* first: what the store sees */
        struct writer *out;
};

void sink_init(struct sink *sink, struct writer *out);

void sink_value(struct writer *out, const struct value *value);
