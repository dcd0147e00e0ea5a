/* SPDX-License-Identifier: MIT */

/* Tables: key equality, splitting and merging, the walk under change, and nothing left behind. */

#include "support/unit.h"
#include "support/seed.h"
#include "support/store_world.h"

#include <math.h>

#include "store/box.h"
#include "store/bucket.h"

static struct world world;
static struct space *space;
static struct table t;

static void setup(void)
{
        struct word host;

        world_init(&world, NULL);
        space = &world.store->space;
        host = space_alloc(space, KIND_MAP, TABLE_SLOTS);
        t = (struct table){.host = host, .slot = 0};
        table_init(space, t);
}

static void teardown(void)
{
        world_deinit(&world);
}

static struct table_key key_of(struct value value)
{
        struct table_key key;

        cr_assert_eq(table_key(space, &value, &key), STORE_OK);
        return key;
}

static void put(struct value value, int64_t i)
{
        struct table_key key = key_of(value);

        cr_assert_eq(table_reserve(space, t, &key), STORE_OK);
        table_put(space, t, &key, word_int(i));
}

static int64_t get(struct value value)
{
        struct table_key key = key_of(value);
        struct word w;

        return table_get(space, t, &key, &w) ? word_get_int(w) : -1;
}

static bool take(struct value value)
{
        struct table_key key = key_of(value);
        struct word w;

        return table_take(space, t, &key, &w);
}

Test(table, keys_are_equal_only_if_of_the_same_type_and_value, .init = setup, .fini = teardown)
{
        struct value keys[] = {
                value_nil(),
                value_bool(false),
                value_bool(true),
                value_int(0),
                value_int(1),
                value_float(1.0),
                value_float(0.0),
                value_int(INT64_MAX),
                value_uint((uint64_t)INT64_MAX + 1),
                value_int(INT64_MIN),
                value_float(1e-310),
                value_str(""),
                value_bytes(VALUE_BIN, "", 0),
                value_str("1"),
                value_bytes(VALUE_BIN, "1", 1),
                value_str("more than six bytes"),
                value_bytes(VALUE_BIN, "more than six bytes", 19),
                value_str("more than six byteS"),
        };
        const unsigned n = sizeof(keys) / sizeof(*keys);

        for (unsigned i = 0; i < n; i++) {
                cr_assert_eq(get(keys[i]), -1);
                put(keys[i], i);
        }
        for (unsigned i = 0; i < n; i++) {
                cr_assert_eq(get(keys[i]), (int64_t)i);
        }
        cr_assert_eq(table_n_entries(space, t), n);
        cr_assert_eq(get(value_float(-0.0)), 6);
}

Test(table, what_cannot_be_a_key_is_refused, .init = setup, .fini = teardown)
{
        static uint8_t bytes[STORE_INLINE_MAX + 1];
        struct value bad[] = {value_float(NAN), value_time(1, 2), value_ref(1),
                              value_bytes(VALUE_DOC, "x", 1)};
        struct value longest = value_bytes(VALUE_STR, bytes, STORE_INLINE_MAX);
        struct table_key key;

        for (unsigned i = 0; i < 4; i++) {
                cr_assert_eq(table_key(space, &bad[i], &key), STORE_E_TYPE);
        }
        cr_assert_eq(table_key(space, &longest, &key), STORE_OK);
        longest.n_bytes++;
        cr_assert_eq(table_key(space, &longest, &key), STORE_E_TOO_BIG);
}

Test(table, it_grows_and_shrinks_and_ends_as_nothing, .init = setup, .fini = teardown)
{
        enum { N = 20000 };
        char text[32];

        for (int64_t i = 0; i < N; i++) {
                snprintf(text, sizeof(text), "a long key number %d", (int)i);
                put(i % 2 ? value_int(i) : value_str(text), i);
        }
        cr_assert_eq(table_n_entries(space, t), (uint64_t)N);
        for (int64_t i = 0; i < N; i++) {
                snprintf(text, sizeof(text), "a long key number %d", (int)i);
                cr_assert_eq(get(i % 2 ? value_int(i) : value_str(text)), i);
                cr_assert(take(i % 2 ? value_int(i) : value_str(text)));
                cr_assert_not(take(i % 2 ? value_int(i) : value_str(text)));
        }
        cr_assert_eq(table_n_entries(space, t), 0u);
        cr_assert_eq(vector_n_nodes(space, (struct vector){.host = t.host, .slot = 2}), 0u);
}

/* STORE-4: no insertion or removal ever reworks the whole table. */
Test(table, a_step_costs_the_same_whatever_the_size, .init = setup, .fini = teardown)
{
        uint64_t most = 0;

        for (int64_t i = 0; i < 200000; i++) {
                space->work_units = 0;
                put(value_int(i), i);
                most = space->work_units > most ? space->work_units : most;
        }
        for (int64_t i = 0; i < 200000; i++) {
                space->work_units = 0;
                cr_assert(take(value_int(i)));
                most = space->work_units > most ? space->work_units : most;
        }
        cr_assert_le(most, 700u);
}

struct seen {
        uint8_t times[200];
};

static void see(void *user, struct word key, struct word value)
{
        struct seen *seen = user;

        if (word_get_int(key) < 200) {
                seen->times[word_get_int(key)]++;
        }
}

/* STORE-8. Keys below 200 stay. Others come and go while the walk is under way: a row of them grows
 * at one end and shrinks at the other, from nothing to thousands and back, so that most buckets
 * split and merge again and again. */
Test(table, a_walk_meets_what_stays_exactly_once, .init = setup, .fini = teardown)
{
        static struct seen seen;
        int64_t first = 200, end = 200;
        unsigned n_merges = 0;
        bool growing = true;
        struct seed seed;

        seed_init(&seed);
        for (int64_t i = 0; i < 200; i++) {
                put(value_int(i), i);
        }
        for (unsigned round = 0; round < 100; round++) {
                uint64_t position = 0;

                memset(&seen, 0, sizeof(seen));
                do {
                        uint64_t n_buckets = space_load_count(space, t.host, 1);

                        position = table_visit(space, t, position, TABLE_LOAD, see, &seen);
                        for (uint64_t n = seed_below(&seed, 30); n > 0; n--) {
                                if (growing) {
                                        put(value_int(end++), 1);
                                } else if (first < end) {
                                        take(value_int(first++));
                                }
                        }
                        if (end - first < 10 || end - first > 3000) {
                                growing = end - first < 10;
                        }
                        n_merges += space_load_count(space, t.host, 1) < n_buckets;
                } while (position);
                for (unsigned i = 0; i < 200; i++) {
                        cr_assert_eq(seen.times[i], 1, "key %u: %u times", i, seen.times[i]);
                }
        }
        cr_assert_gt(n_merges, 1000u);
}

Test(table, a_reservation_not_used_is_pruned_without_a_trace, .init = setup, .fini = teardown)
{
        struct table_key key = key_of(value_str("never put"));

        put(value_int(1), 1);
        cr_assert_eq(table_reserve(space, t, &key), STORE_OK);
        table_prune(space, t, &key);
        cr_assert_eq(table_n_entries(space, t), 1u);
        key = key_of(value_int(1));
        table_prune(space, t, &key);
        cr_assert_eq(get(value_int(1)), 1);
}

Test(bucket, it_holds_from_none_to_very_many, .init = setup, .fini = teardown)
{
        for (uint32_t n = 0; n <= BUCKET_ENTRIES_MAX; n++) {
                struct bucket_place p;
                uint32_t n_places, n_found = 0;
                struct word head;

                cr_assert_eq(bucket_new(space, false, n, &head), STORE_OK);
                cr_assert_eq(word_is_nil(head), n == 0);
                bucket_first(space, head, &p);
                for (uint32_t i = 0; i < n; i++) {
                        bucket_add(space, &p, word_int(i), word_int(2 * i), (uint64_t)i << 57);
                }
                cr_assert_eq(bucket_count(space, head, &n_places), n);
                cr_assert_le(n_places - n, 1u);
                for (uint32_t i = 0; i < n; i++) {
                        struct value key = value_int(i);

                        cr_assert(bucket_find(space, head, (uint64_t)i << 57, &key, &p));
                        cr_assert_eq(word_get_int(bucket_value(space, &p)), 2 * (int64_t)i);
                        n_found++;
                }
                cr_assert_eq(n_found, n);
        }
}
