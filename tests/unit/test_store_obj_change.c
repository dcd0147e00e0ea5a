/* SPDX-License-Identifier: MIT */

/* Changing objects: set, cas, add: all or nothing. */

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

static int set(uint32_t handle, struct row row)
{
        uint64_t version;

        return obj_set(session, target_handle(handle), &row.source, NULL, &version);
}

static struct value at(uint32_t handle, struct value key)
{
        struct row row = row_of(&key, 1);
        struct value value;

        cr_assert_eq(obj_walk(session, target_handle(handle), &row.source, 0, &value), STORE_OK);
        return value;
}

static int add(uint32_t handle, struct value key, struct value delta, struct value *ret_sum)
{
        return obj_add(session, target_handle(handle), &key, &delta, ret_sum);
}

Test(obj_set, the_version_goes_up_by_one_a_call, .init = setup, .fini = teardown)
{
        struct row row = ROW(value_int(0), value_int(5), value_int(1), value_int(6), value_int(0),
                             value_int(7));
        uint64_t version = 99, guard = 0;

        world_object(session, KIND_RECORD, 1, ROW(value_nil(), value_nil()));
        cr_assert_eq(obj_set(session, target_handle(1), &row.source, &guard, &version), STORE_OK);
        cr_assert_eq(version, 1u);
        cr_assert_eq(at(1, value_int(0)).integer, 7);
        cr_assert_eq(obj_set(session, target_handle(1), &row.source, &guard, &version),
                     STORE_E_CONFLICT);
        row.source.n = 0;
        guard = 1;
        cr_assert_eq(obj_set(session, target_handle(1), &row.source, &guard, &version), STORE_OK);
        cr_assert_eq(version, 1u);
}

Test(obj_set, one_bad_pair_and_nothing_is_set, .init = setup, .fini = teardown)
{
        struct obj_info info;

        world_object(session, KIND_RECORD, 1, ROW(value_int(1)));
        world_object(session, KIND_ARRAY, 2, ROW(value_int(1)));
        world_object(session, KIND_MAP, 3, ROW(value_int(0), value_int(1)));
        for (uint32_t handle = 1; handle <= 3; handle++) {
                cr_assert_eq(
                        set(handle, ROW(value_int(0), value_int(2), value_int(0), value_ref(99))),
                        STORE_E_NO_HANDLE);
                cr_assert_eq(
                        set(handle, ROW(value_int(0), value_int(2), value_time(0, 0), value_nil())),
                        STORE_E_TYPE);
                cr_assert_eq(at(handle, value_int(0)).integer, 1);
        }
        cr_assert_eq(set(3, ROW(value_str("new"), value_int(2), value_time(0, 0), value_nil())),
                     STORE_E_TYPE);
        cr_assert_eq(obj_info(session, target_handle(3), &info), STORE_OK);
        cr_assert_eq(info.length, 1u);
        cr_assert_eq(info.version, 0u);
}

Test(obj_set, a_blob_has_no_slots, .init = setup, .fini = teardown)
{
        struct obj_spec spec = {.kind = KIND_BLOB, .into = 1};
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(set(1, ROW(value_int(0), value_int(1))), STORE_E_TYPE);
}

Test(obj_cas, references_compare_by_identity_and_values_by_content, .init = setup, .fini = teardown)
{
        struct value key = value_int(0), text = value_str("a longer text"), current;
        struct value twin = value_str("a longer text"), one = value_ref(1), two = value_ref(2);
        struct target target = target_handle(3);
        bool swapped;

        world_object(session, KIND_RECORD, 1, row_of(NULL, 0));
        world_object(session, KIND_RECORD, 2, row_of(NULL, 0));
        world_object(session, KIND_RECORD, 3, ROW(text));
        cr_assert_eq(obj_cas(session, target, &key, &twin, &one, &swapped, &current), STORE_OK);
        cr_assert(swapped);
        cr_assert_eq(current.handle, 1u);
        cr_assert_eq(obj_cas(session, target, &key, &two, &text, &swapped, &current), STORE_OK);
        cr_assert_not(swapped);
        cr_assert_eq(current.handle, HANDLE_PICKED);
        cr_assert_eq(obj_cas(session, target, &key, &current, &text, &swapped, &current), STORE_OK);
        cr_assert(swapped);
        cr_assert_eq(obj_cas(session, target, &key, &one, &text, &swapped, &current), STORE_OK);
        cr_assert_not(swapped);
        cr_assert(value_same(&current, &text));
}

Test(obj_cas, an_absent_key_is_nil_and_can_be_claimed_once, .init = setup, .fini = teardown)
{
        struct value key = value_str("lock"), nil = value_nil(), mine = value_int(1), current;
        bool swapped;

        world_object(session, KIND_MAP, 1, row_of(NULL, 0));
        cr_assert_eq(obj_cas(session, target_handle(1), &key, &nil, &mine, &swapped, &current),
                     STORE_OK);
        cr_assert(swapped);
        cr_assert_eq(obj_cas(session, target_handle(1), &key, &nil, &mine, &swapped, &current),
                     STORE_OK);
        cr_assert_not(swapped);
}

Test(obj_add, ints_add_exactly_or_not_at_all, .init = setup, .fini = teardown)
{
        static const struct {
                bool ok;
                int64_t now, delta;
        } sums[] = {
                {true, 0, 0},         {true, 5, -7},           {true, INT64_MAX, INT64_MIN},
                {true, INT64_MIN, 0}, {false, INT64_MIN, -1},  {true, INT64_MIN, INT64_MAX},
                {true, INT64_MAX, 1}, {true, WORD_INT_MAX, 1}, {true, WORD_INT_MIN, -1},
        };
        struct value sum;

        for (unsigned i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
                world_object(session, KIND_RECORD, 1, ROW(value_int(sums[i].now)));
                cr_assert_eq(add(1, value_int(0), value_int(sums[i].delta), &sum),
                             sums[i].ok ? STORE_OK : STORE_E_RANGE);
                if (sums[i].ok) {
                        struct value now = at(1, value_int(0));

                        cr_assert_eq(sum.natural, (uint64_t)sums[i].now + (uint64_t)sums[i].delta);
                        cr_assert(value_same(&sum, &now));
                }
                handle_drop(session, 1);
        }
}

Test(obj_add, the_largest_int_is_the_last, .init = setup, .fini = teardown)
{
        struct value sum;

        world_object(session, KIND_RECORD, 1, ROW(value_int(INT64_MAX)));
        cr_assert_eq(add(1, value_int(0), value_uint((uint64_t)INT64_MAX + 1), &sum), STORE_OK);
        cr_assert_eq(sum.type, VALUE_UINT);
        cr_assert_eq(sum.natural, UINT64_MAX);
        cr_assert_eq(add(1, value_int(0), value_int(1), &sum), STORE_E_RANGE);
        cr_assert_eq(add(1, value_int(0), value_int(INT64_MIN), &sum), STORE_OK);
        cr_assert_eq(sum.type, VALUE_INT);
        cr_assert_eq(sum.integer, INT64_MAX);
}

Test(obj_add, types_are_not_mixed, .init = setup, .fini = teardown)
{
        struct value sum;

        world_object(session, KIND_RECORD, 1, ROW(value_float(0.5), value_str("x"), value_nil()));
        world_object(session, KIND_ARRAY, 2, ROW(value_ref(1), value_int(1)));
        cr_assert_eq(add(1, value_int(0), value_float(0.25), &sum), STORE_OK);
        cr_assert_eq(sum.real, 0.75);
        cr_assert_eq(add(1, value_int(0), value_int(1), &sum), STORE_E_TYPE);
        cr_assert_eq(add(1, value_int(1), value_int(1), &sum), STORE_E_TYPE);
        cr_assert_eq(add(1, value_int(2), value_int(1), &sum), STORE_E_TYPE);
        cr_assert_eq(add(2, value_int(0), value_int(1), &sum), STORE_E_TYPE);
        cr_assert_eq(add(2, value_int(1), value_float(1), &sum), STORE_E_TYPE);
        cr_assert_eq(add(2, value_int(2), value_int(1), &sum), STORE_E_RANGE);
}
