/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "store/internals.h"
#include "store/obj.h"

/*
 * Creation. The object is filled while nobody can reach it, so whatever fails leaves garbage and
 * nothing else. Then its handle and its name are bound, which cannot fail.
 */

static int obj_new_record(struct session *session, const struct obj_spec *spec,
                          struct word *ret_object)
{
        struct store *store = session->store;
        uint32_t n = spec->init ? spec->init->n : spec->n_nil;
        struct word record, w;
        struct value value;
        int r = STORE_OK;

        if (n > STORE_SLOTS_MAX) {
                return call_fail(store, STORE_E_TOO_BIG, "%u slots are over the limit of %u", n,
                                 STORE_SLOTS_MAX);
        }
        record = space_alloc(&store->space, KIND_RECORD, RECORD_SLOT_0 + n);
        if (word_is_nil(record)) {
                return call_fail_memory(store);
        }
        space_store_count(&store->space, record, OBJ_VERSION, 0);
        for (uint32_t i = 0; r == STORE_OK && spec->init && i < n; i++) {
                r = input_next(store, spec->init, &value);
                if (r == STORE_OK) {
                        r = input_word(session, &value, &w);
                }
                if (r == STORE_OK) {
                        space_store(&store->space, record, RECORD_SLOT_0 + i, w);
                }
        }
        store->space.work_units += n;
        *ret_object = record;
        return r;
}

static int obj_new_array(struct session *session, const struct obj_spec *spec,
                         struct word *ret_object)
{
        struct store *store = session->store;
        uint32_t n = spec->init ? spec->init->n : spec->n_nil;
        struct word array;
        int r;

        if (n > store->config.array_length_max) {
                return call_fail(store, STORE_E_TOO_BIG, "%u elements are over the limit of %u", n,
                                 store->config.array_length_max);
        }
        if (spec->init) {
                r = input_words(session, spec->init, false);
                if (r) {
                        return r;
                }
        }
        array = space_alloc(&store->space, KIND_ARRAY, ARRAY_WORDS);
        if (word_is_nil(array) ||
            (spec->init && vector_reserve(&store->space, array_vector(array), 0, n))) {
                return call_fail_memory(store);
        }
        for (uint32_t i = 0; spec->init && i < n; i++) {
                vector_put(&store->space, array_vector(array), i, store->scratch[i]);
        }
        if (spec->init) {
                vector_prune(&store->space, array_vector(array), 0, n);
        }
        space_store_count(&store->space, array, OBJ_VERSION, 0);
        space_store_count(&store->space, array, ARRAY_LENGTH, n);
        *ret_object = array;
        return STORE_OK;
}

static int obj_new_map(struct session *session, const struct obj_spec *spec,
                       struct word *ret_object)
{
        struct store *store = session->store;
        struct word map, w;
        struct value value;
        struct slot slot;
        int r = STORE_OK;

        if (spec->init && spec->init->n / 2 > STORE_ELEMENTS_MAX) {
                return call_fail(store, STORE_E_TOO_BIG, "%u entries are over the limit of %u",
                                 spec->init->n / 2, STORE_ELEMENTS_MAX);
        }
        map = spec->weak ? space_alloc_weak(&store->space, KIND_MAP, MAP_WORDS)
                         : space_alloc(&store->space, KIND_MAP, MAP_WORDS);
        if (word_is_nil(map)) {
                return call_fail_memory(store);
        }
        space_store_count(&store->space, map, OBJ_VERSION, 0);
        table_init(&store->space, map_table(map));
        r = spec->weak ? purge_register(store, map) : STORE_OK;
        for (uint32_t i = 0; r == STORE_OK && spec->init && i < spec->init->n / 2; i++) {
                r = input_next(store, spec->init, &value);
                if (r == STORE_OK) {
                        r = slot_find(session, map, &value, &slot);
                }
                if (r == STORE_OK) {
                        r = slot_reserve(session, &slot);
                }
                if (r == STORE_OK) {
                        r = input_next(store, spec->init, &value);
                }
                if (r == STORE_OK) {
                        r = input_word(session, &value, &w);
                }
                if (r == STORE_OK) {
                        r = slot_accepts(session, map, w);
                }
                if (r == STORE_OK) {
                        slot_put(&store->space, &slot, w);
                }
        }
        *ret_object = map;
        return r;
}

static int obj_new_blob(struct session *session, const struct obj_spec *spec,
                        struct word *ret_object)
{
        struct store *store = session->store;
        struct word blob;

        if (spec->n_bytes > store->config.blob_bytes_max) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "a blob of %llu bytes is over the limit of %u",
                                 (unsigned long long)spec->n_bytes, store->config.blob_bytes_max);
        }
        blob = space_alloc(&store->space, KIND_BLOB, (uint32_t)spec->n_bytes);
        if (word_is_nil(blob)) {
                return call_fail_memory(store);
        }
        if (spec->n_bytes > 0) {
                memcpy(gc_bytes_init(store->space.mutator, blob), spec->bytes, spec->n_bytes);
        }
        *ret_object = blob;
        return STORE_OK;
}

static int obj_new_weak(struct session *session, const struct obj_spec *spec,
                        struct word *ret_object)
{
        struct space *space = &session->store->space;
        struct word object, token, weak;
        int r = handle_resolve(session, spec->object, &object);

        if (r == STORE_OK && spec->token.type == VALUE_REF) {
                r = call_fail(session->store, STORE_E_TYPE,
                              "the token of a weak reference is a value, not a reference");
        }
        if (r == STORE_OK) {
                r = input_word(session, &spec->token, &token);
        }
        if (r) {
                return r;
        }
        weak = space_alloc_weak(space, KIND_WEAK, WEAK_WORDS);
        if (word_is_nil(weak)) {
                return call_fail_memory(session->store);
        }
        space_store(space, weak, WEAK_TARGET, gc_weak_make(space->mutator, object));
        space_store(space, weak, WEAK_TOKEN, token);
        *ret_object = weak;
        return STORE_OK;
}

static int obj_new_of_kind(struct session *session, const struct obj_spec *spec,
                           struct word *ret_object)
{
        if (spec->init) {
                spec->init->rewind(spec->init);
        }
        switch ((int)spec->kind) {
        case KIND_RECORD:
                return obj_new_record(session, spec, ret_object);
        case KIND_ARRAY:
                return obj_new_array(session, spec, ret_object);
        case KIND_MAP:
                return obj_new_map(session, spec, ret_object);
        case KIND_WEAK:
                return obj_new_weak(session, spec, ret_object);
        default:
                hd_assert(spec->kind == KIND_BLOB);
                return obj_new_blob(session, spec, ret_object);
        }
}

/* The name as a key, if it may be given. */
static int obj_new_name(struct session *session, const struct obj_spec *spec,
                        struct table_key *ret_key)
{
        struct store *store = session->store;
        struct word now;
        int r = name_key(store, spec->name, spec->n_name, ret_key);

        if (r == STORE_OK && spec->if_absent &&
            table_get(&store->space, map_table(name_map(store)), ret_key, &now)) {
                return call_fail(store, STORE_E_EXISTS, "an object bears this name already");
        }
        return r;
}

int obj_new(struct session *session, const struct obj_spec *spec, uint32_t *ret_handle)
{
        struct store *store = session->store;
        struct table_key key;
        struct word object;
        uint32_t handle = 0;
        int r = STORE_OK;

        call_begin(store, session);
        if (spec->name) {
                r = obj_new_name(session, spec, &key);
        }
        if (r == STORE_OK && (spec->into || !spec->name)) {
                r = handle_reserve(session, spec->into, &handle);
        }
        if (r) {
                return r;
        }
        r = obj_new_of_kind(session, spec, &object);
        if (r == STORE_OK && spec->name) {
                r = name_reserve(store, &key);
        }
        if (r) {
                if (handle) {
                        handle_unreserve(session, handle);
                }
                return r;
        }
        if (handle) {
                handle_bind(session, handle, object);
        }
        if (spec->name) {
                name_bind(store, &key, object);
        }
        counter_add(&store->n_objects_created, 1);
        *ret_handle = handle;
        return STORE_OK;
}
