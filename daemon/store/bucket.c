/* SPDX-License-Identifier: MIT */
#include "store/bucket.h"

#include "base/assert.h"
#include "store/box.h"
#include "store/store.h"

/*
 * A leaf's word 0 holds seven bits of the hash of each entry, as the payload of a hole, so that a
 * search looks at few keys; then come pairs of key and value. A free place has a hole for a key. In
 * a leaf of BUCKET_LEAF_PLACES the last pair may be a link: its key a hole with payload
 * BUCKET_LINK, its value the next leaf.
 */

#define BUCKET_LEAF_PLACES 8u
#define BUCKET_LINK        1u

bool bucket_is_hole(struct word key)
{
        return !word_is_ref(key) && word_is_special(key) &&
               word_special_kind(key) == WORD_SPECIAL_HOLE;
}

static struct word bucket_link(void)
{
        return word_special(WORD_SPECIAL_HOLE, BUCKET_LINK);
}

static bool bucket_is_weak(struct space *space, struct word leaf)
{
        return gc_descriptor(space->mutator, leaf) == space->weak_descriptors[KIND_BUCKET];
}

static struct word bucket_dead(void)
{
        return word_special(WORD_SPECIAL_DEAD, 0);
}

struct word bucket_key(struct space *space, const struct bucket_place *p)
{
        space->work_units++;
        return space_load(space, p->leaf, 1 + 2 * p->at);
}

struct word bucket_value(struct space *space, const struct bucket_place *p)
{
        struct word w = space_load(space, p->leaf, 2 + 2 * p->at);

        if (word_is_weak(w)) {
                w = gc_weak_load(space->mutator, p->leaf, 2 + 2 * p->at);
                return word_is_nil(w) ? bucket_dead() : w;
        }
        return w;
}

struct word bucket_peek(struct space *space, const struct bucket_place *p)
{
        struct word w = gc_weak_peek(space->mutator, p->leaf, 2 + 2 * p->at);

        return word_is_nil(w) ? bucket_dead() : w;
}

bool bucket_is_dead(struct space *space, const struct bucket_place *p)
{
        return gc_weak_is_dead(space->mutator, p->leaf, 2 + 2 * p->at, space->committed);
}

/* The value's word as it is, to be stored in another bucket. */
static struct word bucket_value_word(struct space *space, const struct bucket_place *p)
{
        struct word w = space_load(space, p->leaf, 2 + 2 * p->at);

        return word_is_weak(w) ? gc_weak_copy(space->mutator, p->leaf, 2 + 2 * p->at) : w;
}

static uint64_t bucket_prints(struct space *space, struct word leaf)
{
        return word_special_payload(space_load(space, leaf, 0));
}

static unsigned bucket_print(uint64_t hash)
{
        return (unsigned)(hash >> 57);
}

static void bucket_put(struct space *space, const struct bucket_place *p, struct word key,
                       struct word value, unsigned print)
{
        uint64_t prints = bucket_prints(space, p->leaf);

        prints = (prints & ~(UINT64_C(127) << (7 * p->at))) | (uint64_t)print << (7 * p->at);
        space_store(space, p->leaf, 0, word_special(WORD_SPECIAL_HOLE, prints));
        space_store(space, p->leaf, 1 + 2 * p->at, key);
        space_store(space, p->leaf, 2 + 2 * p->at, value);
}

static void bucket_enter(struct space *space, struct bucket_place *p, struct word leaf)
{
        uint32_t n_places = (gc_count(space->mutator, leaf) - 1) / 2;

        *p = (struct bucket_place){.leaf = leaf, .n_places = n_places};
        if (n_places == BUCKET_LEAF_PLACES &&
            word_same(space_load(space, leaf, 2 * BUCKET_LEAF_PLACES - 1), bucket_link())) {
                p->n_places--;
        }
}

/* The first place of a bucket; false if there is none. */
bool bucket_first(struct space *space, struct word head, struct bucket_place *ret_place)
{
        if (word_is_nil(head)) {
                return false;
        }
        bucket_enter(space, ret_place, head);
        return true;
}

/* The next place; goes over links. */
bool bucket_next(struct space *space, struct bucket_place *p)
{
        uint32_t n_all = (gc_count(space->mutator, p->leaf) - 1) / 2;

        if (++p->at < p->n_places) {
                return true;
        }
        if (p->n_places == n_all) {
                return false;
        }
        bucket_enter(space, p, space_load(space, p->leaf, 2 * BUCKET_LEAF_PLACES));
        return true;
}

bool bucket_is_free(struct space *space, const struct bucket_place *p)
{
        return bucket_is_hole(bucket_key(space, p));
}

/* 16 bytes an entry, and 16 for header and prints: every width fills its size class. */
static uint32_t bucket_width_for(uint32_t n)
{
        return n <= 4 ? n : n <= 6 ? 6 : BUCKET_LEAF_PLACES;
}

static struct word bucket_leaf_new(struct space *space, bool weak, uint32_t n_places)
{
        struct word leaf = weak ? space_alloc_weak(space, KIND_BUCKET, 1 + 2 * n_places)
                                : space_alloc(space, KIND_BUCKET, 1 + 2 * n_places);

        if (word_is_nil(leaf)) {
                return leaf;
        }
        space_store(space, leaf, 0, word_special(WORD_SPECIAL_HOLE, 0));
        for (uint32_t i = 0; i < n_places; i++) {
                space_store(space, leaf, 1 + 2 * i, word_hole());
        }
        return leaf;
}

/* A chain with free places for n entries; nil for none. */
int bucket_new(struct space *space, bool weak, uint32_t n, struct word *ret_head)
{
        struct word next = word_nil();
        uint32_t n_full = n <= BUCKET_LEAF_PLACES ? 0 : (n - 2) / (BUCKET_LEAF_PLACES - 1);
        uint32_t n_rest = n - n_full * (BUCKET_LEAF_PLACES - 1);

        /* From the end: the last leaf is as wide as it needs to be, those before it have links. */
        if (n > 0) {
                next = bucket_leaf_new(space, weak, bucket_width_for(n_rest));
                if (word_is_nil(next)) {
                        return STORE_E_NOMEM;
                }
        }
        for (; n_full > 0; n_full--) {
                struct word leaf = bucket_leaf_new(space, weak, BUCKET_LEAF_PLACES);

                if (word_is_nil(leaf)) {
                        return STORE_E_NOMEM;
                }
                space_store(space, leaf, 2 * BUCKET_LEAF_PLACES - 1, bucket_link());
                space_store(space, leaf, 2 * BUCKET_LEAF_PLACES, next);
                next = leaf;
        }
        *ret_head = next;
        return STORE_OK;
}

uint32_t bucket_count(struct space *space, struct word head, uint32_t *ret_places)
{
        struct bucket_place p;
        uint32_t n = 0, n_places = 0;

        for (bool more = bucket_first(space, head, &p); more; more = bucket_next(space, &p)) {
                n += !bucket_is_free(space, &p);
                n_places++;
        }
        *ret_places = n_places;
        return n;
}

/* Writes the entry at the first free place from *p on, and moves *p there; there is one. */
static void bucket_add_print(struct space *space, struct bucket_place *p, struct word key,
                             struct word value, unsigned print)
{
        while (!bucket_is_free(space, p)) {
                bool more = bucket_next(space, p);

                hd_assert(more);
        }
        bucket_put(space, p, key, value, print);
}

void bucket_add_copy(struct space *space, struct bucket_place *to, const struct bucket_place *from)
{
        bucket_add_print(space, to, bucket_key(space, from), bucket_value_word(space, from),
                         bucket_prints(space, from->leaf) >> (7 * from->at) & 127);
}

void bucket_copy(struct space *space, struct word from, struct bucket_place *to)
{
        struct bucket_place p;

        for (bool more = bucket_first(space, from, &p); more; more = bucket_next(space, &p)) {
                if (!bucket_is_free(space, &p)) {
                        bucket_add_copy(space, to, &p);
                }
        }
}

bool bucket_find(struct space *space, struct word head, uint64_t hash, const struct value *key,
                 struct bucket_place *p)
{
        unsigned print = bucket_print(hash);

        for (bool more = bucket_first(space, head, p); more; more = bucket_next(space, p)) {
                if ((bucket_prints(space, p->leaf) >> (7 * p->at) & 127) == print &&
                    box_equals(space, bucket_key(space, p), key)) {
                        return true;
                }
        }
        return false;
}

void bucket_add(struct space *space, struct bucket_place *p, struct word key, struct word value,
                uint64_t hash)
{
        bucket_add_print(space, p, key, value, bucket_print(hash));
}

void bucket_set_value(struct space *space, const struct bucket_place *p, struct word value)
{
        if (word_is_ref(value) && bucket_is_weak(space, p->leaf)) {
                value = gc_weak_make(space->mutator, value);
        }
        space_store(space, p->leaf, 2 + 2 * p->at, value);
}

void bucket_clear(struct space *space, const struct bucket_place *p)
{
        bucket_put(space, p, word_hole(), word_nil(), 0);
}
