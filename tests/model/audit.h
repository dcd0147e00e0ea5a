/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Audit: after a collection, is the heap exactly what the shadow says?
 *
 *   1. Every object that heap_walk() finds is reached by a plain walk from the root cells, and the
 *      other way round: what the collector left is what is reachable, no more and no less.
 *   2. The shadow's reachable things are the objects that clients can name, one to one, and equal
 * in content.
 *   3. Every part is accounted for (STORE-5, STORE-7): boxes by what the things' values need, nodes
 * of arrays and handle tables by where something is; buckets hold entries.
 */

#include "model/shadow.h"
#include "store/box.h"

/* Offsets met, open addressing; the walk's queue at the same time. */
struct offsets {
        uint64_t *table;
        size_t n, n_table; /* a power of two */
        struct {
                uint64_t offset;
                enum kind owner; /* of nodes: what they are part of */
        } * queue;
        size_t n_queue_room;
};

struct audit {
        struct world *world;
        struct shadow *shadow;
        struct offsets met;
        struct census census; /* by heap_walk() */
        struct census walked; /* by the walk from the roots */
        uint64_t n_nodes_of[_KIND_N];
        struct census expected; /* boxes, as the shadow has them */
        uint64_t n_nodes_expected, n_entries, n_weak_maps;
};

static inline bool offsets_add(struct offsets *offsets, uint64_t offset, enum kind owner)
{
        size_t i;

        if (offsets->n * 2 >= offsets->n_table) {
                struct offsets bigger = {.n_table = offsets->n_table ? offsets->n_table * 2 : 1024};

                bigger.table = calloc(bigger.n_table, sizeof(*bigger.table));
                bigger.queue = calloc(bigger.n_table, sizeof(*bigger.queue));
                WORLD_ASSERT(bigger.table && bigger.queue);
                for (size_t k = 0; k < offsets->n; k++) {
                        offsets_add(&bigger, offsets->queue[k].offset, offsets->queue[k].owner);
                }
                free(offsets->table);
                free(offsets->queue);
                *offsets = bigger;
        }
        i = (size_t)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (offsets->n_table - 1);
        while (offsets->table[i] && offsets->table[i] != offset) {
                i = (i + 1) & (offsets->n_table - 1);
        }
        if (offsets->table[i] == offset) {
                return false;
        }
        offsets->table[i] = offset;
        offsets->queue[offsets->n].offset = offset;
        offsets->queue[offsets->n++].owner = owner;
        return true;
}

static inline bool offsets_have(const struct offsets *offsets, uint64_t offset)
{
        size_t i = (size_t)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (offsets->n_table - 1);

        while (offsets->table[i] && offsets->table[i] != offset) {
                i = (i + 1) & (offsets->n_table - 1);
        }
        return offsets->table[i] == offset;
}

/* --- 1: the heap against a walk ------------------------------------------------------ */

static inline void audit_meet(struct audit *audit, struct word w, enum kind owner)
{
        if (word_is_ref(w)) {
                offsets_add(&audit->met, w.bits - WORD_REF_BIT, owner);
        }
}

static inline void audit_walk(struct audit *audit)
{
        struct store *store = audit->world->store;
        struct mutator *mutator = audit->world->mutator;

        audit_meet(audit, gc_root_load(mutator, store->names), KIND_NONE);
        audit_meet(audit, gc_root_load(mutator, store->weak_maps), KIND_NONE);
        list_for_each (node, &store->sessions) {
                struct session *session = list_entry(node, struct session, in_store);

                audit_meet(audit, gc_root_load(mutator, session->handles), KIND_NONE);
        }
        for (size_t i = 0; i < audit->met.n; i++) {
                uint64_t offset = audit->met.queue[i].offset;
                enum kind owner = audit->met.queue[i].owner;
                struct word w = gc_stamp_word(mutator, offset | WORD_REF_BIT);
                enum kind kind = space_kind(&store->space, w);
                uint64_t header = gc_header(mutator, w);
                bool noscan = kind_is_noscan(kind);

                census_add(&audit->walked, offset, header, 0, noscan);
                if (kind == KIND_NODE) {
                        audit->n_nodes_of[owner]++;
                } else {
                        owner = kind;
                }
                for (uint32_t slot = 0; !noscan && slot < object_header_count(header); slot++) {
                        audit_meet(audit, gc_load(mutator, w, slot), owner);
                }
        }
}

static inline bool audit_found(void *user, uint64_t offset, uint64_t header, uint64_t size_bytes,
                               bool noscan)
{
        struct audit *audit = user;

        WORLD_ASSERT(offsets_have(&audit->met, offset));
        return census_add(&audit->census, offset, header, size_bytes, noscan);
}

/* --- 2: the shadow against the store ------------------------------------------------- */

static inline void audit_thing(struct audit *audit, struct thing *thing, struct word w)
{
        struct shadow *shadow = audit->shadow;

        WORLD_ASSERT(word_is_ref(w));
        if (thing->offset == 0) {
                thing->offset = w.bits;
                shadow_push(shadow, thing);
        }
        WORLD_ASSERT(thing->offset == w.bits);
}

static inline void audit_box(struct audit *audit, const struct value *value)
{
        static const enum kind kinds[_VALUE_N] = {
                [VALUE_INT] = KIND_INT,   [VALUE_UINT] = KIND_UINT, [VALUE_FLOAT] = KIND_FLOAT,
                [VALUE_STR] = KIND_STR,   [VALUE_BIN] = KIND_BIN,   [VALUE_DOC] = KIND_DOC,
                [VALUE_TIME] = KIND_TIME,
        };
        struct word w;

        if (!box_try_word(value, &w)) {
                enum kind kind = kinds[value->type];

                audit->expected.n[kind]++;
                audit->expected.n_bytes[kind] += 8u + (value_has_bytes(value) ? value->n_bytes
                                                       : kind == KIND_TIME    ? 12u
                                                                              : 8u);
        }
}

static inline void audit_cell(struct audit *audit, const struct cell *cell, struct word w)
{
        struct space *space = &audit->world->store->space;
        uint8_t room[WORD_TEXT_BYTES_MAX];
        struct value value;

        if (cell->thing) {
                audit_thing(audit, cell->thing, w);
                return;
        }
        WORLD_ASSERT(!space_is_object(space, w));
        box_to_value(space, w, room, &value);
        WORLD_ASSERT(value_same(&value, &cell->value));
        audit_box(audit, &value);
}

/* Nodes that a row needs which has something at `places`, ascending. */
static inline uint64_t audit_nodes(const uint64_t *places, uint32_t n)
{
        uint64_t n_nodes = 0, reach = VECTOR_FANOUT;

        if (n == 0) {
                return 0;
        }
        for (;; reach *= VECTOR_FANOUT) {
                for (uint32_t i = 0; i < n; i++) {
                        n_nodes += i == 0 || places[i] / reach != places[i - 1] / reach;
                }
                if (places[n - 1] < reach) {
                        return n_nodes;
                }
        }
}

static inline void audit_row(struct audit *audit, struct thing *thing, struct word w)
{
        struct space *space = &audit->world->store->space;
        uint64_t *places = shadow_resize(NULL, thing->n, sizeof(*places));
        uint32_t n = 0;

        for (uint32_t i = 0; i < thing->n; i++) {
                struct word element = thing->kind == KIND_RECORD
                                              ? space_load(space, w, RECORD_SLOT_0 + i)
                                              : vector_get(space, array_vector(w), i);

                audit_cell(audit, &thing->cells[i], element);
                if (!word_is_nil(element)) {
                        places[n++] = i;
                }
        }
        if (thing->kind == KIND_ARRAY) {
                audit->n_nodes_expected += audit_nodes(places, n);
        }
        free(places);
}

static inline void audit_map(struct audit *audit, struct thing *thing, struct word w)
{
        struct space *space = &audit->world->store->space;

        for (uint32_t i = 0; i < thing->n; i++) {
                struct table_key key;
                struct word value;

                WORLD_ASSERT(table_key(space, &thing->keys[i], &key) == STORE_OK);
                WORLD_ASSERT(table_get(space, map_table(w), &key, &value));
                audit_box(audit, &thing->keys[i]);
                audit_cell(audit, &thing->cells[i], value);
        }
        audit->n_entries += thing->n;
}

/* Nothing that a cycle has had the time to find is held still. */
static inline void audit_weak(struct audit *audit, struct thing *thing, struct word w)
{
        struct mutator *mutator = audit->world->mutator;
        struct word object = gc_weak_load(mutator, w, WEAK_TARGET);

        WORLD_ASSERT(word_is_nil(object) == thing->cells[0].gone);
        if (!thing->cells[0].gone) {
                audit_thing(audit, thing->cells[0].thing, object);
        }
        audit_cell(audit, &thing->cells[1], gc_load(mutator, w, WEAK_TOKEN));
}

static inline void audit_content(struct audit *audit, struct thing *thing)
{
        struct space *space = &audit->world->store->space;
        struct word w = gc_stamp_word(space->mutator, thing->offset);

        WORLD_ASSERT(space_kind(space, w) == thing->kind);
        WORLD_ASSERT(thing->kind == KIND_WEAK || obj_length(space, w) == thing->n);
        WORLD_ASSERT(obj_version(space, w) == thing->version);
        if (thing->kind == KIND_BLOB) {
                WORLD_ASSERT(memcmp(gc_bytes(space->mutator, w), thing->bytes, thing->n) == 0);
        } else if (thing->kind == KIND_WEAK) {
                audit_weak(audit, thing, w);
        } else if (thing->kind == KIND_MAP) {
                WORLD_ASSERT(map_is_weak(space, w) == thing->weak);
                WORLD_ASSERT(thing_n_there(thing) == thing->n);
                audit->n_weak_maps += thing->weak;
                audit_map(audit, thing, w);
        } else {
                audit_row(audit, thing, w);
        }
}

static inline int audit_compare_places(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* Chosen numbers and picked ones are rows of their own. */
static inline void audit_grips(struct audit *audit, struct actor *actor)
{
        uint64_t *places = shadow_resize(NULL, actor->n, sizeof(*places));
        struct word w;

        WORLD_ASSERT(actor->session->n_handles == actor->n);
        for (uint32_t i = 0; i < actor->n; i++) {
                struct grip *grip = &actor->grips[i];
                int r = handle_resolve(actor->session, target_handle(grip->number), &w);

                WORLD_ASSERT(r == (grip->thing ? STORE_OK : STORE_E_BROKEN));
                if (grip->thing) {
                        audit_thing(audit, grip->thing, w);
                }
        }
        for (uint32_t picked = 0; picked <= HANDLE_PICKED; picked += HANDLE_PICKED) {
                uint32_t n = 0;

                for (uint32_t i = 0; i < actor->n; i++) {
                        if ((actor->grips[i].number & HANDLE_PICKED) == picked) {
                                places[n++] = actor->grips[i].number & ~HANDLE_PICKED;
                        }
                }
                qsort(places, n, sizeof(*places), audit_compare_places);
                audit->n_nodes_expected += audit_nodes(places, n);
                if (picked) {
                        break;
                }
        }
        audit->expected.n[KIND_HANDLES] += actor->n > 0;
        free(places);
}

static inline void audit_names(struct audit *audit)
{
        struct store *store = audit->world->store;
        struct shadow *shadow = audit->shadow;
        struct table_key key;
        struct word w;

        WORLD_ASSERT(table_n_entries(&store->space, map_table(name_map(store))) == shadow->n_names);
        for (uint32_t i = 0; i < shadow->n_names; i++) {
                struct naming *naming = &shadow->names[i];

                WORLD_ASSERT(name_key(store, naming->name.bytes, naming->name.n_bytes, &key) ==
                             STORE_OK);
                WORLD_ASSERT(table_get(&store->space, map_table(name_map(store)), &key, &w));
                audit_thing(audit, naming->thing, w);
                audit_box(audit, &naming->name);
        }
        audit->n_entries += shadow->n_names;
}

/* The list of weak maps has just those that there are. */
static inline void audit_weak_maps(struct audit *audit)
{
        struct store *store = audit->world->store;
        struct word list = gc_root_load(audit->world->mutator, store->weak_maps);
        uint64_t n = word_is_nil(list) ? 0 : table_n_entries(&store->space, map_table(list));

        WORLD_ASSERT(n == audit->n_weak_maps && (n > 0 || word_is_nil(list)));
        audit->expected.n[KIND_MAP] += n > 0;
        audit->n_entries += n;
}

/* --- all of it ----------------------------------------------------------------------- */

static inline void audit_shadow(struct audit *audit)
{
        struct shadow *shadow = audit->shadow;
        struct census *expected = &audit->expected;

        shadow_collect(shadow);
        for (struct thing *thing = shadow->things; thing; thing = thing->next) {
                thing->reachable = false; /* now: met by the walk below */
                expected->n[thing->kind]++;
        }
        audit_names(audit);
        for (uint32_t a = 0; a < SHADOW_ACTORS; a++) {
                audit_grips(audit, &shadow->actors[a]);
        }
        while (shadow->n_stack > 0) {
                audit_content(audit, shadow->stack[--shadow->n_stack]);
        }
        expected->n[KIND_MAP]++; /* the names */
        audit_weak_maps(audit);
}

/* Right after world_collect(), which found `census`. Aborts where something differs. */
static inline void audit_run(struct world *world, struct shadow *shadow)
{
        struct audit audit = {
                .world = world,
                .shadow = shadow,
                .census = {.heap = world->heap},
                .walked = {.heap = world->heap},
        };
        char text[256];

        WORLD_ASSERT(heap_verify(world->heap, text, sizeof(text)));
        audit_walk(&audit);
        heap_walk(world->heap, audit_found, &audit);
        audit_shadow(&audit);
        for (unsigned kind = KIND_NONE + 1; kind < _KIND_N; kind++) {
                WORLD_ASSERT(audit.census.n[kind] == audit.walked.n[kind]);
                WORLD_ASSERT(audit.census.n_bytes[kind] == audit.walked.n_bytes[kind]);
                if (kind != KIND_NODE && kind != KIND_BUCKET) {
                        WORLD_ASSERT(audit.census.n[kind] == audit.expected.n[kind]);
                }
                if (kind >= KIND_STR) {
                        WORLD_ASSERT(audit.census.n_bytes[kind] == audit.expected.n_bytes[kind]);
                }
        }
        WORLD_ASSERT(audit.n_nodes_of[KIND_ARRAY] + audit.n_nodes_of[KIND_HANDLES] ==
                     audit.n_nodes_expected);
        WORLD_ASSERT(audit.census.n[KIND_BUCKET] <= audit.n_entries);
        free(audit.met.table);
        free(audit.met.queue);
}
