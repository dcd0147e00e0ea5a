/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Store world: a heap, a collector that runs only when asked, and a store, for tests of the store;
 * and sources and sinks that are plain rows of values.
 *
 * The world is inside a request from world_init() to world_deinit(), except during world_collect().
 */

#include <stdio.h>
#include <stdlib.h>

#include "gc/gc.h"
#include "heap/descriptor.h"
#include "store/array.h"
#include "store/blob.h"
#include "store/handle.h"
#include "store/internals.h"
#include "store/map.h"
#include "store/name.h"
#include "store/obj.h"
#include "store/store.h"
#include "store/weak.h"

#define WORLD_ASSERT(cond)                                                                \
        do {                                                                              \
                if (!(cond)) {                                                            \
                        fprintf(stderr, "%s:%d: world: %s\n", __FILE__, __LINE__, #cond); \
                        abort();                                                          \
                }                                                                         \
        } while (0)

struct world {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        gc_point_fn *point; /* given to the collector, may be NULL */
        void *point_user;
        bool rages; /* for tests that audit: they ask for cycle after cycle, except then */
};

/* Objects in the heap, by kind, as heap_walk() finds them. */
struct census {
        const struct heap *heap;
        uint64_t n[_KIND_N];
        uint64_t n_bytes[_KIND_N];
};

/* The key of the hash tables is fixed, so that a test is the same every time. */
static inline void world_init(struct world *world, const struct store_config *config)
{
        struct heap_config heap_config = {.reserve_bytes = HEAP_RESERVE_MIN * 4};
        struct gc_config gc_config = {
                .n_workers = 1,
                .percent = -1,
                .period_ns = UINT64_MAX / 4,
                .no_scavenge = true,
                .point = world->point,
                .point_user = world->point_user,
        };
        struct store_config store_config = config ? *config : (struct store_config){0};
        const char *debug = getenv("HEAPD_GC_DEBUG");
        char error[100];

        if (store_config.key.k0 == 0) {
                store_config.key = (struct siphash_key){1, 2};
        }
        WORLD_ASSERT(gc_debug_parse(debug ? debug : "", &gc_config.debug, error, sizeof(error)));
        world->rages = gc_config.debug.rage;
        gc_config.debug.rage = 0;
        WORLD_ASSERT(heap_new(&world->heap, &heap_config) == 0);
        WORLD_ASSERT(gc_new(&world->gc, world->heap, &gc_config) == 0);
        WORLD_ASSERT(gc_attach(world->gc, "test", &world->mutator) == 0);
        gc_enter(world->mutator);
        WORLD_ASSERT(store_new(&world->store, world->gc, world->mutator, &store_config) == 0);
}

static inline void world_deinit(struct world *world)
{
        store_free(world->store);
        gc_leave(world->mutator);
        gc_detach(world->mutator);
        gc_free(world->gc);
        heap_free(world->heap);
}

static inline bool census_add(void *user, uint64_t offset, uint64_t header, uint64_t size_bytes,
                              bool noscan)
{
        struct census *census = user;
        unsigned index = object_header_descriptor(header);
        enum kind kind = (enum kind)descriptor_find(census->heap, index)->kind;

        census->n[kind]++;
        census->n_bytes[kind] += object_size_bytes(noscan, object_header_count(header));
        return true;
}

/* A full collection, and what is left of the heap after it. */
static inline struct census world_collect(struct world *world)
{
        struct census census = {.heap = world->heap};

        gc_leave(world->mutator);
        gc_wait(world->gc, gc_request(world->gc, GC_REASON_FORCED));
        gc_enter(world->mutator);
        heap_walk(world->heap, census_add, &census);
        return census;
}

/* The same, with the entries of weak maps gone whose objects were found dead, in a heap where
 * nothing else goes on. */
static inline struct census world_collect_and_purge(struct world *world)
{
        world_collect(world);
        while (store_purge(world->store)) {
                gc_poll(world->mutator);
        }
        return world_collect(world);
}

static inline uint64_t census_total(const struct census *census)
{
        uint64_t n = 0;

        for (unsigned kind = 0; kind < _KIND_N; kind++) {
                n += census->n[kind];
        }
        return n;
}

static inline struct session *world_session(struct world *world)
{
        struct session *session;

        WORLD_ASSERT(session_begin(world->store, "test", &session) == STORE_OK);
        return session;
}

/* --- a source ------------------------------------------------------------------------ */

struct row {
        struct value_source source;
        const struct value *values;
        uint32_t at;
        uint32_t n_good; /* values after this many cannot be delivered */
};

static inline void row_rewind(struct value_source *source)
{
        ((struct row *)source)->at = 0;
}

static inline bool row_next(struct value_source *source, struct value *ret_value)
{
        struct row *row = (struct row *)source;

        WORLD_ASSERT(row->at < source->n);
        if (row->at >= row->n_good) {
                return false;
        }
        *ret_value = row->values[row->at++];
        return true;
}

static inline struct row row_of(const struct value *values, uint32_t n)
{
        return (struct row){
                .source = {.n = n, .rewind = row_rewind, .next = row_next},
                .values = values,
                .n_good = n,
        };
}

#define ROW(...)                              \
        row_of((struct value[]){__VA_ARGS__}, \
               sizeof((struct value[]){__VA_ARGS__}) / sizeof(struct value))
#define SOURCE(...) (&((struct row[]){ROW(__VA_ARGS__)})->source)

/* --- a sink -------------------------------------------------------------------------- */

enum item_type { ITEM_ARRAY, ITEM_MAP, ITEM_VALUE };

struct item {
        enum item_type type;
        uint32_t n;         /* array, map */
        struct value value; /* bytes are the tray's */
};

/* What a call has handed out, one item after the other. */
struct tray {
        struct value_sink sink;
        struct item *items;
        uint32_t n_items, n_room;
};

static inline struct item *tray_add(struct value_sink *sink, enum item_type type, uint32_t n)
{
        struct tray *tray = (struct tray *)sink;

        if (tray->n_items == tray->n_room) {
                tray->n_room = tray->n_room * 2 + 16;
                tray->items = realloc(tray->items, tray->n_room * sizeof(*tray->items));
                WORLD_ASSERT(tray->items);
        }
        tray->items[tray->n_items] = (struct item){.type = type, .n = n};
        return &tray->items[tray->n_items++];
}

static inline void tray_begin_array(struct value_sink *sink, uint32_t n)
{
        tray_add(sink, ITEM_ARRAY, n);
}

static inline void tray_begin_map(struct value_sink *sink, uint32_t n)
{
        tray_add(sink, ITEM_MAP, n);
}

static inline bool value_has_bytes(const struct value *value)
{
        return value->type == VALUE_STR || value->type == VALUE_BIN || value->type == VALUE_DOC;
}

static inline void tray_value(struct value_sink *sink, const struct value *value)
{
        struct item *item = tray_add(sink, ITEM_VALUE, 0);

        item->value = *value;
        if (value_has_bytes(value)) {
                uint8_t *copy = malloc(value->n_bytes + 1u);

                WORLD_ASSERT(copy);
                memcpy(copy, value->bytes, value->n_bytes);
                copy[value->n_bytes] = '\0';
                item->value.bytes = copy;
        }
}

static inline void tray_clear(struct tray *tray)
{
        for (uint32_t i = 0; i < tray->n_items; i++) {
                if (tray->items[i].type == ITEM_VALUE && value_has_bytes(&tray->items[i].value)) {
                        free((void *)tray->items[i].value.bytes);
                }
        }
        free(tray->items);
        tray->items = NULL;
        tray->n_items = tray->n_room = 0;
}

#define TRAY                                             \
        {                                                \
                .sink = {                                \
                        .begin_array = tray_begin_array, \
                        .begin_map = tray_begin_map,     \
                        .value = tray_value              \
                }                                        \
        }

/* The same type and content; handles by number. */
static inline bool value_same(const struct value *a, const struct value *b)
{
        if (a->type != b->type) {
                return false;
        }
        switch (a->type) {
        case VALUE_NIL:
                return true;
        case VALUE_BOOL:
                return a->boolean == b->boolean;
        case VALUE_INT:
        case VALUE_UINT:
        case VALUE_FLOAT:
                return a->natural == b->natural;
        case VALUE_TIME:
                return a->time.seconds == b->time.seconds &&
                       a->time.nanoseconds == b->time.nanoseconds;
        case VALUE_REF:
                return a->handle == b->handle;
        case VALUE_STR:
        case VALUE_BIN:
        case VALUE_DOC:
        case _VALUE_N:
                break;
        }
        return a->n_bytes == b->n_bytes && memcmp(a->bytes, b->bytes, a->n_bytes) == 0;
}

/* An object of these values (a map: pairs), bound to `into`. */
static inline void world_object(struct session *session, enum kind kind, uint32_t into,
                                struct row row)
{
        struct obj_spec spec = {.kind = kind, .init = &row.source, .into = into};
        uint32_t handle;

        WORLD_ASSERT(obj_new(session, &spec, &handle) == STORE_OK);
        WORLD_ASSERT(handle == into);
}
