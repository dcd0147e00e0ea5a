/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Text: a growing, bounded answer for a person.
 *
 * Owns:     its bytes.
 * Threads:  one at a time.
 * Failure:  what is beyond TEXT_BYTES_MAX or has no memory is left out, and `cut` says so.
 */

#include <stdbool.h>
#include <stddef.h>

#define TEXT_BYTES_MAX (256u << 10)

struct text {
        char *bytes;
        size_t n;
        size_t n_cap;
        bool cut;
};

void text_deinit(struct text *text);

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a peer chose, so that it cannot speak to the reader's terminal: all but ASCII is \xNN. */
void text_add_escaped(struct text *text, const void *bytes, size_t n_bytes);
