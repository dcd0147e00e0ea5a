/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "store/internals.h"

/*
 * After a collection the entries of weak maps whose objects have died are taken out, in order with
 * all requests, a bucket at a time (STORE-9).
 *
 * To be found, weak maps stand in a weak map of their own, by serial numbers. So none is kept alive
 * by being listed, and those that have died are taken off the list in the same way. A pass looks at
 * every map once; it begins when the collector has cleared anything since the last one began.
 */

struct purge_next {
        uint64_t after, serial;
        struct word map;
};

static struct table purge_list(struct store *store)
{
        return map_table(gc_root_load(store->space.mutator, store->weak_maps));
}

static int purge_make_list(struct store *store)
{
        struct space *space = &store->space;
        struct word list = space_alloc_weak(space, KIND_MAP, MAP_WORDS);

        if (word_is_nil(list)) {
                return STORE_E_NOMEM;
        }
        space_store_count(space, list, OBJ_VERSION, 0);
        table_init(space, map_table(list));
        gc_root_store(space->mutator, store->weak_maps, list);
        return STORE_OK;
}

/* Nothing empty is kept (STORE-5). */
static void purge_drop_list(struct store *store)
{
        struct space *space = &store->space;

        if (table_n_entries(space, purge_list(store)) == 0) {
                gc_root_store(space->mutator, store->weak_maps, word_nil());
        }
}

int purge_register(struct store *store, struct word map)
{
        struct space *space = &store->space;
        struct value serial = value_int((int64_t)store->next_weak_map + 1);
        struct table_key key;

        if (word_is_nil(purge_list(store).host) && purge_make_list(store)) {
                return call_fail_memory(store);
        }
        table_key(space, &serial, &key);
        if (table_reserve(space, purge_list(store), &key)) {
                purge_drop_list(store);
                return call_fail_memory(store);
        }
        table_put(space, purge_list(store), &key, map);
        store->next_weak_map++;
        return STORE_OK;
}

/* The map of this bucket with the lowest number above `after`. */
static void purge_on_map(void *user, struct word key, struct word value)
{
        struct purge_next *next = user;
        uint64_t serial = (uint64_t)word_get_int(key);

        if (serial > next->after && (next->serial == 0 || serial < next->serial)) {
                next->serial = serial;
                next->map = value;
        }
}

/* Goes on in one map; true when that is done. */
static bool purge_map(struct store *store, struct word map)
{
        struct space *space = &store->space;
        uint64_t n_all = 0;
        uint32_t n;

        do {
                store->purge.map_position = table_purge(space, map_table(map),
                                                        store->purge.map_position, &n);
                n_all += n;
        } while (store->purge.map_position && space->work_units < STORE_PURGE_UNITS);
        if (n_all > 0) {
                counter_add(&store->n_purged, n_all);
                obj_touch(space, map);
        }
        return store->purge.map_position == 0;
}

/* All maps of this bucket of the list are done: takes the dead ones off, and goes to the next. */
static void purge_list_bucket(struct store *store)
{
        struct purge *purge = &store->purge;
        uint32_t n;

        purge->position = table_purge(&store->space, purge_list(store), purge->position, &n);
        purge->serial = 0;
        if (purge->position == 0) {
                purge->running = false;
        }
}

/* False if the collector has to come to the next map first. */
static bool purge_step(struct store *store)
{
        struct purge *purge = &store->purge;
        struct purge_next next = {.after = purge->serial};

        table_visit(&store->space, purge_list(store), purge->position, TABLE_PEEK, purge_on_map,
                    &next);
        if (next.serial == 0) {
                purge_list_bucket(store);
        } else if (word_is_dead(next.map)) {
                return false;
        } else if (purge_map(store, next.map)) {
                purge->serial = next.serial;
        }
        return true;
}

bool store_wants_purge(const struct store *store)
{
        return store->purge.running || store->purge.n_cleared != gc_weak_cleared(store->space.gc);
}

bool store_purge(struct store *store)
{
        struct purge *purge = &store->purge;
        uint64_t n_cleared = gc_weak_cleared(store->space.gc);

        call_begin(store, NULL);
        if (word_is_nil(purge_list(store).host)) {
                purge->running = false;
                purge->n_cleared = n_cleared;
        }
        if (!purge->running && purge->n_cleared == n_cleared) {
                return false;
        }
        if (!purge->running) {
                *purge = (struct purge){.running = true, .n_cleared = n_cleared};
        }
        while (purge->running && store->space.work_units < STORE_PURGE_UNITS) {
                if (!purge_step(store)) {
                        return false;
                }
        }
        if (purge->running) {
                return true;
        }
        purge_drop_list(store);
        return purge->n_cleared != n_cleared;
}
