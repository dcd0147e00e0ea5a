/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Kinds of objects and MessagePack ext types, from kinds.def and ext.def.
 * Everything here is constant: any thread, cannot fail.
 */

#include <stddef.h>

enum kind {
#define KIND(symbol, name, what) KIND_##symbol,
#include "proto/kinds.def"
#undef KIND
        _KIND_N,
};

enum ext {
#define EXT(symbol, name, number, payload) EXT_##symbol = (number),
#include "proto/ext.def"
#undef EXT
};

const char *kind_name(enum kind kind);

/* _KIND_N for a name that is not a kind. */
enum kind kind_from_name(const char *name, size_t n_bytes);
