/* SPDX-License-Identifier: MIT */

/* Handles: binding, dropping, broken numbers, and every bound at and one past it. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, &(struct store_config){.handles_max = 4096});
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static void new_record(uint32_t into)
{
        world_object(session, KIND_RECORD, into, row_of(NULL, 0));
}

static int dup(uint32_t handle, uint32_t into)
{
        uint32_t bound;

        return handle_dup(session, target_handle(handle), into, &bound);
}

Test(handle, a_number_in_use_is_not_bound_again, .init = setup, .fini = teardown)
{
        bool same;

        new_record(1);
        new_record(2);
        cr_assert_eq(dup(1, 2), STORE_E_EXISTS);
        cr_assert_eq(handle_same(session, target_handle(1), target_handle(2), &same), STORE_OK);
        cr_assert_not(same);
        cr_assert_eq(dup(1, 3), STORE_OK);
        cr_assert_eq(handle_same(session, target_handle(1), target_handle(3), &same), STORE_OK);
        cr_assert(same);
}

Test(handle, numbers_to_choose_are_those_without_the_top_bit, .init = setup, .fini = teardown)
{
        uint32_t picked;

        new_record(HANDLE_PICKED - 1);
        cr_assert_eq(dup(HANDLE_PICKED - 1, HANDLE_PICKED), STORE_E_BAD_REQUEST);
        cr_assert_eq(dup(HANDLE_PICKED - 1, UINT32_MAX), STORE_E_BAD_REQUEST);
        cr_assert_eq(handle_dup(session, target_handle(HANDLE_PICKED - 1), 0, &picked), STORE_OK);
        cr_assert_eq(picked, HANDLE_PICKED);
}

Test(handle, one_that_is_not_bound_is_no_handle, .init = setup, .fini = teardown)
{
        new_record(1);
        cr_assert_eq(dup(0, 9), STORE_E_NO_HANDLE);
        cr_assert_str_eq(store_fault(world.store), "handle 0 is nil");
        cr_assert_eq(dup(2, 9), STORE_E_NO_HANDLE);
        cr_assert_str_eq(store_fault(world.store), "handle 2 is not bound");
        cr_assert_eq(dup(HANDLE_PICKED, 9), STORE_E_NO_HANDLE);
        cr_assert(handle_drop(session, 1));
        cr_assert_not(handle_drop(session, 1));
        cr_assert_not(handle_drop(session, 0));
        cr_assert_eq(dup(1, 9), STORE_E_NO_HANDLE);
}

Test(handle, another_session_has_numbers_of_its_own, .init = setup, .fini = teardown)
{
        struct session *other = world_session(&world);
        uint32_t handle;

        new_record(1);
        cr_assert_eq(handle_dup(other, target_handle(1), 2, &handle), STORE_E_NO_HANDLE);
}

Test(handle, a_broken_number_names_the_request_to_blame, .init = setup, .fini = teardown)
{
        new_record(1);
        cr_assert_eq(dup(99, 7), STORE_E_NO_HANDLE);
        session_break(session, 7, UINT32_MAX);
        cr_assert_str_eq(store_fault(world.store), "handle 99 is not bound");
        cr_assert_eq(dup(7, 8), STORE_E_BROKEN);
        cr_assert_eq(store_fault_cause(world.store), UINT32_MAX);
        session_break(session, 7, 0);
        cr_assert_eq(dup(7, 8), STORE_E_BROKEN);
        cr_assert_eq(store_fault_cause(world.store), 0u);
        cr_assert_eq(dup(1, 7), STORE_OK);
        cr_assert_eq(dup(7, 8), STORE_OK);
        session_break(session, 9, 5);
        cr_assert(handle_drop(session, 9));
        cr_assert_eq(dup(9, 10), STORE_E_NO_HANDLE);
}

Test(handle, a_number_in_use_cannot_be_broken, .init = setup, .fini = teardown)
{
        new_record(1);
        session_break(session, 1, 5);
        session_break(session, 0, 5);
        session_break(session, HANDLE_PICKED, 5);
        cr_assert_eq(dup(1, 2), STORE_OK);
        cr_assert_eq(dup(0, 3), STORE_E_NO_HANDLE);
        cr_assert_eq(dup(HANDLE_PICKED, 3), STORE_E_NO_HANDLE);
}

Test(handle, the_limit_counts_bound_and_broken_numbers, .init = setup, .fini = teardown)
{
        struct session_info info;
        uint32_t handle;

        new_record(1);
        for (uint32_t i = 2; i <= 4095; i++) {
                cr_assert_eq(dup(1, i), STORE_OK);
        }
        session_break(session, 4096, 1);
        session_get_info(session, &info);
        cr_assert_eq(info.n_handles, 4096u);
        cr_assert_eq(dup(1, 4097), STORE_E_LIMIT);
        cr_assert_eq(dup(1, 0), STORE_E_LIMIT);
        session_break(session, 4097, 1);
        cr_assert_eq(dup(4097, 4098), STORE_E_NO_HANDLE);
        cr_assert_eq(dup(1, 4096), STORE_OK);
        cr_assert(handle_drop(session, 17));
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &handle), STORE_OK);
        cr_assert_eq(dup(1, 4097), STORE_E_LIMIT);
}

/* 4096 / HANDLE_PAGE_MIN + 8 = 72 pages: three levels above the leaves take 1, 1 and a few. */
Test(handle, sparse_numbers_are_charged_by_the_page, .init = setup, .fini = teardown)
{
        uint32_t n = 1;

        new_record(1);
        while (dup(1, 1 + n * 600) == STORE_OK) {
                n++;
        }
        cr_assert_eq(dup(1, 1 + n * 600), STORE_E_LIMIT);
        cr_assert_ge(n, 68u);
        cr_assert_le(n, 72u);
        /* Next to one that is there, there is room. */
        cr_assert_eq(dup(1, 2), STORE_OK);
        for (uint32_t i = 0; i < n; i++) {
                cr_assert(handle_drop(session, i ? 1 + i * 600 : 2));
        }
        cr_assert_eq(dup(1, HANDLE_PICKED - 1), STORE_OK);
}

Test(handle, picking_never_fails_however_few_picked_numbers_stay, .init = setup, .fini = teardown)
{
        uint32_t n = 1, handle;

        new_record(1);
        for (uint32_t i = 0; i < 20 * 4096; i++) {
                cr_assert_eq(handle_dup(session, target_handle(1), 0, &handle), STORE_OK);
                if (i % 71 == 0 && n < 4000) {
                        n++;
                } else {
                        cr_assert(handle_drop(session, handle));
                }
        }
        cr_assert_gt(n, 1000u);
        /* And takes nothing of the pages for chosen ones. */
        for (uint32_t i = 1; i < 60; i++) {
                cr_assert_eq(dup(1, 1 + i * 600), STORE_OK);
        }
}

Test(handle, picked_numbers_go_on_past_the_last, .init = setup, .fini = teardown)
{
        uint32_t handle;

        new_record(1);
        session->next_pick = 4096 * HANDLE_PICKS - 1;
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &handle), STORE_OK);
        cr_assert_eq(handle, HANDLE_PICKED + 4096 * HANDLE_PICKS - 1);
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &handle), STORE_OK);
        cr_assert_eq(handle, HANDLE_PICKED);
        session->next_pick = 4096 * HANDLE_PICKS - 1;
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &handle), STORE_OK);
        cr_assert_eq(handle, HANDLE_PICKED + 1);
}

/* STORE-6 */
Test(handle, a_session_with_many_ends_in_one_step_and_leaves_nothing, .init = setup,
     .fini = teardown)
{
        struct census census;

        for (uint32_t i = 1; i <= 4096; i++) {
                new_record(i);
        }
        world.store->space.work_units = 0;
        session_end(session);
        cr_assert_eq(store_work_units(world.store), 0u);
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), 1u);
}

/* STORE-5 */
Test(handle, without_handles_a_session_has_no_table, .init = setup, .fini = teardown)
{
        struct census census;

        new_record(5);
        new_record(50000);
        handle_drop(session, 5);
        census = world_collect(&world);
        cr_assert_eq(census.n[KIND_HANDLES], 1u);
        cr_assert_eq(census.n[KIND_RECORD], 1u);
        handle_drop(session, 50000);
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), 1u);
}

/* A number that was released may still be on its way to us in an older request. */
Test(handle, a_picked_number_is_not_picked_again_at_once, .init = setup, .fini = teardown)
{
        uint32_t first, second;

        new_record(1);
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &first), STORE_OK);
        cr_assert(handle_drop(session, first));
        cr_assert_eq(handle_dup(session, target_handle(1), 0, &second), STORE_OK);
        cr_assert_eq(second, first + 1);
}

/* Two numbers of one leaf, in a table of several: the leaf goes with the second one. */
Test(handle, a_number_outlives_its_neighbours, .init = setup, .fini = teardown)
{
        new_record(1);
        new_record(2);
        new_record(3);
        new_record(50000);
        cr_assert(handle_drop(session, 1));
        cr_assert(handle_drop(session, 3));
        world_collect(&world);
        cr_assert_eq(dup(2, 4), STORE_OK);
        cr_assert(handle_drop(session, 50000));
        world_collect(&world);
        cr_assert_eq(dup(2, 5), STORE_OK);
}
