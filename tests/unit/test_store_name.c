/* SPDX-License-Identifier: MIT */

/* Names: what they keep alive, conditions, listing, limits. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, &(struct store_config){.names_max = 20});
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static const uint8_t *bytes(const char *text)
{
        return (const uint8_t *)text;
}

static int put(const char *name, uint32_t handle, enum name_if when, uint32_t same)
{
        bool replaced;

        return name_put(session, bytes(name), (uint32_t)strlen(name), target_handle(handle), when,
                        target_handle(same), &replaced);
}

static void two_records(void)
{
        setup();
        world_object(session, KIND_RECORD, 1, ROW(value_int(1)));
        world_object(session, KIND_ARRAY, 2, ROW(value_int(2)));
}

Test(name, it_keeps_its_object_when_the_session_is_gone, .init = two_records, .fini = teardown)
{
        struct census census;
        uint64_t version;
        uint32_t handle;
        enum kind kind;

        cr_assert_eq(put("kept", 2, NAME_IF_ANY, 0), STORE_OK);
        session_end(session);
        census = world_collect(&world);
        cr_assert_eq(census.n[KIND_ARRAY], 1u);
        cr_assert_eq(census.n[KIND_RECORD], 0u);
        session = world_session(&world);
        cr_assert_eq(name_get(session, bytes("kept"), 4, 9, &handle, &kind, &version), STORE_OK);
        cr_assert_eq(handle, 9u);
        cr_assert_eq(kind, KIND_ARRAY);
        cr_assert_eq(version, 0u);
        cr_assert_eq(name_get(session, bytes("kept"), 4, 9, &handle, &kind, &version),
                     STORE_E_EXISTS);
        cr_assert_eq(name_get(session, bytes("kepp"), 4, 10, &handle, &kind, &version),
                     STORE_E_NO_NAME);
}

Test(name, conditions_decide_whether_it_changes, .init = two_records, .fini = teardown)
{
        struct target same = target_handle(1);
        bool flag;

        cr_assert_eq(put("n", 1, NAME_IF_SAME, 1), STORE_E_CONFLICT);
        cr_assert_eq(put("n", 1, NAME_IF_ABSENT, 0), STORE_OK);
        cr_assert_eq(put("n", 2, NAME_IF_ABSENT, 0), STORE_E_EXISTS);
        cr_assert_eq(put("n", 2, NAME_IF_SAME, 2), STORE_E_CONFLICT);
        cr_assert_eq(put("n", 2, NAME_IF_SAME, 3), STORE_E_NO_HANDLE);
        cr_assert_eq(put("n", 2, NAME_IF_SAME, 1), STORE_OK);
        cr_assert_eq(name_put(session, bytes("n"), 1, target_handle(2), NAME_IF_ANY, same, &flag),
                     STORE_OK);
        cr_assert(flag);
        cr_assert_eq(name_del(session, bytes("n"), 1, &same, &flag), STORE_E_CONFLICT);
        same = target_name("n", 1);
        cr_assert_eq(name_del(session, bytes("n"), 1, &same, &flag), STORE_OK);
        cr_assert(flag);
        cr_assert_eq(name_del(session, bytes("n"), 1, NULL, &flag), STORE_OK);
        cr_assert_not(flag);
        cr_assert_eq(name_del(session, bytes("n"), 1, &same, &flag), STORE_E_NO_NAME);
}

Test(name, limits_hold_at_and_one_past, .init = two_records, .fini = teardown)
{
        static uint8_t text[STORE_NAME_BYTES_MAX + 1];
        struct store_stats stats;
        bool replaced;

        memset(text, 'x', sizeof(text));
        cr_assert_eq(name_put(session, text, 0, target_handle(1), NAME_IF_ANY, target_handle(0),
                              &replaced),
                     STORE_E_RANGE);
        cr_assert_eq(name_put(session, text, sizeof(text), target_handle(1), NAME_IF_ANY,
                              target_handle(0), &replaced),
                     STORE_E_TOO_BIG);
        for (uint32_t i = 0; i < 20; i++) {
                cr_assert_eq(name_put(session, text, STORE_NAME_BYTES_MAX - i, target_handle(1),
                                      NAME_IF_ANY, target_handle(0), &replaced),
                             STORE_OK);
        }
        cr_assert_eq(put("one more", 1, NAME_IF_ANY, 0), STORE_E_LIMIT);
        cr_assert_eq(name_put(session, text, STORE_NAME_BYTES_MAX, target_handle(2), NAME_IF_ANY,
                              target_handle(0), &replaced),
                     STORE_OK);
        store_get_stats(world.store, &stats);
        cr_assert_eq(stats.n_names, 20u);
}

Test(name, an_object_is_created_and_named_in_one_step, .init = two_records, .fini = teardown)
{
        struct obj_spec spec = {.kind = KIND_MAP, .name = bytes("m"), .n_name = 1};
        struct session_info info;
        struct obj_info object;
        uint32_t handle = 99;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(handle, 0u);
        session_get_info(session, &info);
        cr_assert_eq(info.n_handles, 2u);
        spec.if_absent = true;
        spec.into = 7;
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_EXISTS);
        spec.if_absent = false;
        spec.kind = KIND_BLOB;
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(handle, 7u);
        cr_assert_eq(obj_info(session, target_name("m", 1), &object), STORE_OK);
        cr_assert_eq(object.kind, KIND_BLOB);
        /* A number in use: neither created nor named. */
        spec.kind = KIND_RECORD;
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_EXISTS);
        cr_assert_eq(obj_info(session, target_name("m", 1), &object), STORE_OK);
        cr_assert_eq(object.kind, KIND_BLOB);
}

Test(name, a_list_has_those_with_the_prefix_and_their_kinds, .init = two_records, .fini = teardown)
{
        uint64_t cursor;

        put("app/a long name that fits no word", 1, NAME_IF_ANY, 0);
        put("app/b", 2, NAME_IF_ANY, 0);
        put("ap", 2, NAME_IF_ANY, 0);
        put("other", 2, NAME_IF_ANY, 0);
        cr_assert_eq(name_list(world.store, bytes("app/"), 4, 0, 0, &tray.sink, &cursor), STORE_OK);
        cr_assert_eq(cursor, 0u);
        cr_assert_eq(tray.items[0].n, 2u);
        for (unsigned i = 1; i < tray.n_items; i += 3) {
                const char *name = (const char *)tray.items[i + 1].value.bytes;
                const char *kind = (const char *)tray.items[i + 2].value.bytes;

                cr_assert_str_eq(kind, strcmp(name, "app/b") == 0 ? "array" : "record");
        }
}
