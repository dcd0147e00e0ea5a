/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "store/box.h"
#include "store/internals.h"
#include "store/obj.h"

/* Goes over the pairs again and finds the slot of each key; these have all been found before. */
static void obj_next_slot(struct session *session, struct word object, struct value_source *pairs,
                          struct slot *ret_slot)
{
        struct value key;
        int r = input_next(session->store, pairs, &key);

        if (r == STORE_OK) {
                r = slot_find(session, object, &key, ret_slot);
        }
        hd_assert(r == STORE_OK);
}

/* Takes back the places of the first n pairs that hold nothing. */
static void obj_prune_pairs(struct session *session, struct word object, struct value_source *pairs,
                            uint32_t n)
{
        struct value value;
        struct slot slot;

        pairs->rewind(pairs);
        for (uint32_t i = 0; i < n; i++) {
                obj_next_slot(session, object, pairs, &slot);
                slot_prune(&session->store->space, &slot);
                pairs->next(pairs, &value);
        }
}

/* Checks every key and makes a place for it. */
static int obj_reserve_pairs(struct session *session, struct word object,
                             struct value_source *pairs)
{
        struct value value;
        struct slot slot;
        int r = STORE_OK;

        pairs->rewind(pairs);
        for (uint32_t i = 0; i < pairs->n / 2; i++) {
                r = input_next(session->store, pairs, &value);
                if (r == STORE_OK) {
                        r = slot_find(session, object, &value, &slot);
                }
                if (r == STORE_OK) {
                        r = slot_reserve(session, &slot);
                }
                if (r) {
                        obj_prune_pairs(session, object, pairs, i);
                        return r;
                }
                pairs->next(pairs, &value);
        }
        return STORE_OK;
}

int obj_set(struct session *session, struct target target, struct value_source *pairs,
            const uint64_t *if_version, uint64_t *ret_version)
{
        struct store *store = session->store;
        uint32_t n = pairs->n / 2;
        struct word object;
        struct value value;
        struct slot slot;
        bool any_nil = false;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target, &object);
        if (r) {
                return r;
        }
        if (if_version && *if_version != obj_version(&store->space, object)) {
                return call_fail(store, STORE_E_CONFLICT, "the object is at version %llu",
                                 (unsigned long long)obj_version(&store->space, object));
        }
        r = input_words(session, pairs, true);
        for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
                r = slot_accepts(session, object, store->scratch[i]);
        }
        if (r == STORE_OK) {
                r = obj_reserve_pairs(session, object, pairs);
        }
        if (r) {
                return r;
        }
        pairs->rewind(pairs);
        for (uint32_t i = 0; i < n; i++) {
                obj_next_slot(session, object, pairs, &slot);
                slot_put(&store->space, &slot, store->scratch[i]);
                any_nil = any_nil || word_is_nil(store->scratch[i]);
                pairs->next(pairs, &value);
        }
        if (any_nil) {
                obj_prune_pairs(session, object, pairs, n);
        }
        *ret_version = n > 0 ? obj_touch(&store->space, object)
                             : obj_version(&store->space, object);
        return STORE_OK;
}

static bool obj_matches(struct space *space, struct word w, struct word expect_word,
                        const struct value *expect)
{
        return expect->type == VALUE_REF
                       ? word_same(w, expect_word)
                       : !space_is_object(space, w) && box_equals(space, w, expect);
}

int obj_cas(struct session *session, struct target target, const struct value *key,
            const struct value *expect, const struct value *value, bool *ret_swapped,
            struct value *ret_current)
{
        struct store *store = session->store;
        struct word object, expect_word = word_nil(), new, now;
        struct slot slot;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target, &object);
        if (r == STORE_OK) {
                r = slot_find(session, object, key, &slot);
        }
        if (r == STORE_OK && expect->type == VALUE_REF) {
                r = input_word(session, expect, &expect_word);
        }
        if (r) {
                return r;
        }
        now = slot_get(&store->space, &slot);
        if (!obj_matches(&store->space, now, expect_word, expect)) {
                r = answer_one(session, now, 0, ret_current);
                if (r == STORE_OK) {
                        *ret_swapped = false;
                }
                return r;
        }
        r = input_word(session, value, &new);
        if (r == STORE_OK) {
                r = slot_accepts(session, object, new);
        }
        if (r == STORE_OK) {
                r = slot_reserve(session, &slot);
        }
        if (r) {
                return r;
        }
        slot_put(&store->space, &slot, new);
        if (word_is_nil(new)) {
                slot_prune(&store->space, &slot);
        }
        obj_touch(&store->space, object);
        *ret_swapped = true;
        *ret_current = *value;
        return STORE_OK;
}

/* 64 bits and a sign. */
struct obj_wide {
        bool negative;
        uint64_t magnitude;
};

static struct obj_wide obj_wide(const struct value *value)
{
        if (value->type == VALUE_INT && value->integer < 0) {
                return (struct obj_wide){true, -(uint64_t)value->integer};
        }
        return (struct obj_wide){false, value->natural};
}

/* False if the sum is no int from -2^63 to 2^64-1. */
static bool obj_wide_sum(struct obj_wide a, struct obj_wide b, struct value *ret_sum)
{
        struct obj_wide sum = {.negative = a.negative};

        if (a.negative == b.negative) {
                if (__builtin_add_overflow(a.magnitude, b.magnitude, &sum.magnitude)) {
                        return false;
                }
        } else if (a.magnitude >= b.magnitude) {
                sum.magnitude = a.magnitude - b.magnitude;
        } else {
                sum = (struct obj_wide){b.negative, b.magnitude - a.magnitude};
        }
        if (!sum.negative) {
                *ret_sum = value_uint(sum.magnitude);
        } else if (sum.magnitude <= UINT64_C(1) << 63) {
                *ret_sum = value_int((int64_t)-sum.magnitude);
        } else {
                return false;
        }
        return true;
}

static bool obj_is_int(const struct value *value)
{
        return value->type == VALUE_INT || value->type == VALUE_UINT;
}

static int obj_sum(struct store *store, const struct value *now, const struct value *delta,
                   struct value *ret_sum)
{
        if (now->type == VALUE_FLOAT && delta->type == VALUE_FLOAT) {
                *ret_sum = value_float(now->real + delta->real);
                return STORE_OK;
        }
        if (!obj_is_int(now) || !obj_is_int(delta)) {
                return call_fail(store, STORE_E_TYPE, "%s cannot be added to %s",
                                 value_type_name(delta->type), value_type_name(now->type));
        }
        if (!obj_wide_sum(obj_wide(now), obj_wide(delta), ret_sum)) {
                return call_fail(store, STORE_E_RANGE, "the sum is beyond the range of an int");
        }
        return STORE_OK;
}

int obj_add(struct session *session, struct target target, const struct value *key,
            const struct value *delta, struct value *ret_value)
{
        struct store *store = session->store;
        struct word object, now, new;
        struct value value, sum;
        struct slot slot;
        int r;

        call_begin(store, session);
        r = handle_resolve(session, target, &object);
        if (r == STORE_OK) {
                r = slot_find(session, object, key, &slot);
        }
        if (r) {
                return r;
        }
        now = slot_get(&store->space, &slot);
        if (space_is_object(&store->space, now)) {
                return call_fail(store, STORE_E_TYPE, "a number cannot be added to a reference");
        }
        box_to_value(&store->space, now, store->room, &value);
        r = obj_sum(store, &value, delta, &sum);
        if (r == STORE_OK) {
                r = input_word(session, &sum, &new);
        }
        if (r) {
                return r;
        }
        slot_put(&store->space, &slot, new);
        obj_touch(&store->space, object);
        *ret_value = sum;
        return STORE_OK;
}
