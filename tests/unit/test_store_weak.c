/* SPDX-License-Identifier: MIT */

/*
 * Weak references and weak maps: they let their objects die, and a reader never meets one that has.
 * The last tests stop a cycle at each of its steps and use a weak map in every way meanwhile.
 */

#include <semaphore.h>

#include "gc/internals.h"
#include "support/unit.h"
#include "support/store_world.h"

enum { MAP = 1, HOLDER = 2, WEAK = 3, SCRATCH = 90, FIRST = 100, N = 200 };

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

static void weak_map(uint32_t into)
{
        struct obj_spec spec = {.kind = KIND_MAP, .weak = true, .into = into};
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
}

static void weak_reference(uint32_t into, uint32_t object, struct value token)
{
        struct obj_spec spec = {
                .kind = KIND_WEAK, .object = target_handle(object), .token = token, .into = into};
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
}

static int put(uint32_t map, struct value key, struct value value)
{
        struct row row = ROW(key, value);
        uint64_t version;

        return obj_set(session, target_handle(map), &row.source, NULL, &version);
}

/* An entry with an object of its own, which bears the key as its only slot. */
static void put_new(uint32_t map, uint32_t key, bool held)
{
        uint32_t handle = held ? FIRST + key : SCRATCH;

        world_object(session, KIND_RECORD, handle, ROW(value_int(key)));
        cr_assert_eq(put(map, value_int(key), value_ref(handle)), STORE_OK);
        if (!held) {
                handle_drop(session, handle);
        }
}

/* The handle of the object under a key, or 0. */
static uint32_t get(uint32_t map, uint32_t key)
{
        struct row row = ROW(value_int(key));
        struct value *value;

        tray_clear(&tray);
        cr_assert_eq(obj_get(session, target_handle(map), &row.source, &tray.sink), STORE_OK);
        value = &tray.items[1].value;
        if (value->type == VALUE_NIL) {
                return 0;
        }
        cr_assert_eq(value->type, VALUE_REF);
        return value->handle;
}

static struct obj_info info_of(uint32_t handle)
{
        struct obj_info info;

        cr_assert_eq(obj_info(session, target_handle(handle), &info), STORE_OK);
        return info;
}

/* Keys by a scan of the whole map. */
static uint32_t scan_keys(uint32_t map, bool values)
{
        struct map_scan scan = {.limit = 64, .values = values};
        uint32_t n = 0;

        do {
                tray_clear(&tray);
                cr_assert_eq(map_scan(session, target_handle(map), &scan, &tray.sink, &scan.cursor),
                             STORE_OK);
                cr_assert_eq(tray.n_items, values ? 1 + 3 * tray.items[0].n : 1 + tray.items[0].n);
                n += tray.items[0].n;
                for (uint32_t i = 3; values && i < tray.n_items; i += 3) {
                        handle_drop(session, tray.items[i].value.handle);
                }
        } while (scan.cursor);
        return n;
}

/* --- the kind weak -------------------------------------------------------------------- */

static enum value_type weak_type(uint32_t weak)
{
        struct value value;

        cr_assert_eq(weak_get(session, target_handle(weak), SCRATCH, &value), STORE_OK);
        handle_drop(session, SCRATCH);
        return value.type;
}

Test(weak, a_weak_reference_gives_its_object_until_it_is_gone, .init = setup, .fini = teardown)
{
        bool same;
        struct value value;

        world_object(session, KIND_RECORD, 1, ROW(value_int(7)));
        weak_reference(WEAK, 1, value_nil());
        cr_assert_eq(info_of(WEAK).kind, KIND_WEAK);
        cr_assert_eq(info_of(WEAK).length, 1u);
        cr_assert_eq(info_of(WEAK).version, 0u);
        world_collect(&world);
        cr_assert_eq(weak_get(session, target_handle(WEAK), 5, &value), STORE_OK);
        cr_assert_eq(value.handle, 5u);
        cr_assert_eq(handle_same(session, target_handle(1), target_handle(5), &same), STORE_OK);
        cr_assert(same);
        handle_drop(session, 1);
        world_collect(&world);
        cr_assert_eq(weak_type(WEAK), VALUE_REF, "handle 5 has it");
        handle_drop(session, 5);
        cr_assert_eq(weak_type(WEAK), VALUE_REF, "until a cycle finds out");
        cr_assert_eq(world_collect(&world).n[KIND_RECORD], 0u);
        cr_assert_eq(weak_type(WEAK), VALUE_NIL);
        cr_assert_eq(info_of(WEAK).length, 0u);
}

Test(weak, its_token_stays, .init = setup, .fini = teardown)
{
        struct obj_spec spec = {.kind = KIND_WEAK, .object = target_handle(1), .into = 9};
        uint32_t handle;

        world_object(session, KIND_RECORD, 1, row_of(NULL, 0));
        weak_reference(WEAK, 1, value_str("a token that fits no word"));
        handle_drop(session, 1);
        world_collect(&world);
        cr_assert_eq(obj_get(session, target_handle(WEAK), NULL, &tray.sink), STORE_OK);
        cr_assert_eq(tray.items[0].n, 2u);
        cr_assert_eq(tray.items[1].value.type, VALUE_NIL);
        cr_assert_str_eq((const char *)tray.items[2].value.bytes, "a token that fits no word");
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_NO_HANDLE);
        spec.object = target_handle(WEAK);
        spec.token = value_ref(WEAK);
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TYPE);
}

Test(weak, what_is_for_other_kinds_is_refused, .init = setup, .fini = teardown)
{
        struct row row = ROW(value_int(0));
        struct value value;

        world_object(session, KIND_RECORD, 1, row_of(NULL, 0));
        weak_reference(WEAK, 1, value_nil());
        cr_assert_eq(weak_get(session, target_handle(1), 0, &value), STORE_E_TYPE);
        cr_assert_eq(obj_get(session, target_handle(WEAK), &row.source, &tray.sink), STORE_E_TYPE);
        cr_assert_eq(put(WEAK, value_int(0), value_ref(1)), STORE_E_TYPE);
        cr_assert_eq(weak_get(session, target_handle(WEAK), 1, &value), STORE_E_EXISTS);
}

Test(weak, a_path_leads_through_it, .init = setup, .fini = teardown)
{
        struct row path = ROW(value_int(0), value_int(0)), self = ROW(value_int(0));
        struct value value;

        world_object(session, KIND_RECORD, 1, ROW(value_int(42)));
        weak_reference(WEAK, 1, value_nil());
        world_object(session, KIND_RECORD, 2, ROW(value_ref(WEAK)));
        cr_assert_eq(obj_walk(session, target_handle(2), &path.source, 0, &value), STORE_OK);
        cr_assert_eq(value.integer, 42);
        cr_assert_eq(obj_walk(session, target_handle(WEAK), &self.source, 0, &value), STORE_OK);
        cr_assert_eq(value.integer, 42);
        cr_assert_eq(obj_walk(session, target_handle(2), &self.source, 8, &value), STORE_OK);
        cr_assert_eq(info_of(8).kind, KIND_WEAK, "the end of a path is what is there");
        handle_drop(session, 1);
        world_collect(&world);
        cr_assert_eq(obj_walk(session, target_handle(2), &path.source, 0, &value), STORE_E_GONE);
}

/* --- weak maps ------------------------------------------------------------------------ */

Test(weak, a_weak_map_loses_what_nobody_holds, .init = setup, .fini = teardown)
{
        weak_map(MAP);
        cr_assert(info_of(MAP).weak);
        for (uint32_t key = 0; key < N; key++) {
                put_new(MAP, key, key % 4 == 0);
        }
        cr_assert_eq(info_of(MAP).length, N);
        world_collect(&world);
        cr_assert_eq(info_of(MAP).length, N, "until the executor has counted them out");
        for (uint32_t key = 0; key < N; key++) {
                cr_assert_eq(get(MAP, key) != 0, key % 4 == 0);
        }
        cr_assert_eq(scan_keys(MAP, false), N / 4);
        cr_assert_eq(scan_keys(MAP, true), N / 4);
        tray_clear(&tray);
        cr_assert_eq(obj_get(session, target_handle(MAP), NULL, &tray.sink), STORE_OK);
        cr_assert_eq(tray.items[0].n, N / 4);
        world_collect_and_purge(&world);
        cr_assert_eq(info_of(MAP).length, N / 4);
        cr_assert_eq(scan_keys(MAP, false), N / 4);
}

Test(weak, a_purge_is_a_change, .init = setup, .fini = teardown)
{
        uint64_t version;

        weak_map(MAP);
        put_new(MAP, 1, false);
        put_new(MAP, 2, true);
        version = info_of(MAP).version;
        world_collect_and_purge(&world);
        cr_assert_eq(info_of(MAP).version, version + 1);
        world_collect_and_purge(&world);
        cr_assert_eq(info_of(MAP).version, version + 1, "nothing died");
}

Test(weak, a_weak_map_takes_references_only, .init = setup, .fini = teardown)
{
        struct row row = ROW(value_int(1), value_int(2));
        struct obj_spec spec = {.kind = KIND_MAP, .weak = true, .init = &row.source, .into = 9};
        struct value key = value_int(1), nil = value_nil(), ref, current;
        uint32_t handle;
        bool swapped;

        weak_map(MAP);
        cr_assert_eq(put(MAP, value_int(1), value_int(2)), STORE_E_TYPE);
        cr_assert_eq(put(MAP, value_int(1), value_nil()), STORE_E_TYPE);
        cr_assert_eq(put(MAP, value_int(1), value_str("longer than a word")), STORE_E_TYPE);
        cr_assert_eq(obj_new(session, &spec, &handle), STORE_E_TYPE);
        cr_assert_eq(obj_cas(session, target_handle(MAP), &key, &nil, &nil, &swapped, &current),
                     STORE_E_TYPE);
        cr_assert_eq(obj_add(session, target_handle(MAP), &key, &key, &current), STORE_E_TYPE);
        cr_assert_eq(info_of(MAP).length, 0u);
        cr_assert_eq(info_of(MAP).version, 0u);
        world_object(session, KIND_RECORD, 5, row_of(NULL, 0));
        ref = value_ref(5);
        cr_assert_eq(obj_cas(session, target_handle(MAP), &key, &nil, &ref, &swapped, &current),
                     STORE_OK);
        cr_assert(swapped);
        cr_assert_eq(obj_cas(session, target_handle(MAP), &key, &nil, &ref, &swapped, &current),
                     STORE_OK);
        cr_assert(!swapped);
}

/* A key whose object has died is free: it can be put again, and is counted once. */
Test(weak, a_dead_entry_can_be_put_again, .init = setup, .fini = teardown)
{
        struct row keys = ROW(value_int(1));
        uint32_t n;

        weak_map(MAP);
        put_new(MAP, 1, false);
        world_collect(&world);
        put_new(MAP, 1, true);
        cr_assert_eq(info_of(MAP).length, 1u);
        cr_assert_neq(get(MAP, 1), 0u);
        world_collect_and_purge(&world);
        cr_assert_eq(info_of(MAP).length, 1u);
        put_new(MAP, 2, false);
        world_collect(&world);
        keys = ROW(value_int(2));
        cr_assert_eq(map_del(session, target_handle(MAP), &keys.source, NULL, &n), STORE_OK);
        cr_assert_eq(n, 0u, "it is not there");
        world_collect_and_purge(&world);
        cr_assert_eq(info_of(MAP).length, 1u);
}

/* STORE-5: of maps that are gone, and of their list, nothing is left. */
Test(weak, nothing_is_left_of_weak_maps, .init = setup, .fini = teardown)
{
        struct census census = world_collect(&world);
        uint64_t n_before = census_total(&census);

        for (uint32_t map = 1; map <= 50; map++) {
                weak_map(map);
                put_new(map, map, true);
                put_new(map, map + 100, false);
        }
        session_end(session);
        session = world_session(&world);
        world_collect_and_purge(&world);
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), n_before);
}

Test(weak, a_full_heap_leaves_no_list_behind, .init = setup, .fini = teardown)
{
        struct obj_spec spec = {.kind = KIND_MAP, .weak = true, .into = 7};
        uint32_t handle;

        heap_set_limit(world.heap, 1);
        while (obj_new(session, &spec, &handle) == STORE_OK) {
                handle_drop(session, 7);
        }
        heap_set_limit(world.heap, 0);
        world_collect_and_purge(&world);
        cr_assert(word_is_nil(gc_root_load(world.mutator, world.store->weak_maps)));
}

/* D8: a purge comes back after a bounded number of steps, however large the maps are. */
Test(weak, a_purge_goes_by_portions, .init = setup, .fini = teardown)
{
        uint32_t n_portions = 1, n_max = 30000;

        weak_map(MAP);
        weak_map(HOLDER);
        for (uint32_t key = 0; key < n_max; key++) {
                put_new(key % 2 ? MAP : HOLDER, key, false);
        }
        world_collect(&world);
        cr_assert(store_wants_purge(world.store));
        while (store_purge(world.store)) {
                cr_assert_le(store_work_units(world.store), STORE_PURGE_UNITS + 700u);
                n_portions++;
                gc_poll(world.mutator);
        }
        cr_assert(!store_wants_purge(world.store));
        cr_assert_gt(n_portions, 20u);
        cr_assert_eq(info_of(MAP).length, 0u);
        cr_assert_eq(info_of(HOLDER).length, 0u);
}

/* --- at every step of a cycle --------------------------------------------------------- */

/* Steps of a cycle that a test can stop at while it goes on making requests. */
static const struct {
        enum gc_phase phase;
        enum gc_point point;
} stops[] = {
        {GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_ARM, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_FETCHED},
        {GC_PHASE_MARK, GC_POINT_WORKER_ROOTS},
        {GC_PHASE_MARK, GC_POINT_WORKER_SCAN},
        {GC_PHASE_MARK, GC_POINT_WORKER_IDLE},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE},
        {GC_PHASE_DISARM, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_DISARM, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_CLEAR, GC_POINT_WORKER_WEAK},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_FETCHED},
        {GC_PHASE_SWEEP, GC_POINT_WORKER_SWEEP},
};

enum { N_STOPS = sizeof(stops) / sizeof(*stops) };

static struct {
        unsigned at;
        bool armed;
        sem_t reached, go;
} stop;

static void stop_point(void *user, enum gc_point point)
{
        (void)user;
        if (__atomic_load_n(&stop.armed, __ATOMIC_ACQUIRE) && point == stops[stop.at].point &&
            world.gc->phase == stops[stop.at].phase &&
            __atomic_exchange_n(&stop.armed, false, __ATOMIC_ACQ_REL)) {
                sem_post(&stop.reached);
                sem_wait(&stop.go);
        }
}

/* A weak map of N entries, every fourth object held; then a cycle that stands at the stop. */
static uint64_t stop_setup(unsigned at)
{
        uint64_t cycle;

        sem_init(&stop.reached, 0, 0);
        sem_init(&stop.go, 0, 0);
        world.point = stop_point;
        setup();
        weak_map(MAP);
        for (uint32_t key = 0; key < N; key++) {
                put_new(MAP, key, key % 4 == 0);
        }
        gc_leave(world.mutator);
        stop.at = at;
        __atomic_store_n(&stop.armed, true, __ATOMIC_RELEASE);
        cycle = gc_request(world.gc, GC_REASON_FORCED);
        sem_wait(&stop.reached);
        gc_enter(world.mutator);
        return cycle;
}

static void stop_end(uint64_t cycle)
{
        gc_leave(world.mutator);
        sem_post(&stop.go);
        gc_wait(world.gc, cycle);
        gc_enter(world.mutator);
}

static bool is_dead_by_now(unsigned at)
{
        return stops[at].phase >= GC_PHASE_DISARM;
}

/* What is looked up is there or it is not: for good, and the object with all that it holds. */
Test(weak, a_lookup_at_any_step_is_final, .timeout = 100)
{
        for (unsigned at = 0; at < N_STOPS; at++) {
                uint64_t cycle = stop_setup(at);
                uint32_t found[N];

                for (uint32_t key = 0; key < N; key++) {
                        found[key] = get(MAP, key);
                        cr_assert_eq(found[key] != 0, key % 4 == 0 || !is_dead_by_now(at),
                                     "key %u at %s", key, gc_point_name(stops[at].point));
                        gc_poll(world.mutator);
                }
                stop_end(cycle);
                world_collect_and_purge(&world);
                for (uint32_t key = 0; key < N; key++) {
                        struct row row = ROW(value_int(0));

                        tray_clear(&tray);
                        cr_assert_eq(get(MAP, key) != 0, found[key] != 0);
                        if (found[key]) {
                                tray_clear(&tray);
                                cr_assert_eq(obj_get(session, target_handle(found[key]),
                                                     &row.source, &tray.sink),
                                             STORE_OK);
                                cr_assert_eq(tray.items[1].value.integer, (int64_t)key);
                        }
                }
                cr_assert_eq(info_of(MAP).length, is_dead_by_now(at) ? N / 4u : (uint32_t)N);
                teardown();
        }
}

/* Splits and merges copy weak words, which revives nobody and loses nobody. */
Test(weak, a_map_that_grows_and_shrinks_at_any_step_keeps_the_right_ones, .timeout = 100)
{
        for (unsigned at = 0; at < N_STOPS; at++) {
                uint64_t cycle = stop_setup(at);

                for (uint32_t key = N; key < 4 * N; key++) {
                        put_new(MAP, key, key % 4 == 0);
                        gc_poll(world.mutator);
                }
                for (uint32_t key = N; key < 4 * N; key++) {
                        struct row row = ROW(value_int(key));
                        uint32_t n;

                        if (key % 8 != 0) {
                                map_del(session, target_handle(MAP), &row.source, NULL, &n);
                        }
                        gc_poll(world.mutator);
                }
                stop_end(cycle);
                for (uint32_t key = 0; key < N; key++) {
                        cr_assert_eq(get(MAP, key) != 0, key % 4 == 0, "to copy is not to use");
                }
                world_collect_and_purge(&world);
                cr_assert_eq(info_of(MAP).length, N / 4 + 3 * N / 8, "at %s",
                             gc_point_name(stops[at].point));
                for (uint32_t key = 0; key < 4 * N; key++) {
                        cr_assert_eq(get(MAP, key) != 0, key % (key < N ? 4 : 8) == 0);
                }
                teardown();
        }
}

/* GC-8: to list keys, to ask for the length, to purge is not to use. */
Test(weak, who_only_looks_keeps_nothing_alive, .timeout = 100)
{
        for (unsigned at = 0; at < N_STOPS; at++) {
                uint64_t cycle = stop_setup(at);
                struct store_stats stats;
                uint32_t n = scan_keys(MAP, false);

                cr_assert_eq(n, is_dead_by_now(at) ? N / 4u : (uint32_t)N);
                cr_assert_eq(info_of(MAP).length, (uint64_t)N);
                store_purge(world.store);
                gc_poll(world.mutator);
                stop_end(cycle);
                while (store_purge(world.store)) {
                        gc_poll(world.mutator);
                }
                cr_assert_eq(info_of(MAP).length, N / 4u, "at %s", gc_point_name(stops[at].point));
                store_get_stats(world.store, &stats);
                cr_assert_eq(stats.n_purged, N - N / 4u);
                teardown();
        }
}

/* A weak map itself dies while it is listed, however often it is purged. */
Test(weak, a_map_is_not_kept_by_being_purged, .timeout = 100)
{
        for (unsigned at = 0; at < N_STOPS; at++) {
                uint64_t cycle = stop_setup(at);
                struct census census;

                stop_end(cycle);
                handle_drop(session, MAP);
                for (unsigned i = 0; i < 3; i++) {
                        store_purge(world.store);
                        gc_poll(world.mutator);
                }
                gc_leave(world.mutator);
                __atomic_store_n(&stop.armed, true, __ATOMIC_RELEASE);
                cycle = gc_request(world.gc, GC_REASON_FORCED);
                sem_wait(&stop.reached);
                gc_enter(world.mutator);
                world.store->purge.running = true; /* as if something had been cleared */
                store_purge(world.store);
                stop_end(cycle);
                census = (struct census){.heap = world.heap};
                heap_walk(world.heap, census_add, &census);
                cr_assert_eq(census.n[KIND_MAP], 2u, "names, list; at %s",
                             gc_point_name(stops[at].point));
                cr_assert_eq(world_collect_and_purge(&world).n[KIND_MAP], 1u);
                teardown();
        }
}
