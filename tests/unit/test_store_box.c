/* SPDX-License-Identifier: MIT */

/* Boxes: what fits a word and what does not, and equality of the two forms (STORE-3). */

#include "support/unit.h"
#include "support/store_world.h"

#include "store/box.h"

static struct world world;

static void setup(void)
{
        world_init(&world, NULL);
}

static void teardown(void)
{
        world_deinit(&world);
}

Test(box, a_value_is_a_word_exactly_if_it_fits, .init = setup, .fini = teardown)
{
        const struct {
                struct value value;
                bool fits;
        } cases[] = {
                {value_nil(), true},
                {value_bool(true), true},
                {value_int(WORD_INT_MAX), true},
                {value_int(WORD_INT_MAX + 1), false},
                {value_int(WORD_INT_MIN), true},
                {value_int(WORD_INT_MIN - 1), false},
                {value_uint(UINT64_MAX), false},
                {value_float(0.1), true},
                {value_float(1e300), false},
                {value_float(0.0), true},
                {value_float(-__builtin_inf()), true},
                {value_str("123456"), true},
                {value_str("1234567"), false},
                {value_bytes(VALUE_BIN, "123456", 6), true},
                {value_bytes(VALUE_BIN, "1234567", 7), false},
                {value_bytes(VALUE_DOC, "\x90", 1), false},
                {value_time(0, 0), false},
        };
        const unsigned n = sizeof(cases) / sizeof(*cases);
        struct space *space = &world.store->space;
        uint8_t room[WORD_TEXT_BYTES_MAX];
        struct value back;

        for (unsigned i = 0; i < n; i++) {
                struct word w, twin;

                cr_assert_eq(box_from_value(space, &cases[i].value, &w), STORE_OK);
                cr_assert_eq(word_is_ref(w), !cases[i].fits, "case %u", i);
                box_to_value(space, w, room, &back);
                cr_assert(value_same(&back, &cases[i].value), "case %u", i);
                cr_assert_eq(box_from_value(space, &cases[i].value, &twin), STORE_OK);
                cr_assert_eq(word_same(w, twin), cases[i].fits);
                for (unsigned k = 0; k < n; k++) {
                        cr_assert_eq(box_equals(space, w, &cases[k].value), i == k, "%u, %u", i, k);
                }
        }
}

Test(box, without_memory_there_is_no_box, .init = setup, .fini = teardown)
{
        struct space *space = &world.store->space;
        struct value text = value_str("more than six bytes"), number = value_int(5);
        struct word w = word_nil();
        int r;

        heap_set_limit(world.heap, 1);
        for (unsigned i = 0; (r = box_from_value(space, &text, &w)) == STORE_OK; i++) {
                cr_assert_lt(i, 100000u);
        }
        cr_assert_eq(r, STORE_E_NOMEM);
        cr_assert_eq(box_from_value(space, &number, &w), STORE_OK);
}
