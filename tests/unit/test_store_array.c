/* SPDX-License-Identifier: MIT */

/* Arrays: push, read, splice, and their bounds. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, &(struct store_config){.array_length_max = 200000});
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static int push(struct row row, uint64_t *ret_length)
{
        return array_push(session, target_handle(1), &row.source, ret_length);
}

static int splice(uint64_t position, uint64_t n_delete, struct row row)
{
        tray_clear(&tray);
        return array_splice(session, target_handle(1), position, n_delete, &row.source, &tray.sink);
}

/* The array holds these ints. */
static void check(const int64_t *ints, uint32_t n)
{
        tray_clear(&tray);
        cr_assert_eq(obj_get(session, target_handle(1), NULL, &tray.sink), STORE_OK);
        cr_assert_eq(tray.items[0].n, n);
        for (uint32_t i = 0; i < n; i++) {
                cr_assert_eq(tray.items[1 + i].value.integer, ints[i], "element %u", i);
        }
}

static void long_array(uint32_t n)
{
        struct obj_spec spec = {.kind = KIND_ARRAY, .n_nil = n, .into = 1};
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
}

Test(array, splicing_moves_what_is_behind, .init = setup, .fini = teardown)
{
        world_object(session, KIND_ARRAY, 1, ROW(value_int(1), value_int(2), value_int(3)));
        cr_assert_eq(splice(1, 1, ROW(value_int(7), value_int(8), value_int(9))), STORE_OK);
        cr_assert_eq(tray.items[0].n, 1u);
        cr_assert_eq(tray.items[1].value.integer, 2);
        check((int64_t[]){1, 7, 8, 9, 3}, 5);
        cr_assert_eq(splice(0, 3, row_of(NULL, 0)), STORE_OK);
        check((int64_t[]){9, 3}, 2);
        cr_assert_eq(splice(2, 0, ROW(value_int(4))), STORE_OK);
        check((int64_t[]){9, 3, 4}, 3);
        cr_assert_eq(splice(1, 1, ROW(value_int(5))), STORE_OK);
        check((int64_t[]){9, 5, 4}, 3);
        cr_assert_eq(splice(0, 3, row_of(NULL, 0)), STORE_OK);
        check(NULL, 0);
}

Test(array, positions_beyond_the_end_are_errors, .init = setup, .fini = teardown)
{
        struct row none = row_of(NULL, 0);

        world_object(session, KIND_ARRAY, 1, ROW(value_int(1), value_int(2)));
        cr_assert_eq(array_read(session, target_handle(1), 2, 5, &tray.sink), STORE_OK);
        cr_assert_eq(tray.items[0].n, 0u);
        cr_assert_eq(array_read(session, target_handle(1), 3, 0, &tray.sink), STORE_E_RANGE);
        cr_assert_eq(splice(3, 0, none), STORE_E_RANGE);
        cr_assert_eq(splice(1, 2, none), STORE_E_RANGE);
        cr_assert_eq(splice(0, UINT64_MAX, none), STORE_E_RANGE);
        cr_assert_eq(splice(UINT64_MAX, 1, none), STORE_E_RANGE);
        check((int64_t[]){1, 2}, 2);
        tray_clear(&tray);
        cr_assert_eq(array_read(session, target_handle(1), 1, UINT64_MAX, &tray.sink), STORE_OK);
        cr_assert_eq(tray.items[0].n, 1u);
}

Test(array, nils_take_no_memory, .init = setup, .fini = teardown)
{
        struct census census;

        long_array(150000);
        census = world_collect(&world);
        cr_assert_eq(census.n[KIND_NODE], 1u); /* the handle's */
}

Test(array, its_length_has_a_limit, .init = setup, .fini = teardown)
{
        struct obj_spec spec = {.kind = KIND_ARRAY, .n_nil = 200001};
        struct obj_info info;
        uint64_t length;
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TOO_BIG);
        long_array(199999);
        cr_assert_eq(push(ROW(value_int(1)), &length), STORE_OK);
        cr_assert_eq(length, 200000u);
        cr_assert_eq(push(ROW(value_int(1)), &length), STORE_E_TOO_BIG);
        cr_assert_eq(splice(200000, 0, ROW(value_int(1))), STORE_E_TOO_BIG);
        cr_assert_eq(splice(199999, 1, ROW(value_int(2))), STORE_OK);
        cr_assert_eq(obj_info(session, target_handle(1), &info), STORE_OK);
        cr_assert_eq(info.version, 2u);
}

/* STORE-4: what would run long is refused before it starts. */
Test(array, a_splice_far_from_the_end_is_too_big, .init = setup, .fini = teardown)
{
        long_array(100000);
        cr_assert_eq(splice(100000 - STORE_ELEMENTS_MAX, 0, ROW(value_int(1))), STORE_OK);
        cr_assert_eq(splice(100000 - STORE_ELEMENTS_MAX, 0, ROW(value_int(1))), STORE_E_TOO_BIG);
        cr_assert_eq(splice(0, 1, ROW(value_int(1))), STORE_OK);
        cr_assert_eq(splice(0, STORE_ELEMENTS_MAX + 1, row_of(NULL, 0)), STORE_E_TOO_BIG);
        cr_assert_eq(array_read(session, target_handle(1), 0, STORE_ELEMENTS_MAX, &tray.sink),
                     STORE_OK);
        cr_assert_eq(array_read(session, target_handle(1), 0, STORE_ELEMENTS_MAX + 1, &tray.sink),
                     STORE_E_TOO_BIG);
}

Test(array, only_arrays_are_pushed_to, .init = setup, .fini = teardown)
{
        uint64_t length;

        world_object(session, KIND_MAP, 1, row_of(NULL, 0));
        cr_assert_eq(push(ROW(value_int(1)), &length), STORE_E_TYPE);
        cr_assert_str_eq(store_fault(world.store), "the object is of kind map, not array");
}

Test(array, a_handle_that_is_not_there_and_nothing_is_pushed, .init = setup, .fini = teardown)
{
        uint64_t length;

        world_object(session, KIND_ARRAY, 1, ROW(value_int(1)));
        cr_assert_eq(push(ROW(value_int(2), value_ref(77)), &length), STORE_E_NO_HANDLE);
        check((int64_t[]){1}, 1);
}
