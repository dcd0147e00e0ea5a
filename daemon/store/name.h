/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Name: text that denotes an object and keeps it alive, for all sessions of the store.
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h. A name over STORE_NAME_BYTES_MAX is STORE_E_TOO_BIG, an empty one
 *          STORE_E_RANGE; names_max reached is STORE_E_LIMIT.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/kind.h"
#include "store/session.h"

/* When a change of a name is to happen. */
enum name_if {
        NAME_IF_ANY,
        NAME_IF_ABSENT, /* STORE_E_EXISTS if somebody bears it */
        NAME_IF_SAME,   /* STORE_E_CONFLICT unless it denotes the object of `same` */
};

int name_get(struct session *session, const uint8_t *name, uint32_t n_name, uint32_t into,
             uint32_t *ret_handle, enum kind *ret_kind, uint64_t *ret_version);

int name_put(struct session *session, const uint8_t *name, uint32_t n_name, struct target target,
             enum name_if when, struct target same, bool *ret_replaced);

/* `same` may be NULL. No such name: false, or with `same` STORE_E_NO_NAME. */
int name_del(struct session *session, const uint8_t *name, uint32_t n_name,
             const struct target *same, bool *ret_deleted);

/* Hands out an array of [name, kind] with about `limit` of them (map_scan() has the details). */
int name_list(struct store *store, const uint8_t *prefix, uint32_t n_prefix, uint64_t cursor,
              uint32_t limit, struct value_sink *sink, uint64_t *ret_cursor);
