/* SPDX-License-Identifier: MIT */
#include "store/map.h"

#include "store/walk.h"

static int map_count_taken(struct session *session, struct word map, struct value_source *keys,
                           struct answer *answer)
{
        struct value key;
        struct slot slot;
        int r = STORE_OK;

        keys->rewind(keys);
        for (uint32_t i = 0; r == STORE_OK && i < keys->n; i++) {
                r = input_next(session->store, keys, &key);
                if (r == STORE_OK) {
                        r = slot_find(session, map, &key, &slot);
                }
                if (r == STORE_OK) {
                        answer_count(answer, slot_get(&session->store->space, &slot));
                }
        }
        return r;
}

int map_del(struct session *session, struct target target, struct value_source *keys,
            struct value_sink *take, uint32_t *ret_n)
{
        struct answer answer = {.session = session};
        struct space *space = &session->store->space;
        struct word map, old;
        struct table_key key;
        struct value value;
        uint32_t n = 0;
        int r;

        call_begin(session->store, session);
        r = handle_resolve_kind(session, target, KIND_MAP, &map);
        if (r == STORE_OK) {
                r = map_count_taken(session, map, keys, &answer);
        }
        if (r == STORE_OK && !take) {
                answer.n_refs = 0;
                answer.n_bytes = 0;
        }
        if (r == STORE_OK) {
                r = answer_reserve(&answer);
        }
        if (r) {
                return r;
        }
        if (take) {
                take->begin_array(take, keys->n);
        }
        keys->rewind(keys);
        for (uint32_t i = 0; i < keys->n; i++) {
                keys->next(keys, &value);
                table_key(space, &value, &key);
                old = word_nil();
                n += table_take(space, map_table(map), &key, &old);
                if (take) {
                        answer_emit(session, take, old);
                }
        }
        answer_end(session);
        if (n > 0) {
                obj_touch(space, map);
        }
        *ret_n = n;
        return STORE_OK;
}

static void map_emit_pair(struct walk *walk, struct word key, struct word value)
{
        walk->sink->begin_array(walk->sink, 2);
        walk_emit_entry(walk, key, value);
}

static void map_count_key(struct walk *walk, struct word key, struct word value)
{
        answer_count(&walk->answer, key);
}

static void map_emit_key(struct walk *walk, struct word key, struct word value)
{
        walk_emit_key(walk, key);
}

int map_scan(struct session *session, struct target target, const struct map_scan *scan,
             struct value_sink *sink, uint64_t *ret_cursor)
{
        struct walk walk = {
                .store = session->store,
                .position = scan->cursor,
                .limit = scan->limit,
                .prefix = scan->prefix,
                .n_prefix = scan->n_prefix,
                .keys = !scan->values,
                .sink = sink,
                .count = scan->values ? walk_count_entry : map_count_key,
                .emit = scan->values ? map_emit_pair : map_emit_key,
                .answer = {.session = session},
        };
        struct word map;
        int r;

        call_begin(session->store, session);
        r = handle_resolve_kind(session, target, KIND_MAP, &map);
        if (r) {
                return r;
        }
        walk.table = map_table(map);
        r = walk_answer(&walk);
        if (r == STORE_OK) {
                *ret_cursor = walk.end;
        }
        return r;
}
