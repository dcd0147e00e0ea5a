/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writer: a growing, bounded buffer of MessagePack.
 *
 * Owns:     its bytes. A writer may be moved by assignment (hand the old one to the socket,
 *           writer_init() a new one; or keep two and swap), and reset to be used again.
 * Threads:  one at a time.
 * Failure:  sticky: after one, nothing more is written; ask writer_status() once at the end.
 *           writer_truncate() takes back what came after a mark, and the failure with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { _WRITER_E_SUCCESS, WRITER_E_FULL };

struct writer {
        uint8_t *bytes;
        size_t n;
        size_t n_cap;
        size_t n_max;
        int status; /* 0, -ENOMEM or WRITER_E_FULL */
};

/* Allocates nothing yet. */
void writer_init(struct writer *writer, size_t n_max);
void writer_deinit(struct writer *writer);

/* Empties it and keeps the memory, unless that is more than `n_keep_max`. */
void writer_reset(struct writer *writer, size_t n_keep_max);

/* 0, -ENOMEM, or WRITER_E_FULL when the bytes would have exceeded n_max. */
int writer_status(const struct writer *writer);

size_t writer_mark(const struct writer *writer);
void writer_truncate(struct writer *writer, size_t mark);

void writer_nil(struct writer *writer);
void writer_bool(struct writer *writer, bool value);
void writer_uint(struct writer *writer, uint64_t value);
void writer_int(struct writer *writer, int64_t value);
void writer_float(struct writer *writer, double value);
void writer_str(struct writer *writer, const char *bytes, size_t n);
void writer_text(struct writer *writer, const char *text);
void writer_bin(struct writer *writer, const void *bytes, size_t n);
void writer_ext(struct writer *writer, int8_t type, const void *bytes, size_t n);
void writer_handle(struct writer *writer, uint32_t handle);
void writer_array(struct writer *writer, uint32_t n_elements);
void writer_map(struct writer *writer, uint32_t n_pairs);

/* Bytes that are MessagePack already. */
void writer_raw(struct writer *writer, const void *bytes, size_t n);

/* An array whose length is known only at its end: open returns what close needs. */
size_t writer_array_open(struct writer *writer);
void writer_array_close(struct writer *writer, size_t opened, uint32_t n_elements);
