/* SPDX-License-Identifier: MIT */
#include "store/name.h"

#include "store/internals.h"
#include "store/walk.h"

struct word name_map(struct store *store)
{
        return gc_root_load(store->space.mutator, store->names);
}

int name_key(struct store *store, const uint8_t *name, uint32_t n_name, struct table_key *ret_key)
{
        struct value value = value_bytes(VALUE_STR, name, n_name);

        if (n_name == 0) {
                return call_fail(store, STORE_E_RANGE, "a name has at least one byte");
        }
        if (n_name > STORE_NAME_BYTES_MAX) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "a name of %u bytes is over the limit of %u", n_name,
                                 STORE_NAME_BYTES_MAX);
        }
        return table_key(&store->space, &value, ret_key);
}

int name_reserve(struct store *store, const struct table_key *key)
{
        struct table names = map_table(name_map(store));
        struct word w;

        if (table_n_entries(&store->space, names) >= store->config.names_max &&
            !table_get(&store->space, names, key, &w)) {
                return call_fail(store, STORE_E_LIMIT, "there are %u names already",
                                 store->config.names_max);
        }
        return table_reserve(&store->space, names, key) ? call_fail_memory(store) : STORE_OK;
}

static void name_publish_count(struct store *store)
{
        uint64_t n = table_n_entries(&store->space, map_table(name_map(store)));

        atomic_store_explicit(&store->n_names, n, memory_order_relaxed);
}

void name_bind(struct store *store, const struct table_key *key, struct word object)
{
        table_put(&store->space, map_table(name_map(store)), key, object);
        name_publish_count(store);
}

int name_get(struct session *session, const uint8_t *name, uint32_t n_name, uint32_t into,
             uint32_t *ret_handle, enum kind *ret_kind, uint64_t *ret_version)
{
        struct store *store = session->store;
        struct word object;
        uint32_t handle;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target_name(name, n_name), &object);
        if (r == STORE_OK) {
                r = handle_reserve(session, into, &handle);
        }
        if (r) {
                return r;
        }
        handle_bind(session, handle, object);
        *ret_handle = handle;
        *ret_kind = space_kind(&store->space, object);
        *ret_version = obj_version(&store->space, object);
        return STORE_OK;
}

/* Whether a change may happen to a name that denotes `now`, nil if nobody bears it. */
static int name_check(struct session *session, enum name_if when, struct target same,
                      struct word now)
{
        struct store *store = session->store;
        struct word object;
        int r;

        if (when == NAME_IF_ABSENT && !word_is_nil(now)) {
                return call_fail(store, STORE_E_EXISTS, "an object bears this name already");
        }
        if (when == NAME_IF_SAME) {
                r = handle_resolve(session, same, &object);
                if (r) {
                        return r;
                }
                if (!word_same(object, now)) {
                        return call_fail(store, STORE_E_CONFLICT,
                                         "the name does not denote that object");
                }
        }
        return STORE_OK;
}

int name_put(struct session *session, const uint8_t *name, uint32_t n_name, struct target target,
             enum name_if when, struct target same, bool *ret_replaced)
{
        struct store *store = session->store;
        struct word object, now = word_nil();
        struct table_key key;
        int r;

        call_begin(store, session);
        r = name_key(store, name, n_name, &key);
        if (r == STORE_OK) {
                r = handle_resolve(session, target, &object);
        }
        if (r == STORE_OK) {
                table_get(&store->space, map_table(name_map(store)), &key, &now);
                r = name_check(session, when, same, now);
        }
        if (r == STORE_OK) {
                r = name_reserve(store, &key);
        }
        if (r) {
                return r;
        }
        name_bind(store, &key, object);
        *ret_replaced = !word_is_nil(now);
        return STORE_OK;
}

int name_del(struct session *session, const uint8_t *name, uint32_t n_name,
             const struct target *same, bool *ret_deleted)
{
        struct store *store = session->store;
        struct table names = map_table(name_map(store));
        struct table_key key;
        struct word now;
        bool found;
        int r;

        call_begin(store, session);
        r = name_key(store, name, n_name, &key);
        if (r) {
                return r;
        }
        found = table_get(&store->space, names, &key, &now);
        if (same) {
                r = found ? name_check(session, NAME_IF_SAME, *same, now)
                          : call_fail(store, STORE_E_NO_NAME, "no object bears this name");
                if (r) {
                        return r;
                }
        }
        if (found) {
                table_take(&store->space, names, &key, &now);
                name_publish_count(store);
        }
        *ret_deleted = found;
        return STORE_OK;
}

static void name_list_emit(struct walk *walk, struct word key, struct word value)
{
        const char *kind = kind_name(space_kind(&walk->store->space, value));
        struct value text = value_str(kind);

        walk->sink->begin_array(walk->sink, 2);
        walk_emit_key(walk, key);
        walk->sink->value(walk->sink, &text);
}

int name_list(struct store *store, const uint8_t *prefix, uint32_t n_prefix, uint64_t cursor,
              uint32_t limit, struct value_sink *sink, uint64_t *ret_cursor)
{
        struct walk walk = {
                .store = store,
                .table = map_table(name_map(store)),
                .position = cursor,
                .limit = limit,
                .prefix = prefix,
                .n_prefix = n_prefix,
                .sink = sink,
                .emit = name_list_emit,
        };

        call_begin(store, NULL);
        walk_count(&walk);
        walk_emit(&walk);
        *ret_cursor = walk.end;
        return STORE_OK;
}
