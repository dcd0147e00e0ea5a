/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Player: what every random request of the model is made of: the state of the run, values, keys and
 * targets to send, each with the outcome that it deserves, and the check of what came back.
 */

#include "support/unit.h"
#include "support/seed.h"
#include "model/settle.h"

#define MODEL_VALUES      160u
#define MODEL_NAMES       150u
#define MODEL_BATCH_MAX   900u
#define MODEL_LENGTH_MAX  3000u
#define MODEL_HANDLES_MAX 4096u
#define MODEL_GRIPS       200u /* above that an actor drops more than it takes */
#define MODEL_BYTES       70000u

static struct world world;
static struct shadow shadow;
static struct seed seed;
static uint8_t bytes[MODEL_BYTES];
static struct value pool[MODEL_VALUES];
static struct value names[MODEL_NAMES];
static struct tray tray = TRAY;
static bool starving;      /* the heap may be full: any request may fail for want of memory */
static uint64_t n_starved; /* how many did */

/* What is about to be sent: values for the store, cells for the shadow. */
static struct value sent[2 * MODEL_BATCH_MAX];
static struct cell cells[MODEL_BATCH_MAX];

static void check_outcome(int outcome, int want)
{
        if (starving && outcome == STORE_E_NOMEM) {
                n_starved++;
                return;
        }
        cr_assert_eq(outcome, want, "%d, not %d", outcome, want);
}

static uint32_t below(uint32_t n)
{
        return (uint32_t)seed_below(&seed, n);
}

static bool one_in(uint32_t n)
{
        return seed_one_in(&seed, n);
}

/* --- values -------------------------------------------------------------------------- */

static struct value random_bytes(enum value_type type)
{
        static const uint32_t sizes[] = {0, 1, 5, 6, 7, 8, 20, 60, 300};
        uint32_t n = one_in(40) ? STORE_INLINE_MAX - below(2) : sizes[below(9)];

        if (type == VALUE_DOC && n == 0) {
                n = 1;
        }
        return value_bytes(type, bytes + below(MODEL_BYTES - STORE_INLINE_MAX), n);
}

static struct value random_plain(void)
{
        static const int64_t ints[] = {0,
                                       1,
                                       -1,
                                       WORD_INT_MAX,
                                       WORD_INT_MIN,
                                       WORD_INT_MAX + 1,
                                       WORD_INT_MIN - 1,
                                       INT64_MAX,
                                       INT64_MIN};
        static const double floats[] = {0.0,     1.0,    -1.5, 1e300,
                                        -1e-300, 1e-310, 0.1,  __builtin_inf()};

        switch (below(10)) {
        case 0:
                return value_nil();
        case 1:
                return value_bool(below(2));
        case 2:
                return value_int(ints[below(9)]);
        case 3:
                return value_uint(UINT64_MAX - below(3));
        case 4:
                return value_float(floats[below(8)]);
        case 5:
                return value_time((int64_t)below(1000000), below(1000000000));
        case 6:
                return random_bytes(VALUE_BIN);
        case 7:
                return random_bytes(VALUE_DOC);
        case 8:
                return value_int((int64_t)seed_next(&seed));
        default:
                return random_bytes(VALUE_STR);
        }
}

static void make_values(void)
{
        for (uint32_t i = 0; i < MODEL_BYTES; i++) {
                bytes[i] = (uint8_t)(32 + below(90));
        }
        for (uint32_t i = 0; i < MODEL_VALUES; i++) {
                pool[i] = random_plain();
        }
        for (uint32_t i = 0; i < MODEL_NAMES; i++) {
                names[i] = value_bytes(VALUE_STR, bytes + 7 * i,
                                       i == 0 ? STORE_NAME_BYTES_MAX : 1 + i % 40);
        }
}

static struct grip *random_grip(struct actor *actor)
{
        return actor->n ? &actor->grips[below(actor->n)] : NULL;
}

/* A value to send; the outcome that it deserves. */
static int random_value(struct actor *actor, struct value *ret_value, struct cell *ret_cell)
{
        struct grip *grip = random_grip(actor);

        *ret_cell = (struct cell){.value = value_nil()};
        if (one_in(500)) {
                *ret_value = value_ref(UINT32_C(0x7ffffff0));
                return STORE_E_NO_HANDLE;
        }
        if (grip && one_in(3)) {
                *ret_value = value_ref(grip->number);
                ret_cell->thing = grip->thing;
                return grip->thing ? STORE_OK : STORE_E_BROKEN;
        }
        *ret_value = one_in(50) ? value_ref(0) : pool[below(MODEL_VALUES)];
        if (ret_value->type != VALUE_REF) {
                ret_cell->value = *ret_value;
        }
        return STORE_OK;
}

static bool is_key(const struct value *value)
{
        return value->type != VALUE_DOC && value->type != VALUE_TIME && value->type != VALUE_REF;
}

/* The same for a value that goes into a thing: a weak map takes references only. */
static int random_value_for(const struct thing *thing, struct actor *actor, struct value *ret_value,
                            struct cell *ret_cell)
{
        bool picky = thing && thing->weak;
        int r;

        for (unsigned i = 0; i < 8; i++) {
                r = random_value(actor, ret_value, ret_cell);
                if (!picky || ret_cell->thing) {
                        return r;
                }
        }
        return r ? r : STORE_E_TYPE;
}

/* A key for a thing, mostly one that fits; the outcome that it deserves. */
static int random_key(struct thing *thing, struct value *ret_key)
{
        if (thing->kind == KIND_MAP) {
                *ret_key = one_in(2) ? value_int(below(1500)) : pool[below(MODEL_VALUES)];
                if (thing->weak && thing->n > 0 && one_in(2)) {
                        *ret_key = thing->keys[below(thing->n)];
                }
                return is_key(ret_key) ? STORE_OK : STORE_E_TYPE;
        }
        if (thing->kind == KIND_BLOB || thing->kind == KIND_WEAK) {
                *ret_key = value_int(0);
                return STORE_E_TYPE;
        }
        if (thing->n == 0 || one_in(60)) {
                *ret_key = one_in(2) ? value_int(thing->n) : value_uint(UINT64_MAX);
                return STORE_E_RANGE;
        }
        if (one_in(60)) {
                *ret_key = value_str("no number");
                return STORE_E_TYPE;
        }
        *ret_key = value_int(below(thing->n));
        return STORE_OK;
}

static struct cell thing_at(struct thing *thing, const struct value *key)
{
        if (thing->kind == KIND_MAP) {
                uint32_t i = thing_find(thing, key);

                return i < thing->n && !thing->cells[i].gone ? thing->cells[i]
                                                             : (struct cell){.value = value_nil()};
        }
        return thing->cells[key->integer];
}

static void thing_set(struct thing *thing, const struct value *key, struct cell cell)
{
        if (thing->kind == KIND_MAP) {
                thing_put(thing, key, cell);
        } else {
                thing->cells[key->integer] = cell;
        }
}

/* --- targets ------------------------------------------------------------------------- */

static uint32_t random_into(void)
{
        switch (below(4)) {
        case 0:
                return 0;
        case 1:
                return below(12) * UINT32_C(170000017) + 1;
        default:
                return 1 + below(700);
        }
}

static int into_outcome(struct actor *actor, uint32_t into)
{
        struct grip *grip = into ? actor_find(actor, into) : NULL;

        if (grip && grip->thing) {
                return STORE_E_EXISTS;
        }
        return !grip && actor->n >= MODEL_HANDLES_MAX ? STORE_E_LIMIT : STORE_OK;
}

/* By handle or by name; the thing and the outcome. */
static int random_target_unsettled(struct actor *actor, struct target *ret_target,
                                   struct thing **ret_thing)
{
        struct grip *grip = random_grip(actor);

        *ret_thing = NULL;
        if (!grip || one_in(8)) {
                const struct value *name = &names[below(MODEL_NAMES)];
                struct naming *naming = shadow_name(&shadow, name);

                *ret_target = target_name(name->bytes, name->n_bytes);
                *ret_thing = naming ? naming->thing : NULL;
                return naming ? STORE_OK : STORE_E_NO_NAME;
        }
        if (one_in(300)) {
                *ret_target = target_handle(below(2) ? 0 : UINT32_C(0xfffffff0));
                return STORE_E_NO_HANDLE;
        }
        *ret_target = target_handle(grip->number);
        *ret_thing = grip->thing;
        return grip->thing ? STORE_OK : STORE_E_BROKEN;
}

static int random_target(struct actor *actor, struct target *ret_target, struct thing **ret_thing)
{
        int r = random_target_unsettled(actor, ret_target, ret_thing);
        struct word w;

        if (r == STORE_OK && (*ret_thing)->weak) {
                cr_assert_eq(handle_resolve(actor->session, *ret_target, &w), STORE_OK);
                settle(&world, &shadow, *ret_thing, w);
        }
        return r;
}

static int target_of_kind(struct actor *actor, enum kind kind, struct target *ret_target,
                          struct thing **ret_thing)
{
        int r = STORE_OK;

        /* Look for a fitting one for a while, so that most requests succeed. */
        for (unsigned i = 0; i < 20; i++) {
                r = random_target(actor, ret_target, ret_thing);
                if (r == STORE_OK && (*ret_thing)->kind == kind) {
                        return r;
                }
        }
        return r == STORE_OK ? STORE_E_TYPE : r;
}

/* --- answers ------------------------------------------------------------------------- */

static uint32_t count_refs(const struct cell *row, uint32_t n)
{
        uint32_t n_refs = 0;

        for (uint32_t i = 0; i < n; i++) {
                n_refs += row[i].thing && !row[i].gone;
        }
        return n_refs;
}

static int picks_outcome(struct actor *actor, uint32_t n)
{
        return actor->n + n > MODEL_HANDLES_MAX ? STORE_E_LIMIT : STORE_OK;
}

/* A value that was handed out is the cell's; a reference has been bound to a number, `into` or
 * picked. */
static void check_value(struct actor *actor, const struct value *value, const struct cell *cell,
                        uint32_t into)
{
        if (cell->gone) {
                cr_assert_eq(value->type, VALUE_NIL);
                return;
        }
        if (!cell->thing) {
                cr_assert(value_same(value, &cell->value));
                return;
        }
        cr_assert_eq(value->type, VALUE_REF);
        cr_assert(into ? value->handle == into : (value->handle & HANDLE_PICKED) != 0);
        if (!into) {
                cr_assert_null(actor_find(actor, value->handle));
        }
        actor_bind(actor, value->handle, cell->thing, 0);
}

/* The tray holds an array of these cells. */
static void check_array(struct actor *actor, const struct cell *row, uint32_t n)
{
        cr_assert_eq(tray.n_items, n + 1);
        cr_assert_eq(tray.items[0].type, ITEM_ARRAY);
        cr_assert_eq(tray.items[0].n, n);
        for (uint32_t i = 0; i < n; i++) {
                check_value(actor, &tray.items[1 + i].value, &row[i], 0);
        }
}
