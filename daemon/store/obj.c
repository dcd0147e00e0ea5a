/* SPDX-License-Identifier: MIT */
#include "store/obj.h"

#include "base/assert.h"
#include "store/internals.h"
#include "store/walk.h"

uint64_t obj_length(struct space *space, struct word object)
{
        enum kind kind = space_kind(space, object);

        if (kind == KIND_ARRAY) {
                return space_load_count(space, object, ARRAY_LENGTH);
        }
        if (kind == KIND_MAP) {
                return table_n_entries(space, map_table(object));
        }
        if (kind == KIND_WEAK) {
                return !gc_weak_is_dead(space->mutator, object, WEAK_TARGET, space->committed);
        }
        hd_assert(kind == KIND_RECORD || kind == KIND_BLOB);
        return gc_count(space->mutator, object) - (kind == KIND_RECORD ? RECORD_SLOT_0 : 0);
}

uint64_t obj_version(struct space *space, struct word object)
{
        enum kind kind = space_kind(space, object);

        return kind == KIND_BLOB || kind == KIND_WEAK
                       ? 0
                       : space_load_count(space, object, OBJ_VERSION);
}

uint64_t obj_touch(struct space *space, struct word object)
{
        uint64_t version = space_load_count(space, object, OBJ_VERSION) + 1;

        space_store_count(space, object, OBJ_VERSION, version);
        return version;
}

int obj_info(struct session *session, struct target target, struct obj_info *ret_info)
{
        static const uint8_t bytes_each[] = {
                [KIND_RECORD] = 8, [KIND_ARRAY] = 8, [KIND_MAP] = 16, [KIND_BLOB] = 1};
        struct space *space = &session->store->space;
        struct word object;
        enum kind kind;
        int r;

        call_begin(session->store, session);
        r = handle_resolve(session, target, &object);
        if (r) {
                return r;
        }
        kind = space_kind(space, object);
        *ret_info = (struct obj_info){
                .kind = kind,
                .length = obj_length(space, object),
                .n_bytes = kind == KIND_WEAK ? WEAK_WORDS * 8
                                             : obj_length(space, object) * bytes_each[kind],
                .version = obj_version(space, object),
                .sealed = kind == KIND_BLOB,
                .weak = map_is_weak(space, object),
        };
        return STORE_OK;
}

/* --- reading --------------------------------------------------------------------------- */

static int obj_get_keys(struct session *session, struct word object, struct value_source *keys,
                        struct value_sink *sink)
{
        struct store *store = session->store;
        struct answer answer = {.session = session};
        struct value key;
        struct slot slot;
        int r = STORE_OK;

        keys->rewind(keys);
        for (uint32_t i = 0; r == STORE_OK && i < keys->n; i++) {
                r = input_next(store, keys, &key);
                if (r == STORE_OK) {
                        r = slot_find(session, object, &key, &slot);
                }
                if (r == STORE_OK) {
                        answer_count(&answer, slot_get(&store->space, &slot));
                }
        }
        if (r == STORE_OK) {
                r = answer_reserve(&answer);
        }
        if (r) {
                return r;
        }
        sink->begin_array(sink, keys->n);
        keys->rewind(keys);
        for (uint32_t i = 0; i < keys->n; i++) {
                keys->next(keys, &key);
                slot_find(session, object, &key, &slot);
                answer_emit(session, sink, slot_get(&store->space, &slot));
        }
        answer_end(session);
        return STORE_OK;
}

static int obj_get_map(struct session *session, struct word map, struct value_sink *sink)
{
        struct walk walk = {
                .store = session->store,
                .table = map_table(map),
                .whole = true,
                .sink = sink,
                .count = walk_count_entry,
                .emit = walk_emit_entry,
                .answer = {.session = session},
        };

        return walk_answer(&walk);
}

static int obj_get_row(struct session *session, struct word object, struct value_sink *sink)
{
        struct space *space = &session->store->space;
        struct answer answer = {.session = session};
        struct slot slot = {.object = object, .kind = space_kind(space, object)};
        uint64_t length = obj_length(space, object);
        int r;

        for (slot.index = 0; slot.index < length; slot.index++) {
                answer_count(&answer, slot_get(space, &slot));
        }
        r = answer_reserve(&answer);
        if (r) {
                return r;
        }
        sink->begin_array(sink, (uint32_t)length);
        for (slot.index = 0; slot.index < length; slot.index++) {
                answer_emit(session, sink, slot_get(space, &slot));
        }
        answer_end(session);
        return STORE_OK;
}

static int obj_get_weak(struct session *session, struct word weak, struct value_sink *sink)
{
        struct space *space = &session->store->space;
        struct answer answer = {.session = session};
        struct word row[WEAK_WORDS] = {
                gc_weak_load(space->mutator, weak, WEAK_TARGET),
                space_load(space, weak, WEAK_TOKEN),
        };
        int r;

        for (unsigned i = 0; i < WEAK_WORDS; i++) {
                answer_count(&answer, row[i]);
        }
        r = answer_reserve(&answer);
        if (r) {
                return r;
        }
        sink->begin_array(sink, WEAK_WORDS);
        for (unsigned i = 0; i < WEAK_WORDS; i++) {
                answer_emit(session, sink, row[i]);
        }
        answer_end(session);
        return STORE_OK;
}

static int obj_get_blob(struct session *session, struct word blob, struct value_sink *sink)
{
        struct store *store = session->store;
        struct value value = value_bytes(VALUE_BIN, gc_bytes(store->space.mutator, blob),
                                         gc_count(store->space.mutator, blob));

        if (value.n_bytes > store->config.result_bytes_max) {
                return call_fail(store, STORE_E_TOO_BIG, "%u bytes are over the limit of %u",
                                 value.n_bytes, store->config.result_bytes_max);
        }
        sink->value(sink, &value);
        return STORE_OK;
}

int obj_get(struct session *session, struct target target, struct value_source *keys,
            struct value_sink *sink)
{
        struct store *store = session->store;
        struct word object;
        uint32_t n_max;
        enum kind kind;
        uint64_t length;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target, &object);
        if (r) {
                return r;
        }
        kind = space_kind(&store->space, object);
        length = obj_length(&store->space, object);
        if (keys) {
                return obj_get_keys(session, object, keys, sink);
        }
        if (kind == KIND_BLOB) {
                return obj_get_blob(session, object, sink);
        }
        if (kind == KIND_WEAK) {
                return obj_get_weak(session, object, sink);
        }
        n_max = kind == KIND_MAP ? STORE_ELEMENTS_MAX / 2 : STORE_ELEMENTS_MAX;
        if (length > n_max) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "the %s has %llu elements; one call hands out %u at most",
                                 kind_name(kind), (unsigned long long)length, n_max);
        }
        return kind == KIND_MAP ? obj_get_map(session, object, sink)
                                : obj_get_row(session, object, sink);
}

int obj_walk(struct session *session, struct target target, struct value_source *path,
             uint32_t into, struct value *ret_value)
{
        struct store *store = session->store;
        struct value key;
        struct slot slot;
        struct word w;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target, &w);
        path->rewind(path);
        for (uint32_t i = 0; r == STORE_OK && i < path->n; i++) {
                r = input_next(store, path, &key);
                if (r == STORE_OK && !space_is_object(&store->space, w)) {
                        r = call_fail(store, STORE_E_TYPE, "step %u of the path leads to no object",
                                      i);
                }
                if (r == STORE_OK && space_kind(&store->space, w) == KIND_WEAK) {
                        r = weak_follow(session, w, &w);
                }
                if (r == STORE_OK) {
                        r = slot_find(session, w, &key, &slot);
                }
                if (r == STORE_OK) {
                        w = slot_get(&store->space, &slot);
                }
        }
        return r ? r : answer_one(session, w, into, ret_value);
}
