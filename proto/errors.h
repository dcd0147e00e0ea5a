/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Error codes of the protocol, from errors.def. On the wire a code is its name as a string.
 * Everything here is constant: any thread, cannot fail.
 */

#include <stddef.h>

enum error {
#define ERROR(name, sentence) ERROR_##name,
#include "proto/errors.def"
#undef ERROR
        _ERROR_N,
};

const char *error_name(enum error code);
const char *error_sentence(enum error code);

/* _ERROR_N for a name this version does not know. */
enum error error_from_name(const char *name, size_t n_bytes);
