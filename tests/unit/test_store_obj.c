/* SPDX-License-Identifier: MIT */

/* The methods of obj.h: creating, reading and changing objects of every kind. */

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

Test(obj, a_record_is_what_it_was_made_of, .init = setup, .fini = teardown)
{
        struct row row = ROW(value_int(7), value_str("a text that fits no word"), value_nil());
        struct obj_spec spec = {.kind = KIND_RECORD, .init = &row.source, .into = 5};
        uint32_t handle;

        cr_assert_eq(obj_new(session, &spec, &handle), STORE_OK);
        cr_assert_eq(handle, 5u);
        cr_assert_eq(obj_get(session, target_handle(5), NULL, &tray.sink), STORE_OK);
        cr_assert_eq(tray.n_items, 4u);
        cr_assert(value_same(&tray.items[2].value, &row.values[1]));
}
