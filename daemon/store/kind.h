/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Kind: what an object is; the `kind` of its descriptor. The table is kind.def.
 *
 * Threads: pure.
 */

#include <stdbool.h>

enum kind {
        KIND_NONE, /* a zero header */
#define KIND(symbol, name, noscan, object) KIND_##symbol,
#include "store/kind.def"
#undef KIND
        _KIND_N,
};

const char *kind_name(enum kind kind);

/* Bytes that the collector does not look into. */
bool kind_is_noscan(enum kind kind);

/* Something that a handle or a name can denote, as opposed to a part or a boxed value. */
bool kind_is_object(enum kind kind);
