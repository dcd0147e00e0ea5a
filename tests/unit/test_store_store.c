/* SPDX-License-Identifier: MIT */

/* The store as a whole: sessions, limits, blobs, counters. */

#include "support/unit.h"
#include "support/store_world.h"

static struct world world;
static struct session *session;
static struct tray tray = TRAY;

static void setup(void)
{
        world_init(&world, &(struct store_config){.sessions_max = 3,
                                                  .blob_bytes_max = 1000,
                                                  .result_bytes_max = 500});
        session = world_session(&world);
}

static void teardown(void)
{
        tray_clear(&tray);
        world_deinit(&world);
}

static bool count_session(void *user, const struct session_info *info)
{
        unsigned *n = user;

        cr_assert_str_eq(info->peer, "test");
        cr_assert_eq(info->id, ++*n);
        return *n < 2;
}

Test(store, sessions_are_counted_listed_and_limited, .init = setup, .fini = teardown)
{
        struct session *other = world_session(&world), *third = world_session(&world), *fourth;
        struct store_stats stats;
        unsigned n = 0;

        cr_assert_eq(session_begin(world.store, "one too many", &fourth), STORE_E_LIMIT);
        store_visit_sessions(world.store, count_session, &n);
        cr_assert_eq(n, 2u);
        session_end(other);
        session_end(third);
        session_end(NULL);
        store_get_stats(world.store, &stats);
        cr_assert_eq(stats.n_sessions, 1u);
        cr_assert_eq(stats.n_sessions_begun, 3u);
}

Test(store, a_peer_that_is_too_long_is_cut, .init = setup, .fini = teardown)
{
        char peer[200];
        struct session *other;
        struct session_info info;

        memset(peer, 'p', sizeof(peer));
        peer[sizeof(peer) - 1] = '\0';
        cr_assert_eq(session_begin(world.store, peer, &other), STORE_OK);
        session_get_info(other, &info);
        cr_assert_eq(strlen(info.peer), STORE_PEER_BYTES - 1);
}

Test(store, allocations_are_charged_to_the_session_that_made_them, .init = setup, .fini = teardown)
{
        struct session *other = world_session(&world);
        struct session_info info;

        world_object(session, KIND_RECORD, 1, ROW(value_int(1), value_str("0123456789")));
        session_get_info(session, &info);
        /* A record of 8 + 8 * 3, a box of 8 + 10, a handle table of 8 + 8 * 4 and its node, 8 + 8
         * * 3. */
        cr_assert_eq(info.allocated_bytes, 32u + 32 + 48 + 32);
        session_get_info(other, &info);
        cr_assert_eq(info.allocated_bytes, 0u);
}

Test(store, counters_follow, .init = setup, .fini = teardown)
{
        struct store_stats stats;

        world_object(session, KIND_RECORD, 1, row_of(NULL, 0));
        session_break(session, 2, 1);
        store_get_stats(world.store, &stats);
        cr_assert_eq(stats.n_handles, 2u);
        cr_assert_eq(stats.n_objects_created, 1u);
        session_end(session);
        store_get_stats(world.store, &stats);
        cr_assert_eq(stats.n_handles, 0u);
}

Test(store, limits_beyond_what_it_can_do_are_refused, .init = setup, .fini = teardown)
{
        struct store_config config = {.handles_max = STORE_HANDLES_MAX + 1};
        struct store *store;

        cr_assert_lt(store_new(&store, world.gc, world.mutator, &config), 0);
}

Test(store, a_blob_is_read_in_pieces, .init = setup, .fini = teardown)
{
        static uint8_t bytes[1001];
        struct obj_spec spec = {.kind = KIND_BLOB, .bytes = bytes, .n_bytes = 1001};
        struct target blob = target_handle(1);
        struct value value;
        uint32_t handle;

        for (unsigned i = 0; i < sizeof(bytes); i++) {
                bytes[i] = (uint8_t)i;
        }
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TOO_BIG);
        spec.n_bytes = 1000;
        spec.into = 1;
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(blob_read(session, blob, 10, 500, &value), STORE_OK);
        cr_assert_eq(value.n_bytes, 500u);
        cr_assert_arr_eq(value.bytes, bytes + 10, 500);
        cr_assert_eq(blob_read(session, blob, 10, 501, &value), STORE_E_TOO_BIG);
        cr_assert_eq(blob_read(session, blob, 990, UINT64_MAX, &value), STORE_OK);
        cr_assert_eq(value.n_bytes, 10u);
        cr_assert_eq(blob_read(session, blob, 1000, 1, &value), STORE_OK);
        cr_assert_eq(value.n_bytes, 0u);
        cr_assert_eq(blob_read(session, blob, 1001, 0, &value), STORE_E_RANGE);
        cr_assert_eq(obj_get(session, blob, NULL, &tray.sink), STORE_E_TOO_BIG);
}

Test(store, every_outcome_has_its_name, .init = setup, .fini = teardown)
{
        for (unsigned outcome = STORE_OK; outcome < _STORE_E_N; outcome++) {
                cr_assert_not_null(store_outcome_name(outcome));
        }
        for (unsigned kind = KIND_NONE; kind < _KIND_N; kind++) {
                cr_assert_not_null(kind_name(kind));
        }
}
