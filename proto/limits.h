/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Limits: every bound a peer can run into, from limits.def.
 *
 * LIMIT_X is the default, LIMIT_X_MAX the most a configuration may ask for. struct limits holds
 * the values in force, which `hello` tells the client (limits_write() in describe.h).
 */

#include <stdint.h>

enum {
#define LIMIT(symbol, field, normal, ceiling, what) \
        LIMIT_##symbol = (normal), LIMIT_##symbol##_MAX = (ceiling),
#include "proto/limits.def"
#undef LIMIT
};

struct limits {
#define LIMIT(symbol, field, normal, ceiling, what) uint32_t field;
#include "proto/limits.def"
#undef LIMIT
};

#define LIMIT(symbol, field, normal, ceiling, what) .field = (normal),
static const struct limits LIMITS_DEFAULT = {
#include "proto/limits.def"
};
#undef LIMIT
