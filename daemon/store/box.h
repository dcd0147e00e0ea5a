/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Box: values as words. What fits a word is one; the rest lies in a noscan object of its own, never
 * changed once written. The encoding is canonical: equal values that fit a word are the same
 * word, so a box never equals an immediate (STORE-3).
 *
 * References are not values here: resolving them takes a session (handle.h).
 *
 * Threads: the executor, inside a request.
 * Failure: box_from_value(): STORE_E_NOMEM.
 */

#include <stdbool.h>

#include "store/space.h"
#include "store/value.h"

/* True and the word if the value fits one. */
bool box_try_word(const struct value *value, struct word *ret_word);

int box_from_value(struct space *space, const struct value *value, struct word *ret_word);

/* The word is an immediate or a box. Bytes are the heap's, or for short ones the `ret_value`'s own:
 * `room` has WORD_TEXT_BYTES_MAX bytes and lives as long as the value. */
void box_to_value(struct space *space, struct word w, uint8_t *room, struct value *ret_value);

/* The same type and content. Floats compare by bits: a NaN equals itself. */
bool box_equals(struct space *space, struct word w, const struct value *value);
