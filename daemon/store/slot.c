/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "store/internals.h"

static int slot_index(struct store *store, const struct slot *slot, const struct value *key,
                      uint64_t *ret_index)
{
        uint64_t length = obj_length(&store->space, slot->object);
        const char *what = slot->kind == KIND_RECORD ? "slot" : "position";

        if (key->type != VALUE_INT && key->type != VALUE_UINT) {
                return call_fail(store, STORE_E_TYPE, "the key of a %s is an int, not %s",
                                 kind_name(slot->kind), value_type_name(key->type));
        }
        if (key->type == VALUE_UINT) {
                return call_fail(store, STORE_E_RANGE, "%s %llu is beyond the %s's %llu", what,
                                 (unsigned long long)key->natural, kind_name(slot->kind),
                                 (unsigned long long)length);
        }
        if (key->integer < 0 || (uint64_t)key->integer >= length) {
                return call_fail(store, STORE_E_RANGE, "%s %lld is beyond the %s's %llu", what,
                                 (long long)key->integer, kind_name(slot->kind),
                                 (unsigned long long)length);
        }
        *ret_index = (uint64_t)key->integer;
        return STORE_OK;
}

int slot_find(struct session *session, struct word object, const struct value *key,
              struct slot *ret_slot)
{
        struct store *store = session->store;
        struct slot slot = {.object = object, .kind = space_kind(&store->space, object)};
        int r;

        if (slot.kind == KIND_RECORD || slot.kind == KIND_ARRAY) {
                r = slot_index(store, &slot, key, &slot.index);
        } else if (slot.kind == KIND_MAP) {
                r = table_key(&store->space, key, &slot.key);
                if (r == STORE_E_TOO_BIG) {
                        call_fail(store, r, "a key of %u bytes is over the limit of %u",
                                  key->n_bytes, STORE_INLINE_MAX);
                } else if (r) {
                        call_fail(store, r, "%s cannot be the key of a map",
                                  key->type == VALUE_FLOAT ? "NaN" : value_type_name(key->type));
                }
        } else {
                r = call_fail(store, STORE_E_TYPE, "a %s has no slots", kind_name(slot.kind));
        }
        if (r == STORE_OK) {
                *ret_slot = slot;
        }
        return r;
}

int slot_accepts(struct session *session, struct word object, struct word value)
{
        struct space *space = &session->store->space;

        if (map_is_weak(space, object) && !space_is_object(space, value)) {
                return call_fail(session->store, STORE_E_TYPE,
                                 "a weak map takes references to objects and nothing else");
        }
        return STORE_OK;
}

struct word slot_get(struct space *space, const struct slot *slot)
{
        struct word w;

        if (slot->kind == KIND_RECORD) {
                space->work_units++;
                return space_load(space, slot->object, RECORD_SLOT_0 + (uint32_t)slot->index);
        }
        if (slot->kind == KIND_ARRAY) {
                return vector_get(space, array_vector(slot->object), slot->index);
        }
        return table_get(space, map_table(slot->object), &slot->key, &w) ? w : word_nil();
}

int slot_reserve(struct session *session, const struct slot *slot)
{
        struct space *space = &session->store->space;
        int r = STORE_OK;

        if (slot->kind == KIND_ARRAY) {
                r = vector_reserve(space, array_vector(slot->object), slot->index, 1);
        } else if (slot->kind == KIND_MAP) {
                r = table_reserve(space, map_table(slot->object), &slot->key);
        }
        return r ? call_fail_memory(session->store) : STORE_OK;
}

void slot_put(struct space *space, const struct slot *slot, struct word value)
{
        if (slot->kind == KIND_RECORD) {
                space->work_units++;
                space_store(space, slot->object, RECORD_SLOT_0 + (uint32_t)slot->index, value);
        } else if (slot->kind == KIND_ARRAY) {
                vector_put(space, array_vector(slot->object), slot->index, value);
        } else {
                table_put(space, map_table(slot->object), &slot->key, value);
        }
}

void slot_prune(struct space *space, const struct slot *slot)
{
        if (slot->kind == KIND_ARRAY) {
                vector_prune(space, array_vector(slot->object), slot->index, 1);
        } else if (slot->kind == KIND_MAP) {
                table_prune(space, map_table(slot->object), &slot->key);
        }
}
