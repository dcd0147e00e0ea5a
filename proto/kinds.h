/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Kinds of objects that clients can name, and MessagePack ext types, from kinds.def and ext.def.
 * Everything here is constant: any thread, cannot fail.
 */

#include <stddef.h>

enum wire_kind {
#define KIND(symbol, name, what) WIRE_KIND_##symbol,
#include "proto/kinds.def"
#undef KIND
        _WIRE_KIND_N,
};

enum ext {
#define EXT(symbol, name, number, payload) EXT_##symbol = (number),
#include "proto/ext.def"
#undef EXT
};

const char *wire_kind_name(enum wire_kind kind);

/* _WIRE_KIND_N for a name that is not a kind. */
enum wire_kind wire_kind_from_name(const char *name, size_t n_bytes);
