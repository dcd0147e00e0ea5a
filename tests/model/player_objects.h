/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Player, objects: one function per method, as in player_handles.h.
 */

#include "model/player.h"

static uint32_t random_batch(void)
{
        return one_in(60) ? 500 + below(MODEL_BATCH_MAX - 500) : below(9);
}

/* Gives it the names that it was made with. */
static void made(struct actor *actor, struct thing *thing, const struct obj_spec *spec,
                 uint32_t handle, const struct value *name)
{
        if (spec->into || !name) {
                check_value(actor, &(struct value){.type = VALUE_REF, .handle = handle},
                            &(struct cell){.thing = thing}, spec->into);
        } else {
                cr_assert_eq(handle, 0u);
        }
        if (name) {
                shadow_set_name(&shadow, name, thing);
        }
}

static void do_new_weak(struct actor *actor)
{
        struct obj_spec spec = {.kind = KIND_WEAK, .into = random_into()};
        struct thing *object, *thing;
        struct cell token;
        uint32_t handle = 99;
        int want = into_outcome(actor, spec.into), r;
        int want_object = random_target(actor, &spec.object, &object);
        int want_token = random_value(actor, &spec.token, &token);

        want = want ? want : want_object;
        want = want ? want : spec.token.type == VALUE_REF ? STORE_E_TYPE : want_token;
        r = obj_new(actor->session, &spec, &handle);
        check_outcome(r, want);
        if (r == STORE_OK) {
                struct cell row[] = {{.thing = object}, token};

                thing = thing_new(&shadow, KIND_WEAK);
                thing_splice(thing, 0, 0, row, WEAK_WORDS);
                thing->weak = true;
                made(actor, thing, &spec, handle, NULL);
        }
}

static void do_new(struct actor *actor)
{
        static const enum kind kinds[] = {KIND_RECORD, KIND_RECORD, KIND_ARRAY,
                                          KIND_MAP,    KIND_MAP,    KIND_BLOB};
        enum kind kind = kinds[below(6)];
        const struct value *name = one_in(6) ? &names[below(MODEL_NAMES)] : NULL;
        uint32_t n = random_batch(), handle = 99;
        struct obj_spec spec = {.kind = kind,
                                .into = name && one_in(2) ? 0 : random_into(),
                                .weak = kind == KIND_MAP && one_in(2)};
        const struct thing picky = {.weak = spec.weak};
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
                int outcome = random_value_for(&picky, actor, value, &cells[i]);

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
        check_outcome(r, want);
        if (r == STORE_OK) {
                struct thing *thing = thing_new(&shadow, kind);

                thing->weak = spec.weak;
                thing->serial = spec.weak ? world.store->next_weak_map : 0;
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
                made(actor, thing, &spec, handle, name);
        }
}

/* An object that a weak map alone leads to: in the balance until a cycle comes by. */
static void do_orphan(struct actor *actor)
{
        struct obj_spec spec = {.kind = KIND_RECORD, .n_nil = below(5)};
        struct value key = value_int(below(1500));
        struct thing *map = NULL, *thing;
        struct target target;
        uint32_t handle;
        uint64_t version;
        struct row row;
        int r = STORE_OK;

        for (unsigned i = 0; i < 40 && (!map || !map->weak || map->kind != KIND_MAP); i++) {
                r = random_target(actor, &target, &map);
        }
        if (r || !map || !map->weak || map->kind != KIND_MAP ||
            obj_new(actor->session, &spec, &handle)) {
                return;
        }
        sent[0] = key;
        sent[1] = value_ref(handle);
        row = row_of(sent, 2);
        r = obj_set(actor->session, target, &row.source, NULL, &version);
        check_outcome(r, STORE_OK);
        if (r == STORE_OK) {
                thing = thing_new(&shadow, KIND_RECORD);
                thing_fill_nil(thing, spec.n_nil);
                thing_put(map, &key, (struct cell){.thing = thing});
                map->version++;
        }
        cr_assert(handle_drop(actor->session, handle));
}

static void do_weak_get(struct actor *actor)
{
        uint32_t into = random_into();
        struct value value = value_nil();
        struct target target;
        struct thing *thing;
        int want = target_of_kind(actor, KIND_WEAK, &target, &thing), r;
        bool gone = !want && thing->cells[0].gone;

        if (!want && !gone) {
                want = into_outcome(actor, into);
        }
        r = weak_get(actor->session, target, into, &value);
        check_outcome(r, want);
        if (r == STORE_OK) {
                check_value(actor, &value, &thing->cells[0], into);
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
                cr_assert_eq(info.length,
                             thing->kind == KIND_WEAK ? !thing->cells[0].gone : thing->n);
                cr_assert_eq(info.version, thing->version);
                cr_assert_eq(info.weak, thing->weak && thing->kind == KIND_MAP);
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
        check_outcome(r, want);
        if (r) {
                return;
        }
        if (thing->kind == KIND_BLOB) {
                cr_assert_eq(tray.items[0].value.n_bytes, thing->n);
        } else if (thing->kind == KIND_MAP) {
                cr_assert_eq(tray.items[0].n, thing_n_there(thing));
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
        check_outcome(r, want);
        if (r == STORE_OK) {
                check_array(actor, cells, n);
        }
}

/* From a weak reference to its object. */
static int walk_through(struct cell *cell, struct word *w)
{
        settle(&world, &shadow, cell->thing, *w);
        *cell = cell->thing->cells[0];
        *w = gc_weak_load(world.mutator, *w, WEAK_TARGET);
        if (!cell->gone) {
                settle(&world, &shadow, cell->thing, *w);
        }
        return cell->gone ? STORE_E_GONE : STORE_OK;
}

static struct cell walk_step(struct actor *actor, struct thing *thing, const struct value *key,
                             struct word *w)
{
        struct slot slot;
        struct cell cell;

        settle(&world, &shadow, thing, *w);
        cell = thing_at(thing, key);
        cr_assert_eq(slot_find(actor->session, *w, key, &slot), STORE_OK);
        *w = slot_get(&world.store->space, &slot);
        return cell;
}

static void do_walk(struct actor *actor)
{
        uint32_t into = random_into(), n = below(5);
        struct value value = value_nil();
        struct target target;
        struct thing *thing;
        int want = random_target(actor, &target, &thing), r;
        struct cell cell = {.thing = thing};
        struct word w;
        struct row row;

        for (uint32_t i = 0; i < n; i++) {
                sent[i] = value_int(0);
                if (!want && i == 0) {
                        handle_resolve(actor->session, target, &w);
                }
                if (!want && cell.thing && cell.thing->kind == KIND_WEAK) {
                        want = walk_through(&cell, &w);
                }
                if (!want && !cell.thing) {
                        want = STORE_E_TYPE;
                } else if (!want) {
                        want = random_key(cell.thing, &sent[i]);
                        cell = want ? cell : walk_step(actor, cell.thing, &sent[i], &w);
                }
        }
        if (!want && cell.thing) {
                want = into_outcome(actor, into);
        }
        row = row_of(sent, n);
        r = obj_walk(actor->session, target, &row.source, into, &value);
        check_outcome(r, want);
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
        int want = random_target(actor, &target, &thing), want_key = STORE_OK;
        int want_kind = STORE_OK, r;
        bool guarded = one_in(4);
        struct row row;

        if_version = thing ? thing->version + one_in(3) : 0;
        if (!want && guarded && if_version != thing->version) {
                want = STORE_E_CONFLICT;
        }
        for (uint32_t i = 0; thing && i < n; i++) {
                int outcome = random_value_for(thing, actor, &sent[2 * i + 1], &cells[i]);

                /* That all values are references is looked at when all are found. */
                if (outcome == STORE_E_TYPE) {
                        want_kind = outcome;
                        outcome = STORE_OK;
                }
                want = want ? want : outcome;
                outcome = random_key(thing, &sent[2 * i]);
                want_key = want_key ? want_key : outcome;
        }
        want = want ? want : want_kind ? want_kind : want_key;
        row = row_of(sent, 2 * n);
        r = obj_set(actor->session, target, &row.source, guarded ? &if_version : NULL, &version);
        check_outcome(r, want);
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
        want_value = random_value_for(thing, actor, &value, &cell);
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
        check_outcome(r, want);
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
                check_outcome(r, STORE_E_RANGE);
        }
}

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
        check_outcome(r, want);
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
        check_outcome(r, want);
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
        check_outcome(r, want);
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
        check_outcome(r, want);
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
        uint32_t n = 0, n_there = want ? 0 : thing_n_there(thing);
        struct word w;

        do {
                tray_clear(&tray);
                r = map_scan(actor->session, target, &scan, &tray.sink, &scan.cursor);
                check_outcome(r, want);
                for (uint32_t i = 1; i < tray.n_items; i++, n++) {
                        cr_assert_lt(thing_find(thing, &tray.items[i].value), thing->n);
                }
        } while (r == STORE_OK && scan.cursor);
        if (r == STORE_OK) {
                /* Marking may have ended between two portions. */
                cr_assert_eq(handle_resolve(actor->session, target, &w), STORE_OK);
                settle(&world, &shadow, thing, w);
                cr_assert(n <= n_there && n >= thing_n_there(thing));
        }
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
