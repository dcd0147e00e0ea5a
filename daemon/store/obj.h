/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Obj: the methods that all kinds share.
 *
 * Keys are slot numbers from 0 for records, positions from 0 for arrays, scalars for maps. A
 * position that does not exist is STORE_E_RANGE; a map's absent key reads as nil.
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h; all or nothing, for want of memory too (STORE-2).
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/kind.h"
#include "store/session.h"

/* What to create and where to put it. */
struct obj_spec {
        enum kind kind;
        struct value_source *init; /* record, array: values; map: pairs; NULL: empty */
        uint32_t n_nil;            /* record, array, without init: that many nils */
        const uint8_t *bytes;      /* blob */
        uint64_t n_bytes;
        bool weak;            /* map: values are held weakly, and must be references */
        struct target object; /* weak: what to refer to */
        struct value token;   /* weak: goes with it; nil for none */
        uint32_t into;
        const uint8_t *name; /* NULL: none. With a name and into 0 no handle is bound */
        uint32_t n_name;
        bool if_absent; /* refuse to replace a name: STORE_E_EXISTS */
};

struct obj_info {
        enum kind kind;
        uint64_t length;  /* slots, elements, entries, bytes; of a weak reference 1, then 0 */
        uint64_t n_bytes; /* of its own: what length takes in memory, boxed values not counted */
        uint64_t version; /* +1 per change; 0 for blobs and weak references, which never change */
        bool sealed;
        bool weak; /* a map that holds its values weakly */
};

/* *ret_handle is 0 if none was bound. */
int obj_new(struct session *session, const struct obj_spec *spec, uint32_t *ret_handle);

int obj_info(struct session *session, struct target target, struct obj_info *ret_info);

/*
 * With keys: hands out an array of as many values. Without (NULL), all: an array, for maps a map,
 * for blobs the bytes as one bin, for weak references [object or nil, token]. References come bound
 * to fresh handles. STORE_E_TOO_BIG above STORE_ELEMENTS_MAX values (a map's keys count, too) or
 * result_bytes_max.
 */
int obj_get(struct session *session, struct target target, struct value_source *keys,
            struct value_sink *sink);

/* Follows keys from object to object; a weak reference on the way, but not at the end, stands for
 * its object, or STORE_E_GONE. If the last value is a reference it is bound to `into`. */
int obj_walk(struct session *session, struct target target, struct value_source *path,
             uint32_t into, struct value *ret_value);

/* `if_version` NULL: whatever the version is. The version goes up by one per call, empty ones
 * excepted. */
int obj_set(struct session *session, struct target target, struct value_source *pairs,
            const uint64_t *if_version, uint64_t *ret_version);

/*
 * Writes `value` if the slot holds `expect` (references: the same object; else type and content).
 * The current value is the one written, as it was given, or the one that was in the way, bound to a
 * fresh handle if it is a reference.
 */
int obj_cas(struct session *session, struct target target, const struct value *key,
            const struct value *expect, const struct value *value, bool *ret_swapped,
            struct value *ret_current);

/* Integer and integer, or float and float: anything else is STORE_E_TYPE, overflow STORE_E_RANGE.
 */
int obj_add(struct session *session, struct target target, const struct value *key,
            const struct value *delta, struct value *ret_value);
