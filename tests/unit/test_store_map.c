/* SPDX-License-Identifier: MIT */

/* Maps: removing, taking, scanning. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, &(struct store_config){.handles_max = 100, .result_bytes_max = 200000});
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static int del(struct row row, struct value_sink *take, uint32_t *ret_n)
{
        return map_del(session, target_handle(1), &row.source, take, ret_n);
}

static int scan(struct map_scan how, uint64_t *ret_cursor)
{
        tray_clear(&tray);
        return map_scan(session, target_handle(1), &how, &tray.sink, ret_cursor);
}

static void fill(uint32_t n)
{
        world_object(session, KIND_MAP, 1, row_of(NULL, 0));
        for (uint32_t i = 0; i < n; i++) {
                struct row row = ROW(value_int(i), value_int(i));
                uint64_t version;

                cr_assert_eq(obj_set(session, target_handle(1), &row.source, NULL, &version),
                             STORE_OK);
        }
}

Test(map, taking_hands_out_what_was_there, .init = setup, .fini = teardown)
{
        struct obj_info info;
        uint32_t n;

        world_object(session, KIND_RECORD, 2, row_of(NULL, 0));
        world_object(session, KIND_MAP, 1,
                     ROW(value_str("a"), value_ref(2), value_str("b"), value_nil()));
        cr_assert_eq(del(ROW(value_str("a"), value_str("x"), value_str("a"), value_str("b")),
                         &tray.sink, &n),
                     STORE_OK);
        cr_assert_eq(n, 2u);
        cr_assert_eq(tray.items[0].n, 4u);
        cr_assert_eq(tray.items[1].value.handle, HANDLE_PICKED);
        cr_assert_eq(tray.items[3].value.type, VALUE_NIL);
        cr_assert_eq(obj_info(session, target_handle(1), &info), STORE_OK);
        cr_assert_eq(info.length, 0u);
        cr_assert_eq(info.version, 1u);
        cr_assert_eq(del(ROW(value_str("a")), NULL, &n), STORE_OK);
        cr_assert_eq(n, 0u);
        cr_assert_eq(obj_info(session, target_handle(1), &info), STORE_OK);
        cr_assert_eq(info.version, 1u);
}

Test(map, what_cannot_be_handed_out_is_not_taken, .init = setup, .fini = teardown)
{
        struct obj_info info;
        uint32_t n, handle;

        world_object(session, KIND_RECORD, 2, row_of(NULL, 0));
        world_object(session, KIND_MAP, 1, ROW(value_str("a"), value_ref(2)));
        while (handle_dup(session, target_handle(2), 0, &handle) == STORE_OK) {
        }
        cr_assert_eq(del(ROW(value_str("a")), &tray.sink, &n), STORE_E_LIMIT);
        cr_assert_eq(del(ROW(value_str("a"), value_time(1, 1)), NULL, &n), STORE_E_TYPE);
        cr_assert_eq(obj_info(session, target_handle(1), &info), STORE_OK);
        cr_assert_eq(info.length, 1u);
        cr_assert_eq(del(ROW(value_str("a")), NULL, &n), STORE_OK);
        cr_assert_eq(n, 1u);
}

Test(map, a_scan_goes_by_portions_of_about_the_limit, .init = setup, .fini = teardown)
{
        uint64_t cursor = 0;
        uint32_t n = 0;

        fill(1000);
        do {
                cr_assert_eq(scan((struct map_scan){.cursor = cursor, .limit = 50, .values = true},
                                  &cursor),
                             STORE_OK);
                cr_assert_le(tray.items[0].n, 50u);
                cr_assert_gt(tray.items[0].n, 20u - (cursor == 0 ? 20 : 0));
                n += tray.items[0].n;
                cr_assert_eq(tray.items[2].value.integer, tray.items[3].value.integer);
        } while (cursor);
        cr_assert_eq(n, 1000u);
        cr_assert_eq(scan((struct map_scan){0}, &cursor), STORE_OK);
        cr_assert_le(tray.items[0].n, MAP_SCAN_LIMIT_DEFAULT);
}

Test(map, a_portion_ends_before_it_is_too_large_to_hand_out, .init = setup, .fini = teardown)
{
        static uint8_t bytes[STORE_INLINE_MAX];
        uint64_t cursor = 0, version;
        uint32_t n = 0;

        world_object(session, KIND_MAP, 1, row_of(NULL, 0));
        for (uint32_t i = 0; i < 60; i++) {
                struct row row = ROW(value_int(i), value_bytes(VALUE_BIN, bytes, 15000));

                cr_assert_eq(obj_set(session, target_handle(1), &row.source, NULL, &version),
                             STORE_OK);
        }
        cr_assert_eq(obj_get(session, target_handle(1), NULL, &tray.sink), STORE_E_TOO_BIG);
        do {
                cr_assert_eq(scan((struct map_scan){.cursor = cursor, .values = true}, &cursor),
                             STORE_OK);
                n += tray.items[0].n;
        } while (cursor);
        cr_assert_eq(n, 60u);
}

Test(map, a_prefix_picks_texts_only, .init = setup, .fini = teardown)
{
        struct map_scan how = {.prefix = (const uint8_t *)"ab", .n_prefix = 2};
        uint64_t cursor;

        world_object(session, KIND_MAP, 1,
                     ROW(value_str("ab"), value_int(1), value_str("abc a longer one"), value_int(2),
                         value_bytes(VALUE_BIN, "abc", 3), value_int(3), value_str("a"),
                         value_int(4), value_int(5), value_int(5)));
        cr_assert_eq(scan(how, &cursor), STORE_OK);
        cr_assert_eq(tray.items[0].n, 2u);
        cr_assert_eq(cursor, 0u);
}

/* STORE-4: a scan that finds nothing still comes back. */
Test(map, a_scan_looks_at_a_bounded_number_of_entries, .init = setup, .fini = teardown)
{
        struct map_scan how = {.prefix = (const uint8_t *)"x", .n_prefix = 1};
        uint64_t cursor;

        fill(20000);
        cr_assert_eq(scan(how, &cursor), STORE_OK);
        cr_assert_neq(cursor, 0u);
        cr_assert_le(store_work_units(world.store), 1024u * 40);
}

Test(map, any_cursor_is_safe, .init = setup, .fini = teardown)
{
        uint64_t cursor;

        fill(100);
        for (uint64_t i = 1; i; i <<= 1) {
                cr_assert_eq(scan((struct map_scan){.cursor = i}, &cursor), STORE_OK);
                cr_assert_eq(scan((struct map_scan){.cursor = ~i}, &cursor), STORE_OK);
        }
}
