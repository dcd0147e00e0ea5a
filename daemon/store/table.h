/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Table: scalar key -> word, in TABLE_SLOTS slots of a host object. Maps and the names are made of
 * it. Of a host from space_alloc_weak() the table is weak: it takes objects for values and holds
 * them weakly. An entry whose object has died is there for nobody, but counted until table_purge()
 * comes by or the key is put again.
 *
 * Linear hashing with a keyed hash: an insertion splits at most two buckets, a removal merges at
 * most two, no step touches more than BUCKET_ENTRIES_MAX entries (STORE-4). A bucket is a leaf with
 * room for just the entries it has, up to eight, and beyond that a chain of leaves.
 *
 * As in vector.h a change reserves, puts, and on failure prunes.
 *
 * Threads: the executor, inside a request. A struct table is a cursor: good until the boundary.
 * Failure: table_key(): STORE_E_TYPE, STORE_E_TOO_BIG; table_reserve(): STORE_E_NOMEM.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/space.h"
#include "store/value.h"
#include "store/vector.h"

#define TABLE_SLOTS (2u + VECTOR_SLOTS)

struct table {
        struct word host;
        uint32_t slot;
};

/* A key that was asked for; borrows the value's bytes. */
struct table_key {
        struct value value;
        uint64_t hash;
};

/* Checks and hashes. -0.0 becomes 0.0. */
int table_key(const struct space *space, const struct value *value, struct table_key *ret_key);

/* For a host just allocated. */
void table_init(struct space *space, struct table t);

/* Makes a place for the key; its value is a hole until table_put(). */
int table_reserve(struct space *space, struct table t, const struct table_key *key);
/* The key is there. */
void table_put(struct space *space, struct table t, const struct table_key *key, struct word value);
/* Removes the key if its value is a hole. */
void table_prune(struct space *space, struct table t, const struct table_key *key);

/* False if the key is not there. */
bool table_get(struct space *space, struct table t, const struct table_key *key,
               struct word *ret_value);
bool table_take(struct space *space, struct table t, const struct table_key *key,
                struct word *ret_value);
uint64_t table_n_entries(struct space *space, struct table t);

/*
 * Visits the entries of one bucket and returns the position of the next, 0 after the last; start
 * with 0. Positions are points on a line along which every entry has its fixed place, so a walk of
 * several requests meets an entry that stays exactly once, while buckets split and merge.
 */
enum table_look {
        TABLE_LOAD, /* with the value */
        TABLE_KEYS, /* nil for a value: nothing is kept alive by looking */
        TABLE_PEEK, /* of a weak table, with what bucket_peek() gives: keeps nothing alive either */
};
typedef void table_visit_fn(void *user, struct word key, struct word value);
uint64_t table_visit(struct space *space, struct table t, uint64_t position, enum table_look look,
                     table_visit_fn *visit, void *user);

/* Takes the dead out of one bucket of a weak table and counts them; positions as above. Where
 * memory is short, places stay that could have been given back. */
uint64_t table_purge(struct space *space, struct table t, uint64_t position, uint32_t *ret_n);
