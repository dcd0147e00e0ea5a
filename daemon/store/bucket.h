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

/* With free places for at least n entries; nil for n = 0. */
int bucket_new(struct space *space, uint32_t n, struct word *ret_head);

/* To the first place, to the next: false if there is none. */
bool bucket_first(struct space *space, struct word head, struct bucket_place *ret_place);
bool bucket_next(struct space *space, struct bucket_place *p);

bool bucket_is_free(struct space *space, const struct bucket_place *p);
struct word bucket_key(struct space *space, const struct bucket_place *p);
struct word bucket_value(struct space *space, const struct bucket_place *p);
void bucket_set_value(struct space *space, const struct bucket_place *p, struct word value);
void bucket_clear(struct space *space, const struct bucket_place *p);

/* Writes the entry at the first free place from *p on, and moves *p there; there is one. */
void bucket_add(struct space *space, struct bucket_place *p, struct word key, struct word value,
                uint64_t hash);
/* Adds all entries of another bucket, likewise. */
void bucket_copy(struct space *space, struct word from, struct bucket_place *to);

uint32_t bucket_count(struct space *space, struct word head, uint32_t *ret_places);
bool bucket_find(struct space *space, struct word head, uint64_t hash, const struct value *key,
                 struct bucket_place *p);

/* A key that is none, a value not yet put. */
bool bucket_is_hole(struct word w);
