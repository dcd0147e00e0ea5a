/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bucket: the few entries of a table that share a hash prefix: nil for none, else a leaf with room
 * for just as many as there are, up to eight, and beyond that a chain of leaves.
 *
 * Threads: the executor, inside a request. A struct bucket_place is good until the boundary.
 * Failure: bucket_new(): STORE_E_NOMEM.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/space.h"
#include "store/value.h"

/* More than a secret hash ever puts into one, unless splits fail for want of memory. */
#define BUCKET_ENTRIES_MAX 64u

/* One place of a bucket. */
struct bucket_place {
        struct word leaf;
        uint32_t at;
        uint32_t n_places; /* of the leaf, the link not counted */
};

/* With free places for at least n entries; nil for n = 0. A weak one holds its values weakly. */
int bucket_new(struct space *space, bool weak, uint32_t n, struct word *ret_head);

/* To the first place, to the next: false if there is none. */
bool bucket_first(struct space *space, struct word head, struct bucket_place *ret_place);
bool bucket_next(struct space *space, struct bucket_place *p);

bool bucket_is_free(struct space *space, const struct bucket_place *p);
struct word bucket_key(struct space *space, const struct bucket_place *p);
/* Of a weak bucket: the object, which lives on for it, or a dead word. */
struct word bucket_value(struct space *space, const struct bucket_place *p);
/* Likewise, but keeps nothing alive; a dead word, too, while the collector has not come to the
 * object. */
struct word bucket_peek(struct space *space, const struct bucket_place *p);
/* Whether the value is dead; keeps nothing alive and stays the same during the call. */
bool bucket_is_dead(struct space *space, const struct bucket_place *p);
/* In a weak bucket an object is held weakly from then on. */
void bucket_set_value(struct space *space, const struct bucket_place *p, struct word value);
void bucket_clear(struct space *space, const struct bucket_place *p);

/* Writes the entry at the first free place from *p on, and moves *p there; there is one. */
void bucket_add(struct space *space, struct bucket_place *p, struct word key, struct word value,
                uint64_t hash);
/* Adds the entry at `from`, or all of a bucket, likewise; dead ones stay dead. */
void bucket_add_copy(struct space *space, struct bucket_place *to, const struct bucket_place *from);
void bucket_copy(struct space *space, struct word from, struct bucket_place *to);

uint32_t bucket_count(struct space *space, struct word head, uint32_t *ret_places);
bool bucket_find(struct space *space, struct word head, uint64_t hash, const struct value *key,
                 struct bucket_place *p);

/* A key that is none, a value not yet put. */
bool bucket_is_hole(struct word w);
