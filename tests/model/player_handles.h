/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Player, handles and names: one function per method, which asks the store and the shadow for the
 * same thing and compares.
 */

#include "model/player.h"

static void do_dup(struct actor *actor)
{
        uint32_t into = random_into(), handle = 0;
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing);
        int r = handle_dup(actor->session, target, into, &handle);

        want = want ? want : into_outcome(actor, into);
        check_outcome(r, want);
        if (r == STORE_OK) {
                check_value(actor, &(struct value){.type = VALUE_REF, .handle = handle},
                            &(struct cell){.thing = thing}, into);
        }
}

static void do_drop(struct actor *actor)
{
        struct grip *grip = random_grip(actor);

        if (one_in(50)) {
                cr_assert_not(handle_drop(actor->session, UINT32_C(0x7ffffff0)));
        } else if (grip) {
                cr_assert(handle_drop(actor->session, grip->number));
                actor_drop(actor, grip);
        }
}

static void do_same(struct actor *actor)
{
        struct target one, other;
        struct thing *a, *b;
        int want = random_target(actor, &one, &a), want_other = random_target(actor, &other, &b);
        bool same = false;
        int r = handle_same(actor->session, one, other, &same);

        check_outcome(r, want ? want : want_other);
        cr_assert_eq(same, r == STORE_OK && a == b);
}

static void do_break(struct actor *actor)
{
        uint32_t number = 1 + below(700), msgid = below(UINT32_MAX);
        struct grip *grip = actor_find(actor, number);
        struct target target = target_handle(number);
        bool same;

        /* Without memory it may have no effect, which nobody is told. */
        if (starving) {
                return;
        }
        session_break(actor->session, number, msgid);
        if (grip ? !grip->thing : actor->n < MODEL_HANDLES_MAX) {
                actor_bind(actor, number, NULL, msgid);
                cr_assert_eq(handle_same(actor->session, target, target, &same), STORE_E_BROKEN);
                cr_assert_eq(store_fault_cause(world.store), msgid);
        }
}

static void do_name_put(struct actor *actor)
{
        const struct value *name = &names[below(MODEL_NAMES)];
        struct naming *naming = shadow_name(&shadow, name);
        enum name_if when = one_in(2) ? NAME_IF_ANY : one_in(2) ? NAME_IF_ABSENT : NAME_IF_SAME;
        struct target target, same;
        struct thing *thing, *same_thing;
        int want = random_target(actor, &target, &thing);
        int want_same = random_target(actor, &same, &same_thing);
        bool replaced = false, had = naming != NULL;
        int r;

        if (!want && when == NAME_IF_ABSENT && naming) {
                want = STORE_E_EXISTS;
        } else if (!want && when == NAME_IF_SAME) {
                want = want_same                               ? want_same
                       : naming && naming->thing == same_thing ? STORE_OK
                                                               : STORE_E_CONFLICT;
        }
        r = name_put(actor->session, name->bytes, name->n_bytes, target, when, same, &replaced);
        check_outcome(r, want);
        if (r == STORE_OK) {
                cr_assert_eq(replaced, had);
                shadow_set_name(&shadow, name, thing);
        }
}

static void do_name_get(struct actor *actor)
{
        const struct value *name = &names[below(MODEL_NAMES)];
        struct naming *naming = shadow_name(&shadow, name);
        uint32_t into = random_into(), handle = 0;
        enum kind kind = KIND_NONE;
        uint64_t version = 0;
        int r = name_get(actor->session, name->bytes, name->n_bytes, into, &handle, &kind,
                         &version);

        check_outcome(r, naming ? into_outcome(actor, into) : STORE_E_NO_NAME);
        if (r == STORE_OK) {
                cr_assert_eq(kind, naming->thing->kind);
                cr_assert_eq(version, naming->thing->version);
                check_value(actor, &(struct value){.type = VALUE_REF, .handle = handle},
                            &(struct cell){.thing = naming->thing}, into);
        }
}

static void do_name_del(struct actor *actor)
{
        const struct value *name = &names[below(MODEL_NAMES)];
        struct naming *naming = shadow_name(&shadow, name);
        bool deleted = false;
        int r = name_del(actor->session, name->bytes, name->n_bytes, NULL, &deleted);

        cr_assert_eq(r, STORE_OK);
        cr_assert_eq(deleted, naming != NULL);
        if (naming) {
                *naming = shadow.names[--shadow.n_names];
        }
}

/* All names by portions: each exactly once. */
static void do_name_list(struct actor *actor)
{
        uint64_t cursor = 0;
        uint32_t n = 0;

        do {
                tray_clear(&tray);
                cr_assert_eq(name_list(world.store, NULL, 0, cursor, 7, &tray.sink, &cursor),
                             STORE_OK);
                for (uint32_t i = 1; i < tray.n_items; i += 3, n++) {
                        struct naming *naming = shadow_name(&shadow, &tray.items[i + 1].value);

                        cr_assert_not_null(naming);
                        cr_assert_str_eq((const char *)tray.items[i + 2].value.bytes,
                                         kind_name(naming->thing->kind));
                }
        } while (cursor);
        cr_assert_eq(n, shadow.n_names);
}
