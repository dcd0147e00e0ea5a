/* SPDX-License-Identifier: MIT */

/*
 * The store against a shadow: random requests of several sessions, good and bad, are made of the
 * store and of a graph in plain C; outcomes and answers must be equal. Every so many requests the
 * heap is collected and audited: what is left must be exactly what the shadow can reach (audit.h).
 *
 * HEAPD_SEED replays a run; HEAPD_MODEL_OPS sets its length. The seed also chooses how often the
 * heap is collected, down to after every request.
 */

#include "support/unit.h"
#include "support/seed.h"
#include "model/audit.h"

#define MODEL_OPS_DEFAULT 300000u
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

/* What is about to be sent: values for the store, cells for the shadow. */
static struct value sent[2 * MODEL_BATCH_MAX];
static struct cell cells[MODEL_BATCH_MAX];

static uint32_t below(uint32_t n)
{
        return (uint32_t)seed_below(&seed, n);
}

static bool one_in(uint32_t n)
{
        return seed_one_in(&seed, n);
}

/* --- values ------------------------------------------------------------------------------------
 */

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

/* A key for a thing, mostly one that fits; the outcome that it deserves. */
static int random_key(struct thing *thing, struct value *ret_key)
{
        if (thing->kind == KIND_MAP) {
                *ret_key = one_in(2) ? value_int(below(1500)) : pool[below(MODEL_VALUES)];
                return is_key(ret_key) ? STORE_OK : STORE_E_TYPE;
        }
        if (thing->kind == KIND_BLOB) {
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

                return i < thing->n ? thing->cells[i] : (struct cell){.value = value_nil()};
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

/* --- targets -----------------------------------------------------------------------------------
 */

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
static int random_target(struct actor *actor, struct target *ret_target, struct thing **ret_thing)
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

/* --- answers -----------------------------------------------------------------------------------
 */

static uint32_t count_refs(const struct cell *row, uint32_t n)
{
        uint32_t n_refs = 0;

        for (uint32_t i = 0; i < n; i++) {
                n_refs += row[i].thing != NULL;
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

/* --- requests: handles and names ---------------------------------------------------------------
 */

static void do_dup(struct actor *actor)
{
        uint32_t into = random_into(), handle = 0;
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing);
        int r = handle_dup(actor->session, target, into, &handle);

        want = want ? want : into_outcome(actor, into);
        cr_assert_eq(r, want, "%d, not %d", r, want);
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

        cr_assert_eq(r, want ? want : want_other);
        cr_assert_eq(same, r == STORE_OK && a == b);
}

static void do_break(struct actor *actor)
{
        uint32_t number = 1 + below(700), msgid = below(UINT32_MAX);
        struct grip *grip = actor_find(actor, number);
        struct target target = target_handle(number);
        bool same;

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
        cr_assert_eq(r, want, "%d, not %d", r, want);
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

        cr_assert_eq(r, naming ? into_outcome(actor, into) : STORE_E_NO_NAME);
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

/* --- requests: objects -------------------------------------------------------------------------
 */

static uint32_t random_batch(void)
{
        return one_in(60) ? 500 + below(MODEL_BATCH_MAX - 500) : below(9);
}

static void do_new(struct actor *actor)
{
        static const enum kind kinds[] = {KIND_RECORD, KIND_RECORD, KIND_ARRAY, KIND_MAP,
                                          KIND_BLOB};
        enum kind kind = kinds[below(5)];
        const struct value *name = one_in(6) ? &names[below(MODEL_NAMES)] : NULL;
        uint32_t n = random_batch(), handle = 99;
        struct obj_spec spec = {.kind = kind, .into = name && one_in(2) ? 0 : random_into()};
        struct row row;
        int want = STORE_OK, r;
        bool bound = spec.into || !name;

        if (name) {
                spec.name = name->bytes;
                spec.n_name = name->n_bytes;
                spec.if_absent = one_in(3);
                want = spec.if_absent && shadow_name(&shadow, name) ? STORE_E_EXISTS : STORE_OK;
        }
        if (!want && bound) {
                want = into_outcome(actor, spec.into);
        }
        for (uint32_t i = 0; kind != KIND_BLOB && i < n; i++) {
                struct value key = one_in(2) ? value_int(below(1500)) : pool[below(MODEL_VALUES)];
                struct value *value = &sent[kind == KIND_MAP ? 2 * i + 1 : i];
                int outcome = random_value(actor, value, &cells[i]);

                if (kind == KIND_MAP) {
                        sent[2 * i] = key;
                        outcome = is_key(&key) ? outcome : STORE_E_TYPE;
                }
                want = want ? want : outcome;
        }
        row = row_of(sent, kind == KIND_MAP ? 2 * n : n);
        spec.init = &row.source;
        if (n == 0 && (kind == KIND_RECORD || kind == KIND_ARRAY)) {
                /* Nothing but nils; of records large ones, which are marked in pieces. */
                spec.init = NULL;
                spec.n_nil = kind == KIND_RECORD && one_in(30) ? 20000 : below(600);
        }
        if (kind == KIND_BLOB) {
                spec.n_bytes = n = one_in(30) ? below(MODEL_BYTES) : below(100);
                spec.bytes = bytes;
                spec.init = NULL;
        }
        r = obj_new(actor->session, &spec, &handle);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                struct thing *thing = thing_new(&shadow, kind);

                if (kind == KIND_MAP) {
                        for (uint32_t i = 0; i < n; i++) {
                                thing_put(thing, &sent[2 * i], cells[i]);
                        }
                } else if (kind == KIND_BLOB) {
                        thing->bytes = bytes;
                        thing->n = n;
                } else if (spec.n_nil) {
                        thing_fill_nil(thing, spec.n_nil);
                } else {
                        thing_splice(thing, 0, 0, cells, n);
                }
                if (bound) {
                        check_value(actor, &(struct value){.type = VALUE_REF, .handle = handle},
                                    &(struct cell){.thing = thing}, spec.into);
                } else {
                        cr_assert_eq(handle, 0u);
                }
                if (name) {
                        shadow_set_name(&shadow, name, thing);
                }
        }
}

static void do_info(struct actor *actor)
{
        struct obj_info info = {0};
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing);
        int r = obj_info(actor->session, target, &info);

        cr_assert_eq(r, want);
        if (r == STORE_OK) {
                cr_assert_eq(info.kind, thing->kind);
                cr_assert_eq(info.length, thing->n);
                cr_assert_eq(info.version, thing->version);
        }
}

static void do_get_all(struct actor *actor)
{
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing), r;

        if (!want && thing->cells) {
                want = picks_outcome(actor, count_refs(thing->cells, thing->n));
        }
        r = obj_get(actor->session, target, NULL, &tray.sink);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r) {
                return;
        }
        if (thing->kind == KIND_BLOB) {
                cr_assert_eq(tray.items[0].value.n_bytes, thing->n);
        } else if (thing->kind == KIND_MAP) {
                cr_assert_eq(tray.items[0].n, thing->n);
                for (uint32_t i = 1; i < tray.n_items; i += 2) {
                        struct cell cell = thing_at(thing, &tray.items[i].value);

                        check_value(actor, &tray.items[i + 1].value, &cell, 0);
                }
        } else {
                check_array(actor, thing->cells, thing->n);
        }
}

static void do_get(struct actor *actor)
{
        struct target target;
        struct thing *thing;
        uint32_t n = below(6);
        int want = random_target(actor, &target, &thing), r;
        struct row row;

        for (uint32_t i = 0; thing && i < n; i++) {
                int outcome = random_key(thing, &sent[i]);

                if (outcome == STORE_OK) {
                        cells[i] = thing_at(thing, &sent[i]);
                }
                want = want ? want : outcome;
        }
        want = want ? want : picks_outcome(actor, count_refs(cells, n));
        row = row_of(sent, n);
        r = obj_get(actor->session, target, &row.source, &tray.sink);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                check_array(actor, cells, n);
        }
}

static void do_walk(struct actor *actor)
{
        uint32_t into = random_into(), n = below(5);
        struct value value = value_nil();
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing), r;
        struct cell cell = {.thing = thing};
        struct row row;

        for (uint32_t i = 0; i < n; i++) {
                sent[i] = value_int(0);
                if (!want && !cell.thing) {
                        want = STORE_E_TYPE;
                } else if (!want) {
                        want = random_key(cell.thing, &sent[i]);
                        cell = want ? cell : thing_at(cell.thing, &sent[i]);
                }
        }
        if (!want && cell.thing) {
                want = into_outcome(actor, into);
        }
        row = row_of(sent, n);
        r = obj_walk(actor->session, target, &row.source, into, &value);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                check_value(actor, &value, &cell, into);
        }
}

static void do_set(struct actor *actor)
{
        uint32_t n = random_batch();
        uint64_t version = 0, if_version;
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing), want_key = STORE_OK, r;
        bool guarded = one_in(4);
        struct row row;

        if_version = thing ? thing->version + one_in(3) : 0;
        if (!want && guarded && if_version != thing->version) {
                want = STORE_E_CONFLICT;
        }
        for (uint32_t i = 0; thing && i < n; i++) {
                int outcome = random_value(actor, &sent[2 * i + 1], &cells[i]);

                want = want ? want : outcome;
                outcome = random_key(thing, &sent[2 * i]);
                want_key = want_key ? want_key : outcome;
        }
        want = want ? want : want_key;
        row = row_of(sent, 2 * n);
        r = obj_set(actor->session, target, &row.source, guarded ? &if_version : NULL, &version);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                for (uint32_t i = 0; i < n; i++) {
                        thing_set(thing, &sent[2 * i], cells[i]);
                }
                thing->version += n > 0;
                cr_assert_eq(version, thing->version);
        }
}

static void do_cas(struct actor *actor)
{
        struct value key, expect, value, current = value_nil();
        struct cell expect_cell, cell, now;
        struct target target;
        struct thing *thing;
        bool swapped = false, matches = false;
        int want = random_target(actor, &target, &thing), want_value, r;

        if (want) {
                return;
        }
        want = random_key(thing, &key);
        r = random_value(actor, &expect, &expect_cell);
        want = want ? want : r;
        want_value = random_value(actor, &value, &cell);
        if (!want) {
                now = thing_at(thing, &key);
                if (!now.thing && one_in(2)) {
                        expect = now.value;
                        expect_cell = now;
                }
                matches = now.thing ? now.thing == expect_cell.thing
                                    : !expect_cell.thing &&
                                              value_same(&now.value, &expect_cell.value);
                want = matches ? want_value : now.thing ? into_outcome(actor, 0) : STORE_OK;
        }
        r = obj_cas(actor->session, target, &key, &expect, &value, &swapped, &current);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                cr_assert_eq(swapped, matches);
                if (swapped) {
                        thing_set(thing, &key, cell);
                        thing->version++;
                } else {
                        check_value(actor, &current, &now, 0);
                }
        }
}

static void do_add(struct actor *actor)
{
        struct value key, sum = value_nil(), delta = value_int((int64_t)below(100) - 50);
        struct target target;
        struct thing *thing;
        struct cell now;
        int want = random_target(actor, &target, &thing), r;

        if (want || random_key(thing, &key)) {
                return;
        }
        now = thing_at(thing, &key);
        r = obj_add(actor->session, target, &key, &delta, &sum);
        if (now.thing || (now.value.type != VALUE_INT && now.value.type != VALUE_UINT)) {
                cr_assert_eq(r, STORE_E_TYPE);
        } else if (r == STORE_OK) {
                /* Exact modulo 2^64; that it did not wrap is the unit tests' business. */
                cr_assert_eq(sum.natural, now.value.natural + delta.natural);
                thing_set(thing, &key, (struct cell){.value = sum});
                thing->version++;
        } else {
                cr_assert_eq(r, STORE_E_RANGE);
        }
}

/* --- requests: arrays, maps, blobs -------------------------------------------------------------
 */

static int random_row(struct actor *actor, uint32_t n)
{
        int want = STORE_OK;

        for (uint32_t i = 0; i < n; i++) {
                int outcome = random_value(actor, &sent[i], &cells[i]);

                want = want ? want : outcome;
        }
        return want;
}

static void do_push(struct actor *actor)
{
        uint32_t n = random_batch();
        uint64_t length = 0;
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_ARRAY, &target, &thing), r;
        struct row row;

        if (!want && thing->n + n > MODEL_LENGTH_MAX) {
                return;
        }
        r = random_row(actor, n);
        want = want ? want : r;
        row = row_of(sent, n);
        r = array_push(actor->session, target, &row.source, &length);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                thing_splice(thing, thing->n, 0, cells, n);
                thing->version += n > 0;
                cr_assert_eq(length, thing->n);
        }
}

static void do_read(struct actor *actor)
{
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_ARRAY, &target, &thing), r;
        uint32_t at = 0, n = one_in(20) ? 600 : below(20);

        if (!want) {
                at = below(thing->n + 2);
                want = at > thing->n ? STORE_E_RANGE : STORE_OK;
                if (!want) {
                        n = n < thing->n - at ? n : thing->n - at;
                        want = n ? picks_outcome(actor, count_refs(thing->cells + at, n)) : 0;
                }
        }
        r = array_read(actor->session, target, at, n, &tray.sink);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                check_array(actor, thing->cells + (n ? at : 0), n);
        }
}

static void do_splice(struct actor *actor)
{
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_ARRAY, &target, &thing), r;
        uint32_t at = 0, n_delete = 0, n = random_batch();
        struct row row;

        if (!want) {
                at = below(thing->n + 2);
                n_delete = one_in(10) ? thing->n : below(12);
                want = at > thing->n || n_delete > thing->n - at ? STORE_E_RANGE : STORE_OK;
                if (thing->n + n > MODEL_LENGTH_MAX) {
                        n = 0;
                }
        }
        r = random_row(actor, n);
        want = want ? want : r;
        if (!want && n_delete) {
                want = picks_outcome(actor, count_refs(thing->cells + at, n_delete));
        }
        row = row_of(sent, n);
        r = array_splice(actor->session, target, at, n_delete, &row.source, &tray.sink);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                check_array(actor, thing->cells + (n_delete ? at : 0), n_delete);
                thing_splice(thing, at, n_delete, cells, n);
                thing->version += n + n_delete > 0;
        }
}

static void do_map_del(struct actor *actor)
{
        bool take = one_in(2);
        uint32_t n = one_in(10) ? 300 : below(8), n_deleted = 0, n_found = 0;
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_MAP, &target, &thing), r;
        struct row row;

        for (uint32_t i = 0; i < n; i++) {
                sent[i] = value_int(below(1500));
                if (!want && one_in(2) && thing->n) {
                        sent[i] = thing->keys[below(thing->n)];
                }
                if (!want) {
                        cells[i] = thing_at(thing, &sent[i]);
                }
        }
        if (!want && take) {
                want = picks_outcome(actor, count_refs(cells, n));
        }
        row = row_of(sent, n);
        r = map_del(actor->session, target, &row.source, take ? &tray.sink : NULL, &n_deleted);
        cr_assert_eq(r, want, "%d, not %d", r, want);
        if (r == STORE_OK) {
                for (uint32_t i = 0; i < n; i++) {
                        n_found += thing_remove(thing, &sent[i], &cells[i]);
                }
                thing->version += n_found > 0;
                cr_assert_eq(n_deleted, n_found);
                if (take) {
                        check_array(actor, cells, n);
                }
        }
}

/* All keys by portions: each exactly once. */
static void do_scan(struct actor *actor)
{
        struct map_scan scan = {.limit = 1 + below(50)};
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_MAP, &target, &thing), r;
        uint32_t n = 0;

        do {
                tray_clear(&tray);
                r = map_scan(actor->session, target, &scan, &tray.sink, &scan.cursor);
                cr_assert_eq(r, want);
                for (uint32_t i = 1; i < tray.n_items; i++, n++) {
                        cr_assert_lt(thing_find(thing, &tray.items[i].value), thing->n);
                }
        } while (r == STORE_OK && scan.cursor);
        cr_assert(r || n == thing->n);
}

static void do_blob_read(struct actor *actor)
{
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_BLOB, &target, &thing), r;
        uint64_t at = want ? 0 : below(thing->n + 2), n = below(200);
        struct value value;

        r = blob_read(actor->session, target, at, n, &value);
        want = want ? want : at > thing->n ? STORE_E_RANGE : STORE_OK;
        cr_assert_eq(r, want);
        if (r == STORE_OK) {
                cr_assert_eq(value.n_bytes, n < thing->n - at ? n : thing->n - at);
                cr_assert(memcmp(value.bytes, bytes + at, value.n_bytes) == 0);
        }
}

/* --- the run -----------------------------------------------------------------------------------
 */

static void do_end(struct actor *actor)
{
        session_end(actor->session);
        actor->session = world_session(&world);
        actor->n = 0;
}

typedef void request_fn(struct actor *actor);

static const struct {
        request_fn *request;
        uint32_t weight;
} requests[] = {
        {do_dup, 30},      {do_drop, 80},      {do_same, 10},     {do_break, 4},
        {do_name_put, 15}, {do_name_get, 20},  {do_name_del, 15}, {do_name_list, 1},
        {do_new, 100},     {do_info, 10},      {do_get_all, 10},  {do_get, 40},
        {do_walk, 40},     {do_set, 100},      {do_cas, 40},      {do_add, 20},
        {do_push, 30},     {do_read, 20},      {do_splice, 40},   {do_map_del, 30},
        {do_scan, 3},      {do_blob_read, 10}, {do_end, 1},
};

static request_fn *random_request(void)
{
        uint32_t total = 0, at, i = 0;

        for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
                total += requests[i].weight;
        }
        at = below(total);
        for (i = 0; at >= requests[i].weight; i++) {
                at -= requests[i].weight;
        }
        return requests[i].request;
}

static void do_request(void)
{
        struct actor *actor = &shadow.actors[below(SHADOW_ACTORS)];
        request_fn *request = random_request();

        request(actor);
        tray_clear(&tray);
        for (unsigned i = 0; i < 3 && actor->n > MODEL_GRIPS; i++) {
                do_drop(actor);
        }
        /* A boundary, at which a collection may come in unasked. */
        if (one_in(200)) {
                gc_request(world.gc, GC_REASON_FORCED);
        }
        gc_poll(world.mutator);
}

static void collect_and_audit(void)
{
        struct census census = world_collect(&world);

        audit_run(&world, &shadow);
        /* Start over now and then, lest the graph outgrow the test's time. */
        if (census_total(&census) > 20000 || one_in(200)) {
                for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                        do_end(&shadow.actors[i]);
                }
        }
}

/* All gone: only the map of names, empty, is left (STORE-5). */
static void end_and_audit(void)
{
        struct census census;

        for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                session_end(shadow.actors[i].session);
                shadow.actors[i].n = 0;
                shadow.actors[i].session = world_session(&world);
        }
        while (shadow.n_names > 0) {
                const struct value *name = &shadow.names[--shadow.n_names].name;
                bool deleted;

                cr_assert_eq(name_del(shadow.actors[0].session, name->bytes, name->n_bytes, NULL,
                                      &deleted),
                             STORE_OK);
        }
        census = world_collect(&world);
        cr_assert_eq(census_total(&census), 1u);
        cr_assert_eq(census.n[KIND_MAP], 1u);
}

Test(store, random_requests_leave_exactly_what_a_shadow_can_reach, .timeout = 280)
{
        static const uint32_t periods[] = {1, 10, 100, 1000, 5000};
        struct store_config config = {
                .handles_max = MODEL_HANDLES_MAX,
                .result_bytes_max = UINT32_MAX,
        };
        const char *given = getenv("HEAPD_MODEL_OPS");
        uint64_t n_ops = given ? strtoull(given, NULL, 0) : MODEL_OPS_DEFAULT;
        uint32_t period = 1;

        seed_init(&seed);
        make_values();
        world_init(&world, &config);
        for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                shadow.actors[i].session = world_session(&world);
        }
        for (uint64_t op = 0; op < n_ops; op++) {
                if (op % 10000 == 0) {
                        period = periods[below(5)];
                }
                do_request();
                /* Frequent collections come in short bursts: they cost a thousand requests each. */
                if (op % period == 0 && op % 10000 < period * 20) {
                        collect_and_audit();
                }
        }
        collect_and_audit();
        end_and_audit();
        shadow_deinit(&shadow);
        world_deinit(&world);
}
