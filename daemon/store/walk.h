/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Walk: the entries of a table, a portion at a time, for map.scan, name.list and obj.get of a whole
 * map. Twice over the same buckets: first walk_count(), which finds where the portion ends
 * and what is in it, then walk_emit().
 *
 * Threads: the executor, inside a request; both halves in the same one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/internals.h"

#define WALK_BUCKETS_MAX 1024u /* that a portion looks at */

struct walk;
typedef void walk_fn(struct walk *walk, struct word key, struct word value);

struct walk {
        struct store *store;
        struct table table;
        uint64_t position;
        uint32_t limit;        /* entries, about; 0: MAP_SCAN_LIMIT_DEFAULT */
        bool whole;            /* everything, however much */
        bool keys;             /* nobody asks for values: they come as nil */
        const uint8_t *prefix; /* NULL: every key */
        uint32_t n_prefix;
        struct value_sink *sink;
        walk_fn *count; /* may be NULL */
        walk_fn *emit;
        struct answer answer; /* for count and emit to use */

        uint64_t n_entries; /* found by walk_count() */
        uint64_t end;       /* the position after the portion, 0: the end */
        walk_fn *now;       /* private */
        uint64_t n_bucket;  /* private */
};

void walk_count(struct walk *walk);
/* An array of n_entries, each as emit makes it; with `whole` a map. */
void walk_emit(struct walk *walk);

/* Both halves, for entries whose references are bound to handles: STORE_E_TOO_BIG and the like,
 * before anything is handed out. */
int walk_answer(struct walk *walk);

/* For count and emit: a key and its value, a reference bound to a handle. */
void walk_count_entry(struct walk *walk, struct word key, struct word value);
void walk_emit_entry(struct walk *walk, struct word key, struct word value);
void walk_emit_key(struct walk *walk, struct word key);
