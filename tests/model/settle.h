/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Settle: what the store has lost of what it holds weakly, entered into the shadow, which knows
 * what it must not have lost. After that an answer of the same request can be told exactly.
 */

#include "model/shadow.h"
#include "store/bucket.h"

/*
 * Whether the word's object is dead, in a way that holds to the end of the request: when the end of
 * marking has been proposed, only a load can tell.
 */
static inline bool settle_is_dead(struct mutator *mutator, struct word object, uint32_t slot)
{
        uint32_t term = atomic_load(&mutator->gc->term);

        return term == GC_TERM_PROPOSED
                       ? word_is_nil(gc_weak_load(mutator, object, slot))
                       : gc_weak_is_dead(mutator, object, slot, term == GC_TERM_COMMITTED);
}

static inline void settle_cell(struct shadow *shadow, struct cell *cell, bool dead, bool *marked)
{
        WORLD_ASSERT(dead || (!cell->gone && !cell->thing->dead));
        if (dead && !cell->gone) {
                if (!*marked) {
                        shadow_mark(shadow);
                        *marked = true;
                }
                WORLD_ASSERT(!cell->thing->reachable);
                cell->thing->dead = true;
                cell->gone = true;
                shadow->n_gone++;
        }
}

/* The place of an entry that is counted, dead or not. */
static inline bool settle_place(struct space *space, struct word map, const struct value *key,
                                struct bucket_place *ret_place)
{
        struct table_key wanted;
        struct vector buckets = {.host = map, .slot = MAP_TABLE + 2};
        uint64_t n_buckets = space_load_count(space, map, MAP_TABLE + 1), level = 1, i;

        WORLD_ASSERT(table_key(space, key, &wanted) == STORE_OK);
        while (level * 2 <= n_buckets) {
                level *= 2;
        }
        i = wanted.hash & (2 * level - 1);
        i = i < n_buckets ? i : wanted.hash & (level - 1);
        return bucket_find(space, vector_get(space, buckets, i), wanted.hash, &wanted.value,
                           ret_place);
}

static inline void settle(struct world *world, struct shadow *shadow, struct thing *thing,
                          struct word w)
{
        struct space *space = &world->store->space;
        struct bucket_place p;
        bool marked = false;

        if (!thing->weak) {
                return;
        }
        if (thing->kind == KIND_WEAK) {
                settle_cell(shadow, &thing->cells[0],
                            settle_is_dead(world->mutator, w, WEAK_TARGET), &marked);
                return;
        }
        for (uint32_t i = 0; i < thing->n; i++) {
                WORLD_ASSERT(settle_place(space, w, &thing->keys[i], &p));
                settle_cell(shadow, &thing->cells[i],
                            settle_is_dead(world->mutator, p.leaf, 2 + 2 * p.at), &marked);
        }
}

/* The weak map with that number, if there is one, without keeping it alive. */
static inline bool settle_find_map(struct world *world, uint64_t serial, struct word *ret_map)
{
        struct value key = value_int((int64_t)serial);
        struct word list = gc_root_load(world->mutator, world->store->weak_maps);
        struct bucket_place p;
        struct word weak;

        if (word_is_nil(list) || !settle_place(&world->store->space, list, &key, &p) ||
            settle_is_dead(world->mutator, p.leaf, 2 + 2 * p.at)) {
                return false;
        }
        weak = gc_load(world->mutator, p.leaf, 2 + 2 * p.at);
        *ret_map = gc_stamp_word(world->mutator, word_special_payload(weak) | WORD_REF_BIT);
        return true;
}

/* What was counted out has been gone before, and the version says that it was. */
static inline void settle_purged(struct world *world, struct thing *thing, struct word w)
{
        struct bucket_place p;
        uint32_t n_before = thing->n;

        for (uint32_t i = 0; i < thing->n;) {
                if (settle_place(&world->store->space, w, &thing->keys[i], &p)) {
                        i++;
                        continue;
                }
                WORLD_ASSERT(thing->cells[i].gone);
                thing->n--;
                thing->cells[i] = thing->cells[thing->n];
                thing->keys[i] = thing->keys[thing->n];
        }
        thing->version += thing->n < n_before;
}

/* One call of store_purge(), with what it does to any weak map. */
static inline bool settle_purge(struct world *world, struct shadow *shadow)
{
        bool more = false;

        for (unsigned after = 0; after < 2; after++) {
                if (after) {
                        more = store_purge(world->store);
                }
                for (struct thing *thing = shadow->things; thing; thing = thing->next) {
                        struct word w;

                        if (!thing->serial || !settle_find_map(world, thing->serial, &w)) {
                                continue;
                        }
                        if (after) {
                                settle_purged(world, thing, w);
                        } else {
                                settle(world, shadow, thing, w);
                        }
                }
        }
        return more;
}
