/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Array: the methods that only arrays have.
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h; all or nothing. STORE_E_TOO_BIG when a call would read, remove or
 *          move more than STORE_ELEMENTS_MAX elements, or the array outgrow array_length_max.
 */

#include <stdint.h>

#include "store/session.h"

int array_push(struct session *session, struct target target, struct value_source *values,
               uint64_t *ret_length);

/* Hands out an array; fewer elements where the array ends. `at` beyond the end is STORE_E_RANGE. */
int array_read(struct session *session, struct target target, uint64_t at, uint64_t count,
               struct value_sink *sink);

/* Replaces `n_delete` elements from `at` by the values, and hands out an array of those removed. */
int array_splice(struct session *session, struct target target, uint64_t at, uint64_t n_delete,
                 struct value_source *values, struct value_sink *sink);
