/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Shadow: what the store ought to contain, as a graph in plain C: things, and the actors (sessions)
 * and names that grip them. It knows nothing of words, nodes or buckets, and finds what is
 * reachable by its own walk.
 *
 * Cells of weak maps, and the first of a weak reference, do not make their thing reachable. What is
 * not reachable may be dead or not, as long as no cycle has come by: settle() asks the store which,
 * and the shadow says whether that may be: a reachable thing is never dead, and a dead one never
 * comes back.
 *
 * Bytes of values are slices of constant buffers, so nobody owns them.
 */

#include <stdlib.h>

#include "gc/internals.h"
#include "support/store_world.h"

/* A value somewhere in the graph: a reference to a thing, or plain. */
struct cell {
        struct thing *thing; /* NULL: plain */
        struct value value;
        bool gone; /* held weakly, and found dead; an entry stays until it is purged */
};

struct thing {
        enum kind kind;
        bool weak;       /* a weak map, or a weak reference: [thing, token] */
        bool dead;       /* a weak holder of it was told so */
        uint64_t serial; /* of a weak map: its number in the store's list */
        uint64_t version;
        uint32_t n, n_room;
        struct cell *cells;   /* record, array, map, weak */
        struct value *keys;   /* map */
        const uint8_t *bytes; /* blob: n of them */
        struct thing *next;   /* all things */
        uint64_t offset;      /* in the heap, as far as it was met in this walk */
        bool reachable;
};

struct grip {
        uint32_t number;
        uint32_t cause;
        struct thing *thing; /* NULL: broken */
};

struct actor {
        struct session *session;
        struct grip *grips;
        uint32_t n, n_room;
};

struct naming {
        struct value name;
        struct thing *thing;
};

#define SHADOW_ACTORS 6u
#define SHADOW_NAMES  512u

struct shadow {
        struct thing *things;
        struct actor actors[SHADOW_ACTORS];
        struct naming names[SHADOW_NAMES];
        uint32_t n_names;
        struct thing **stack;
        size_t n_stack, n_stack_room;
        uint64_t n_gone; /* weak cells whose thing was found dead */
};

static inline void *shadow_resize(void *p, size_t n, size_t size)
{
        p = reallocarray(p, n ? n : 1, size);
        WORLD_ASSERT(p);
        return p;
}

/* --- things -------------------------------------------------------------------------- */

static inline struct thing *thing_new(struct shadow *shadow, enum kind kind)
{
        struct thing *thing = shadow_resize(NULL, 1, sizeof(*thing));

        *thing = (struct thing){.kind = kind, .next = shadow->things};
        shadow->things = thing;
        return thing;
}

static inline void thing_free(struct thing *thing)
{
        free(thing->cells);
        free(thing->keys);
        free(thing);
}

static inline void thing_reserve(struct thing *thing, uint32_t n)
{
        if (n > thing->n_room) {
                thing->n_room = n * 2;
                thing->cells = shadow_resize(thing->cells, thing->n_room, sizeof(*thing->cells));
                if (thing->kind == KIND_MAP) {
                        thing->keys = shadow_resize(thing->keys, thing->n_room,
                                                    sizeof(*thing->keys));
                }
        }
}

/* Replaces n_delete cells from `at` by n others. */
static inline void thing_splice(struct thing *thing, uint32_t at, uint32_t n_delete,
                                const struct cell *cells, uint32_t n)
{
        uint32_t n_behind = thing->n - at - n_delete;

        thing_reserve(thing, thing->n - n_delete + n);
        if (n_behind > 0) {
                memmove(&thing->cells[at + n], &thing->cells[at + n_delete],
                        n_behind * sizeof(*cells));
        }
        if (n > 0) {
                memcpy(&thing->cells[at], cells, n * sizeof(*cells));
        }
        thing->n = thing->n - n_delete + n;
}

static inline void thing_fill_nil(struct thing *thing, uint32_t n)
{
        thing_reserve(thing, n);
        for (thing->n = 0; thing->n < n; thing->n++) {
                thing->cells[thing->n] = (struct cell){.value = value_nil()};
        }
}

/* How many of the cells are there for a reader. */
static inline uint32_t thing_n_there(const struct thing *thing)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < thing->n; i++) {
                n += !thing->cells || !thing->cells[i].gone;
        }
        return n;
}

/* The index of a key of a map, gone or not; n if it is not there. */
static inline uint32_t thing_find(const struct thing *map, const struct value *key)
{
        uint32_t i = 0;

        while (i < map->n && !value_same(&map->keys[i], key)) {
                i++;
        }
        return i;
}

static inline void thing_put(struct thing *map, const struct value *key, struct cell cell)
{
        uint32_t i = thing_find(map, key);

        if (i == map->n) {
                thing_reserve(map, map->n + 1);
                map->keys[map->n++] = *key;
        }
        map->cells[i] = cell;
}

static inline bool thing_remove(struct thing *map, const struct value *key, struct cell *ret_cell)
{
        uint32_t i = thing_find(map, key);

        if (i == map->n || map->cells[i].gone) {
                *ret_cell = (struct cell){.value = value_nil()};
                return false;
        }
        *ret_cell = map->cells[i];
        map->n--;
        map->cells[i] = map->cells[map->n];
        map->keys[i] = map->keys[map->n];
        return true;
}

/* --- grips and names ----------------------------------------------------------------- */

static inline struct grip *actor_find(struct actor *actor, uint32_t number)
{
        for (uint32_t i = 0; i < actor->n; i++) {
                if (actor->grips[i].number == number) {
                        return &actor->grips[i];
                }
        }
        return NULL;
}

static inline void actor_bind(struct actor *actor, uint32_t number, struct thing *thing,
                              uint32_t cause)
{
        struct grip *grip = actor_find(actor, number);

        if (!grip) {
                if (actor->n == actor->n_room) {
                        actor->n_room = actor->n_room * 2 + 16;
                        actor->grips = shadow_resize(actor->grips, actor->n_room, sizeof(*grip));
                }
                grip = &actor->grips[actor->n++];
        }
        *grip = (struct grip){.number = number, .thing = thing, .cause = cause};
}

static inline void actor_drop(struct actor *actor, struct grip *grip)
{
        *grip = actor->grips[--actor->n];
}

static inline struct naming *shadow_name(struct shadow *shadow, const struct value *name)
{
        for (uint32_t i = 0; i < shadow->n_names; i++) {
                if (value_same(&shadow->names[i].name, name)) {
                        return &shadow->names[i];
                }
        }
        return NULL;
}

static inline void shadow_set_name(struct shadow *shadow, const struct value *name,
                                   struct thing *thing)
{
        struct naming *naming = shadow_name(shadow, name);

        if (!naming) {
                WORLD_ASSERT(shadow->n_names < SHADOW_NAMES);
                naming = &shadow->names[shadow->n_names++];
                naming->name = *name;
        }
        naming->thing = thing;
}

/* --- reachability -------------------------------------------------------------------- */

static inline void shadow_push(struct shadow *shadow, struct thing *thing)
{
        if (!thing || thing->reachable) {
                return;
        }
        thing->reachable = true;
        if (shadow->n_stack == shadow->n_stack_room) {
                shadow->n_stack_room = shadow->n_stack_room * 2 + 64;
                shadow->stack = shadow_resize(shadow->stack, shadow->n_stack_room,
                                              sizeof(*shadow->stack));
        }
        shadow->stack[shadow->n_stack++] = thing;
}

/* Finds out what is reachable. */
static inline void shadow_mark(struct shadow *shadow)
{
        for (struct thing *thing = shadow->things; thing; thing = thing->next) {
                thing->reachable = false;
                thing->offset = 0;
        }
        for (uint32_t i = 0; i < shadow->n_names; i++) {
                shadow_push(shadow, shadow->names[i].thing);
        }
        for (uint32_t a = 0; a < SHADOW_ACTORS; a++) {
                for (uint32_t i = 0; i < shadow->actors[a].n; i++) {
                        shadow_push(shadow, shadow->actors[a].grips[i].thing);
                }
        }
        while (shadow->n_stack > 0) {
                struct thing *thing = shadow->stack[--shadow->n_stack];

                WORLD_ASSERT(!thing->dead);
                for (uint32_t i = 0; thing->cells && !thing->weak && i < thing->n; i++) {
                        shadow_push(shadow, thing->cells[i].thing);
                }
        }
}

/* Forgets every thing that nobody can reach. */
static inline void shadow_collect(struct shadow *shadow)
{
        shadow_mark(shadow);
        for (struct thing *thing = shadow->things; thing; thing = thing->next) {
                for (uint32_t i = 0; thing->reachable && thing->weak && i < thing->n; i++) {
                        struct cell *cell = &thing->cells[i];

                        if (cell->thing && !cell->thing->reachable) {
                                *cell = (struct cell){.value = value_nil(), .gone = true};
                        }
                }
        }
        for (struct thing **at = &shadow->things; *at;) {
                struct thing *thing = *at;

                if (thing->reachable) {
                        at = &thing->next;
                } else {
                        *at = thing->next;
                        thing_free(thing);
                }
        }
}

static inline void shadow_deinit(struct shadow *shadow)
{
        for (uint32_t a = 0; a < SHADOW_ACTORS; a++) {
                free(shadow->actors[a].grips);
                shadow->actors[a] = (struct actor){0};
        }
        shadow->n_names = 0;
        shadow_collect(shadow);
        free(shadow->stack);
}
