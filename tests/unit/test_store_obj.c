/* SPDX-License-Identifier: MIT */

/* Objects of every kind: created, described, read whole and in part, walked. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, NULL);
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static int get(uint32_t handle, struct row row)
{
        tray_clear(&tray);
        return obj_get(session, target_handle(handle), &row.source, &tray.sink);
}

static int get_all(uint32_t handle)
{
        tray_clear(&tray);
        return obj_get(session, target_handle(handle), NULL, &tray.sink);
}

Test(obj, values_of_every_type_come_back_as_they_went_in, .init = setup, .fini = teardown)
{
        static uint8_t bytes[STORE_INLINE_MAX];
        struct value values[] = {
                value_nil(),
                value_bool(true),
                value_bool(false),
                value_int(0),
                value_int(INT64_MIN),
                value_int(INT64_MAX),
                value_int(WORD_INT_MAX),
                value_int(WORD_INT_MAX + 1),
                value_int(WORD_INT_MIN),
                value_int(WORD_INT_MIN - 1),
                value_uint(UINT64_MAX),
                value_float(-0.0),
                value_float(0.1),
                value_float(1e-310),
                value_float(__builtin_nan("0x123")),
                value_float(-__builtin_inf()),
                value_str(""),
                value_str("sixsix"),
                value_str("sevenses"),
                value_bytes(VALUE_BIN, "\0\1\2", 3),
                value_bytes(VALUE_BIN, bytes, STORE_INLINE_MAX),
                value_bytes(VALUE_DOC, "\x91\x01", 2),
                value_time(-1, 999999999),
        };
        const uint32_t n = sizeof(values) / sizeof(*values);

        world_object(session, KIND_RECORD, 1, row_of(values, n));
        world_collect(&world);
        cr_assert_eq(get_all(1), STORE_OK);
        cr_assert_eq(tray.items[0].n, n);
        for (uint32_t i = 0; i < n; i++) {
                cr_assert(value_same(&tray.items[1 + i].value, &values[i]), "value %u", i);
        }
}

Test(obj, info_says_what_it_is, .init = setup, .fini = teardown)
{
        struct obj_spec blob = {.kind = KIND_BLOB, .bytes = (const uint8_t *)"hello", .n_bytes = 5};
        struct obj_info info;
        uint32_t handle;

        world_object(session, KIND_MAP, 1,
                     ROW(value_int(1), value_int(2), value_int(1), value_nil()));
        cr_assert_eq(obj_info(session, target_handle(1), &info), STORE_OK);
        cr_assert_eq(info.kind, KIND_MAP);
        cr_assert_eq(info.length, 1u);
        cr_assert_eq(info.n_bytes, 16u);
        cr_assert_not(info.sealed);
        cr_assert_eq(obj_new(session, &blob, &handle), STORE_OK);
        cr_assert_eq(handle, HANDLE_PICKED);
        cr_assert_eq(obj_info(session, target_handle(handle), &info), STORE_OK);
        cr_assert_eq(info.length, 5u);
        cr_assert_eq(info.version, 0u);
        cr_assert(info.sealed);
        cr_assert_eq(get_all(handle), STORE_OK);
        cr_assert_str_eq((const char *)tray.items[0].value.bytes, "hello");
}

Test(obj, slots_and_sizes_have_limits, .init = setup, .fini = teardown)
{
        static uint8_t bytes[STORE_INLINE_MAX + 1];
        struct value big = value_bytes(VALUE_STR, bytes, STORE_INLINE_MAX + 1);
        struct row row = row_of(&big, 1);
        struct obj_spec spec = {.kind = KIND_RECORD, .n_nil = STORE_SLOTS_MAX, .into = 1};
        struct obj_spec blob = {.kind = KIND_BLOB, .bytes = bytes, .n_bytes = (16u << 20) + 1};
        struct session_info before, after;
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        spec.n_nil++;
        spec.into = 2;
        session_get_info(session, &before);
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TOO_BIG);
        cr_assert_eq(obj_new(session, &blob, &handle), STORE_E_TOO_BIG);
        session_get_info(session, &after);
        cr_assert_eq(after.n_handles, 1u);
        spec.init = &row.source;
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TOO_BIG);
        cr_assert_eq(obj_info(session, target_handle(2), &(struct obj_info){0}), STORE_E_NO_HANDLE);
}

Test(obj, a_source_that_gives_out_leaves_nothing_behind, .init = setup, .fini = teardown)
{
        struct row row = ROW(value_int(1), value_int(2), value_int(3), value_int(4));
        struct census census;
        uint32_t handle;

        for (unsigned kind = KIND_RECORD; kind <= KIND_MAP; kind++) {
                struct obj_spec spec = {.kind = kind,
                                        .init = &row.source,
                                        .into = 5,
                                        .name = (const uint8_t *)"n",
                                        .n_name = 1};

                for (row.n_good = 0; row.n_good < 4; row.n_good++) {
                        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_BAD_REQUEST);
                }
        }
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), 1u);
}

Test(obj, keys_that_do_not_fit_are_errors, .init = setup, .fini = teardown)
{
        world_object(session, KIND_RECORD, 1, ROW(value_int(10), value_int(11)));
        world_object(session, KIND_MAP, 2, ROW(value_str("k"), value_int(1)));
        cr_assert_eq(get(1, ROW(value_int(1), value_int(0))), STORE_OK);
        cr_assert_eq(tray.items[1].value.integer, 11);
        cr_assert_eq(get(1, ROW(value_int(2))), STORE_E_RANGE);
        cr_assert_str_eq(store_fault(world.store), "slot 2 is beyond the record's 2");
        cr_assert_eq(get(1, ROW(value_int(-1))), STORE_E_RANGE);
        cr_assert_eq(get(1, ROW(value_uint(UINT64_MAX))), STORE_E_RANGE);
        cr_assert_eq(get(1, ROW(value_float(1.0))), STORE_E_TYPE);
        cr_assert_eq(get(2, ROW(value_str("k"), value_str("absent"))), STORE_OK);
        cr_assert_eq(tray.items[2].value.type, VALUE_NIL);
        cr_assert_eq(get(2, ROW(value_time(1, 1))), STORE_E_TYPE);
        cr_assert_eq(tray.n_items, 0u);
}

Test(obj, references_come_bound_to_fresh_handles, .init = setup, .fini = teardown)
{
        bool same;

        world_object(session, KIND_RECORD, 1, ROW(value_int(1)));
        world_object(session, KIND_ARRAY, 2, ROW(value_ref(1), value_ref(0), value_ref(1)));
        cr_assert_eq(get_all(2), STORE_OK);
        cr_assert_eq(tray.items[1].value.handle, HANDLE_PICKED);
        cr_assert_eq(tray.items[2].value.type, VALUE_NIL);
        cr_assert_eq(tray.items[3].value.handle, HANDLE_PICKED + 1);
        cr_assert_eq(handle_same(session, target_handle(HANDLE_PICKED), target_handle(1), &same),
                     STORE_OK);
        cr_assert(same);
}

Test(obj, an_answer_is_bounded_before_it_is_given, .init = setup, .fini = teardown)
{
        static uint8_t bytes[STORE_INLINE_MAX];
        struct value big = value_bytes(VALUE_BIN, bytes, STORE_INLINE_MAX);
        struct obj_spec spec = {.kind = KIND_ARRAY, .n_nil = STORE_ELEMENTS_MAX, .into = 1};
        struct row row = ROW(value_nil());
        uint64_t length;
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(get_all(1), STORE_OK);
        cr_assert_eq(array_push(session, target_handle(1), &row.source, &length), STORE_OK);
        cr_assert_eq(get_all(1), STORE_E_TOO_BIG);
        world_object(session, KIND_ARRAY, 2, row_of(NULL, 0));
        row = row_of(&big, 1);
        for (uint32_t i = 0; i < 64; i++) {
                cr_assert_eq(get_all(2), STORE_OK);
                cr_assert_eq(array_push(session, target_handle(2), &row.source, &length), STORE_OK);
        }
        cr_assert_eq(get_all(2), STORE_E_TOO_BIG);
        cr_assert_eq(tray.n_items, 0u);
}

Test(obj, of_a_map_keys_and_values_count, .init = setup, .fini = teardown)
{
        static struct value pairs[STORE_ELEMENTS_MAX + 2];
        struct row one;
        uint64_t version;

        for (uint32_t i = 0; i < STORE_ELEMENTS_MAX + 2; i++) {
                pairs[i] = value_int(i / 2);
        }
        world_object(session, KIND_MAP, 1, row_of(pairs, STORE_ELEMENTS_MAX));
        cr_assert_eq(get_all(1), STORE_OK);
        cr_assert_eq(tray.items[0].n, STORE_ELEMENTS_MAX / 2);
        one = row_of(pairs + STORE_ELEMENTS_MAX, 2);
        cr_assert_eq(obj_set(session, target_handle(1), &one.source, NULL, &version), STORE_OK);
        cr_assert_eq(get_all(1), STORE_E_TOO_BIG);
}

Test(obj, a_walk_follows_keys_through_every_kind, .init = setup, .fini = teardown)
{
        struct row path = ROW(value_str("list"), value_int(1), value_int(0));
        struct row stray = ROW(value_str("list"), value_int(0), value_int(0));
        struct row none = row_of(NULL, 0);
        struct value value;

        world_object(session, KIND_RECORD, 1, ROW(value_str("the end of it")));
        world_object(session, KIND_ARRAY, 2, ROW(value_nil(), value_ref(1)));
        world_object(session, KIND_MAP, 3, ROW(value_str("list"), value_ref(2)));
        cr_assert_eq(obj_walk(session, target_handle(3), &path.source, 0, &value), STORE_OK);
        cr_assert_eq(value.n_bytes, 13u);
        path.source.n = 2;
        cr_assert_eq(obj_walk(session, target_handle(3), &path.source, 1, &value), STORE_E_EXISTS);
        cr_assert_eq(obj_walk(session, target_handle(3), &path.source, 9, &value), STORE_OK);
        cr_assert_eq(value.handle, 9u);
        cr_assert_eq(obj_walk(session, target_handle(3), &stray.source, 0, &value), STORE_E_TYPE);
        cr_assert_str_eq(store_fault(world.store), "step 2 of the path leads to no object");
        cr_assert_eq(obj_walk(session, target_handle(3), &none.source, 10, &value), STORE_OK);
        cr_assert_eq(value.handle, 10u);
}

/* A chain as long as you like is no recursion for anybody. */
Test(obj, a_long_chain_is_collected, .init = setup, .fini = teardown)
{
        struct census census;

        world_object(session, KIND_RECORD, 1, row_of(NULL, 0));
        for (uint32_t i = 0; i < 300000; i++) {
                world_object(session, KIND_RECORD, 2, ROW(value_ref(1)));
                handle_drop(session, 1);
                world_object(session, KIND_RECORD, 1, ROW(value_ref(2)));
                handle_drop(session, 2);
        }
        census = world_collect(&world);
        cr_assert_eq(census.n[KIND_RECORD], 600001u);
        handle_drop(session, 1);
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), 1u);
}
