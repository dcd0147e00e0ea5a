/* SPDX-License-Identifier: MIT */
#include "store/table.h"

#include <math.h>

#include "base/assert.h"
#include "store/box.h"
#include "store/bucket.h"
#include "store/store.h"

/* Host: slot + 0 number of entries, slot + 1 number of buckets, then the vector of buckets. */

#define TABLE_LOAD 5u /* entries a bucket, on average, at which one is split */

static struct vector table_buckets(struct table t)
{
        return (struct vector){.host = t.host, .slot = t.slot + 2};
}

uint64_t table_n_entries(struct space *space, struct table t)
{
        return space_load_count(space, t.host, t.slot);
}

static uint64_t table_n_buckets(struct space *space, struct table t)
{
        return space_load_count(space, t.host, t.slot + 1);
}

static void table_set_n_entries(struct space *space, struct table t, uint64_t n)
{
        space_store_count(space, t.host, t.slot, n);
}

static void table_set_n_buckets(struct space *space, struct table t, uint64_t n)
{
        space_store_count(space, t.host, t.slot + 1, n);
}

void table_init(struct space *space, struct table t)
{
        table_set_n_entries(space, t, 0);
        table_set_n_buckets(space, t, 1);
}

static bool table_is_weak(struct space *space, struct table t)
{
        return space_is_weak(space, t.host);
}

/* The largest power of two that is not above n. */
static uint64_t table_level(uint64_t n)
{
        return UINT64_C(1) << (63 - __builtin_clzll(n));
}

/* Buckets up to n - level have been split and take one more bit of the hash. */
static uint64_t table_bucket_of(uint64_t n_buckets, uint64_t hash)
{
        uint64_t level = table_level(n_buckets);
        uint64_t bucket = hash & (level * 2 - 1);

        return bucket < n_buckets ? bucket : hash & (level - 1);
}

int table_key(const struct space *space, const struct value *value, struct table_key *ret_key)
{
        struct table_key key = {.value = *value};
        struct word w;

        switch (value->type) {
        case VALUE_NIL:
        case VALUE_BOOL:
        case VALUE_INT:
        case VALUE_UINT:
                break;
        case VALUE_FLOAT:
                if (isnan(value->real)) {
                        return STORE_E_TYPE;
                }
                if (value->real == 0) {
                        key.value.real = 0;
                }
                break;
        case VALUE_STR:
        case VALUE_BIN:
                if (value->n_bytes > STORE_INLINE_MAX) {
                        return STORE_E_TOO_BIG;
                }
                break;
        case VALUE_DOC:
        case VALUE_TIME:
        case VALUE_REF:
        case _VALUE_N:
                return STORE_E_TYPE;
        }
        if (box_try_word(&key.value, &w)) {
                key.hash = siphash13(&space->key, &w.bits, sizeof(w.bits));
        } else if (value->type == VALUE_STR || value->type == VALUE_BIN) {
                key.hash = siphash13(&space->key, value->bytes, value->n_bytes);
        } else {
                key.hash = siphash13(&space->key, &key.value.natural, 8);
        }
        *ret_key = key;
        return STORE_OK;
}

/* The hash that the key of an entry had when it was asked for. */
static uint64_t table_hash_of(struct space *space, struct word key)
{
        space->work_units++;
        return word_is_ref(key) ? siphash13(&space->key, gc_bytes(space->mutator, key),
                                            gc_count(space->mutator, key))
                                : siphash13(&space->key, &key.bits, sizeof(key.bits));
}

/* --- splitting and merging ------------------------------------------------------------- */

/* Splits the next bucket in turn. Without memory nothing happens: the load only gets higher. */
static bool table_split(struct space *space, struct table t)
{
        uint64_t n_buckets = table_n_buckets(space, t);
        uint64_t level = table_level(n_buckets);
        uint64_t low = n_buckets - level;
        struct vector buckets = table_buckets(t);
        bool weak = table_is_weak(space, t);
        struct word old, heads[2];
        struct bucket_place p, to[2];
        uint32_t n[2] = {0, 0};

        if (n_buckets == VECTOR_LENGTH_MAX) {
                return false;
        }
        old = vector_get(space, buckets, low);
        for (bool more = bucket_first(space, old, &p); more; more = bucket_next(space, &p)) {
                if (!bucket_is_free(space, &p)) {
                        n[(table_hash_of(space, bucket_key(space, &p)) & level) != 0]++;
                }
        }
        if (bucket_new(space, weak, n[0], &heads[0]) || bucket_new(space, weak, n[1], &heads[1]) ||
            (n[1] > 0 && vector_reserve(space, buckets, n_buckets, 1))) {
                return false;
        }
        bucket_first(space, heads[0], &to[0]);
        bucket_first(space, heads[1], &to[1]);
        for (bool more = bucket_first(space, old, &p); more; more = bucket_next(space, &p)) {
                if (!bucket_is_free(space, &p)) {
                        uint64_t hash = table_hash_of(space, bucket_key(space, &p));

                        bucket_add_copy(space, &to[(hash & level) != 0], &p);
                }
        }
        vector_put(space, buckets, low, heads[0]);
        vector_put(space, buckets, n_buckets, heads[1]);
        vector_prune(space, buckets, low, 1);
        table_set_n_buckets(space, t, n_buckets + 1);
        return true;
}

/* Merges the last bucket into the one it came from. */
static bool table_merge(struct space *space, struct table t)
{
        uint64_t last = table_n_buckets(space, t) - 1;
        uint64_t low = last - table_level(last);
        struct vector buckets = table_buckets(t);
        struct word high_head = vector_get(space, buckets, last);
        struct word low_head = vector_get(space, buckets, low);
        struct word head = low_head;
        struct bucket_place to;
        uint32_t n_places;

        if (word_is_nil(low_head)) {
                if (!word_is_nil(high_head) && vector_reserve(space, buckets, low, 1)) {
                        return false;
                }
                head = high_head;
        } else if (!word_is_nil(high_head)) {
                uint32_t n = bucket_count(space, low_head, &n_places) +
                             bucket_count(space, high_head, &n_places);

                if (n > BUCKET_ENTRIES_MAX ||
                    bucket_new(space, table_is_weak(space, t), n, &head)) {
                        return false;
                }
                bucket_first(space, head, &to);
                bucket_copy(space, low_head, &to);
                bucket_copy(space, high_head, &to);
        }
        vector_put(space, buckets, low, head);
        vector_put(space, buckets, last, word_nil());
        vector_prune(space, buckets, last, 1);
        table_set_n_buckets(space, t, last);
        return true;
}

/* --- entries ------------------------------------------------------------------------- */

static struct word table_head(struct space *space, struct table t, uint64_t hash)
{
        return vector_get(space, table_buckets(t),
                          table_bucket_of(table_n_buckets(space, t), hash));
}

bool table_get(struct space *space, struct table t, const struct table_key *key,
               struct word *ret_value)
{
        struct bucket_place p;

        if (!bucket_find(space, table_head(space, t, key->hash), key->hash, &key->value, &p)) {
                return false;
        }
        *ret_value = bucket_value(space, &p);
        return !word_is_dead(*ret_value);
}

void table_put(struct space *space, struct table t, const struct table_key *key, struct word value)
{
        struct bucket_place p;
        bool found = bucket_find(space, table_head(space, t, key->hash), key->hash, &key->value,
                                 &p);

        hd_assert(found);
        bucket_set_value(space, &p, value);
}

/* A chain like `head` with at least one free place: itself, or a wider copy. */
static int table_make_room(struct space *space, struct table t, uint64_t bucket,
                           struct word *ret_head)
{
        struct vector buckets = table_buckets(t);
        struct word old = vector_get(space, buckets, bucket);
        struct word head;
        struct bucket_place to;
        uint32_t n_places, n = bucket_count(space, old, &n_places);

        if (n < n_places) {
                *ret_head = old;
                return STORE_OK;
        }
        /* With a secret hash, a bucket this long means that splits have failed for want of
         * memory. */
        if (n == BUCKET_ENTRIES_MAX || bucket_new(space, table_is_weak(space, t), n + 1, &head) ||
            vector_reserve(space, buckets, bucket, 1)) {
                return STORE_E_NOMEM;
        }
        bucket_first(space, head, &to);
        bucket_copy(space, old, &to);
        vector_put(space, buckets, bucket, head);
        *ret_head = head;
        return STORE_OK;
}

int table_reserve(struct space *space, struct table t, const struct table_key *key)
{
        uint64_t n_entries = table_n_entries(space, t);
        uint64_t bucket = table_bucket_of(table_n_buckets(space, t), key->hash);
        struct word head = vector_get(space, table_buckets(t), bucket);
        struct word key_word;
        struct bucket_place p;

        if (bucket_find(space, head, key->hash, &key->value, &p)) {
                return STORE_OK;
        }
        if (box_from_value(space, &key->value, &key_word) ||
            table_make_room(space, t, bucket, &head)) {
                return STORE_E_NOMEM;
        }
        bucket_first(space, head, &p);
        bucket_add(space, &p, key_word, word_hole(), key->hash);
        table_set_n_entries(space, t, ++n_entries);
        for (unsigned i = 0; i < 2 && n_entries > table_n_buckets(space, t) * TABLE_LOAD; i++) {
                if (!table_split(space, t)) {
                        break;
                }
        }
        return STORE_OK;
}

/* After a removal: narrower leaves for the bucket, fewer buckets for the table, when that pays.
 * For want of memory things stay as they are, which is correct. */
static void table_shrink(struct space *space, struct table t, uint64_t bucket)
{
        struct vector buckets = table_buckets(t);
        struct word head = vector_get(space, buckets, bucket);
        uint64_t n_entries = table_n_entries(space, t);
        struct word narrow = word_nil();
        struct bucket_place to;
        uint32_t n_places, n = bucket_count(space, head, &n_places);

        if (n == 0) {
                vector_put(space, buckets, bucket, word_nil());
                vector_prune(space, buckets, bucket, 1);
        } else if (n <= n_places / 2 && !bucket_new(space, table_is_weak(space, t), n, &narrow)) {
                bucket_first(space, narrow, &to);
                bucket_copy(space, head, &to);
                vector_put(space, buckets, bucket, narrow);
        }
        if (n_entries == 0) {
                table_set_n_buckets(space, t, 1);
                return;
        }
        for (unsigned i = 0; i < 2 && table_n_buckets(space, t) > 1 &&
                             n_entries * 2 < table_n_buckets(space, t) * TABLE_LOAD;
             i++) {
                if (!table_merge(space, t)) {
                        break;
                }
        }
}

bool table_take(struct space *space, struct table t, const struct table_key *key,
                struct word *ret_value)
{
        struct bucket_place p;
        struct word value;

        if (!bucket_find(space, table_head(space, t, key->hash), key->hash, &key->value, &p)) {
                return false;
        }
        value = bucket_value(space, &p);
        if (word_is_dead(value)) {
                return false; /* and table_purge() will count it out */
        }
        bucket_clear(space, &p);
        table_set_n_entries(space, t, table_n_entries(space, t) - 1);
        table_shrink(space, t, table_bucket_of(table_n_buckets(space, t), key->hash));
        *ret_value = value;
        return true;
}

void table_prune(struct space *space, struct table t, const struct table_key *key)
{
        struct word value;

        if (table_get(space, t, key, &value) && bucket_is_hole(value)) {
                table_take(space, t, key, &value);
        }
}

/* --- walking ------------------------------------------------------------------------- */

static uint64_t table_reverse(uint64_t x)
{
        x = (x >> 1 & UINT64_C(0x5555555555555555)) | (x & UINT64_C(0x5555555555555555)) << 1;
        x = (x >> 2 & UINT64_C(0x3333333333333333)) | (x & UINT64_C(0x3333333333333333)) << 2;
        x = (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
        return __builtin_bswap64(x);
}

/*
 * The place of an entry on the line is its hash with the bits reversed. A bucket is told by the low
 * bits of the hash, so on the line it is an interval; a split halves it, a merge joins two halves.
 */
struct table_interval {
        uint64_t bucket, start;
        uint64_t end; /* 0: of the line */
};

static struct table_interval table_interval(struct space *space, struct table t, uint64_t position)
{
        uint64_t n_buckets = table_n_buckets(space, t);
        uint64_t level = table_level(n_buckets);
        uint64_t bucket = table_bucket_of(n_buckets, table_reverse(position));
        bool narrow = bucket >= level || bucket < n_buckets - level;
        unsigned n_bits = (unsigned)__builtin_ctzll(level) + narrow;
        uint64_t start = n_bits ? table_reverse(bucket) : 0;

        return (struct table_interval){
                .bucket = bucket,
                .start = start,
                .end = n_bits ? start + (UINT64_C(1) << (64 - n_bits)) : 0,
        };
}

static struct word table_look(struct space *space, const struct bucket_place *p,
                              enum table_look look)
{
        return look == TABLE_KEYS   ? word_nil()
               : look == TABLE_PEEK ? bucket_peek(space, p)
                                    : bucket_value(space, p);
}

uint64_t table_visit(struct space *space, struct table t, uint64_t position, enum table_look look,
                     table_visit_fn *visit, void *user)
{
        struct table_interval in = table_interval(space, t, position);
        struct word head = vector_get(space, table_buckets(t), in.bucket);
        struct bucket_place p;

        for (bool more = bucket_first(space, head, &p); more; more = bucket_next(space, &p)) {
                struct word key = bucket_key(space, &p);

                /* The part of the interval before the position was visited before a merge. */
                if (!bucket_is_hole(key) && !bucket_is_dead(space, &p) &&
                    (position == in.start ||
                     table_reverse(table_hash_of(space, key)) >= position)) {
                        visit(user, key, table_look(space, &p, look));
                }
        }
        return in.end;
}

uint64_t table_purge(struct space *space, struct table t, uint64_t position, uint32_t *ret_n)
{
        struct table_interval in = table_interval(space, t, position);
        struct word head = vector_get(space, table_buckets(t), in.bucket);
        struct bucket_place p;
        uint32_t n = 0;

        for (bool more = bucket_first(space, head, &p); more; more = bucket_next(space, &p)) {
                if (!bucket_is_free(space, &p) && bucket_is_dead(space, &p)) {
                        bucket_clear(space, &p);
                        n++;
                }
        }
        if (n > 0) {
                table_set_n_entries(space, t, table_n_entries(space, t) - n);
                table_shrink(space, t, in.bucket);
        }
        *ret_n = n;
        return in.end;
}
