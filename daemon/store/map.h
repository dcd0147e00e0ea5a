/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Map: the methods that only maps have.
 *
 * Keys are nil, bool, int, float (not NaN), str and bin; equal if of the same type and value.
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h; all or nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/session.h"

#define MAP_SCAN_LIMIT_DEFAULT 100u
#define MAP_SCAN_LIMIT_MAX     4096u

/* Removes what is there of the keys and counts it. With a sink it hands out an array with the
 * values that they had, nil for keys not found. */
int map_del(struct session *session, struct target target, struct value_source *keys,
            struct value_sink *take, uint32_t *ret_n);

struct map_scan {
        uint64_t cursor;       /* 0: from the start */
        uint32_t limit;        /* 0: MAP_SCAN_LIMIT_DEFAULT; at most MAP_SCAN_LIMIT_MAX */
        const uint8_t *prefix; /* NULL: all keys; else the str keys that begin so */
        uint32_t n_prefix;
        bool values;
};

/*
 * Hands out an array of keys, or of [key, value], and where to go on; 0: that was all. A call looks
 * at a bounded number of entries, so it may hand out few or none and still not be at the end. An
 * entry that is there during the whole scan is handed out exactly once, whatever else happens to
 * the map. Only the first few entries, those that share a bucket, may exceed `limit`.
 */
int map_scan(struct session *session, struct target target, const struct map_scan *scan,
             struct value_sink *sink, uint64_t *ret_cursor);
