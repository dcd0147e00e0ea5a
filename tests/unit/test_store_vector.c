/* SPDX-License-Identifier: MIT */

/* Vectors against a plain array of words: every width and height, and nothing left behind. */

#include "support/unit.h"
#include "support/seed.h"
#include "support/store_world.h"

static struct world world;
static struct space *space;
static struct vector v;

static void setup(void)
{
        struct word host;

        world_init(&world, NULL);
        space = &world.store->space;
        host = space_alloc(space, KIND_HANDLES, VECTOR_SLOTS);
        v = (struct vector){.host = host, .slot = 0};
}

static void teardown(void)
{
        world_deinit(&world);
}

static void put(uint64_t index, int64_t i)
{
        cr_assert_eq(vector_reserve(space, v, index, 1), STORE_OK);
        vector_put(space, v, index, word_int(i));
}

static void take(uint64_t index)
{
        vector_put(space, v, index, word_nil());
        vector_prune(space, v, index, 1);
}

static int64_t get(uint64_t index)
{
        struct word w = vector_get(space, v, index);

        return word_is_nil(w) ? -1 : word_get_int(w);
}

Test(vector, an_empty_one_holds_nil_everywhere, .init = setup, .fini = teardown)
{
        cr_assert_eq(get(0), -1);
        cr_assert_eq(get(VECTOR_LENGTH_MAX - 1), -1);
        cr_assert_eq(vector_n_nodes(space, v), 0u);
        cr_assert_eq(vector_find_nil(space, v, 0), 0u);
}

Test(vector, what_is_put_at_an_edge_of_a_node_is_found_there, .init = setup, .fini = teardown)
{
        static const uint64_t edges[] = {0,      1,      2,      5,         6,         509,
                                         510,    511,    1019,   1020,      260099,    260100,
                                         260101, 520199, 520200, 132650999, 132651000, 2147483647};
        const unsigned n = sizeof(edges) / sizeof(*edges);

        for (unsigned i = 0; i < n; i++) {
                put(edges[i], (int64_t)edges[i]);
                for (unsigned k = 0; k < n; k++) {
                        cr_assert_eq(get(edges[k]), k <= i ? (int64_t)edges[k] : -1);
                }
        }
        for (unsigned i = n; i-- > 0;) {
                take(edges[i]);
                for (unsigned k = 0; k < n; k++) {
                        cr_assert_eq(get(edges[k]), k < i ? (int64_t)edges[k] : -1);
                }
        }
        cr_assert_eq(vector_n_nodes(space, v), 0u);
}

Test(vector, the_last_place_alone_takes_a_path_of_four_nodes, .init = setup, .fini = teardown)
{
        put(VECTOR_LENGTH_MAX - 1, 1);
        cr_assert_eq(vector_n_nodes(space, v), 4u);
        put(0, 2);
        cr_assert_eq(vector_n_nodes(space, v), 7u);
        take(VECTOR_LENGTH_MAX - 1);
        cr_assert_eq(vector_n_nodes(space, v), 1u);
        cr_assert_eq(get(0), 2);
}

Test(vector, a_short_one_has_a_small_node, .init = setup, .fini = teardown)
{
        static const uint64_t last[] = {0, 1, 2, 5, 6, 13, 14, 509};
        static const uint32_t words[] = {3, 3, 7, 7, 15, 15, 31, 511};

        for (unsigned i = 0; i < 8; i++) {
                put(last[i], 1);
                cr_assert_eq(gc_count(world.mutator, space_load(space, v.host, 0)), words[i]);
        }
}

Test(vector, pruning_takes_a_reservation_back, .init = setup, .fini = teardown)
{
        put(3, 3);
        cr_assert_eq(vector_reserve(space, v, 400, 3000), STORE_OK);
        cr_assert_eq(vector_n_nodes(space, v), 8u);
        vector_prune(space, v, 400, 3000);
        cr_assert_eq(vector_n_nodes(space, v), 1u);
        cr_assert_eq(get(3), 3);
        cr_assert_eq(vector_reserve(space, v, 0, 0), STORE_OK);
}

Test(vector, a_free_place_is_found_behind_full_nodes, .init = setup, .fini = teardown)
{
        for (uint64_t i = 0; i < 3 * VECTOR_FANOUT; i++) {
                put(i, 1);
        }
        cr_assert_eq(vector_find_nil(space, v, 0), 3u * VECTOR_FANOUT);
        take(700);
        cr_assert_eq(vector_find_nil(space, v, 0), 700u);
        cr_assert_eq(vector_find_nil(space, v, 700), 700u);
        cr_assert_eq(vector_find_nil(space, v, 701), 3u * VECTOR_FANOUT);
        cr_assert_eq(vector_find_nil(space, v, 5000), 5000u);
}

Test(vector, random_changes_agree_with_a_plain_row, .init = setup, .fini = teardown)
{
        enum { N = 4000 };
        static int64_t row[N];
        struct seed seed;

        seed_init(&seed);
        memset(row, 0xff, sizeof(row));
        for (unsigned step = 0; step < 60000; step++) {
                /* Waves: mostly filling, mostly emptying. */
                uint64_t index = seed_below(&seed, seed_one_in(&seed, 2) ? 20 : N);

                if (seed_below(&seed, 8) < (step / 6000 % 2 ? 2 : 6)) {
                        row[index] = (int64_t)seed_below(&seed, 1000);
                        put(index, row[index]);
                } else {
                        row[index] = -1;
                        take(index);
                }
                cr_assert_eq(get(index), row[index]);
        }
        for (uint64_t i = 0; i < N; i++) {
                cr_assert_eq(get(i), row[i]);
                take(i);
        }
        cr_assert_eq(vector_n_nodes(space, v), 0u);
}

/* STORE-4 */
Test(vector, a_step_costs_the_same_whatever_the_length, .init = setup, .fini = teardown)
{
        uint64_t most = 0;

        for (uint64_t i = 0; i < 300000; i++) {
                space->work_units = 0;
                put(i, 1);
                most = space->work_units > most ? space->work_units : most;
        }
        /* Once in its life a node of 254 places is copied to one of 510. */
        cr_assert_le(most, 300u);
}

Test(vector, without_memory_nothing_is_reserved, .init = setup, .fini = teardown)
{
        struct word filler;

        put(1, 1);
        heap_set_limit(world.heap, 1);
        do {
                filler = space_alloc(space, KIND_NODE, 511);
        } while (!word_is_nil(filler));
        cr_assert_eq(vector_reserve(space, v, 1000, 1000), STORE_E_NOMEM);
        cr_assert_eq(vector_n_nodes(space, v), 1u);
        cr_assert_eq(get(1), 1);
}
