/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Session: one client's reach into the store: its handles, and what it has allocated. The handle
 * table is made of heap objects behind one root cell, so that ending a session takes O(1), however
 * many handles it holds (STORE-6).
 *
 * Owns:     its root cell. Belongs to the store until session_end().
 * Threads:  the executor, inside a request.
 * Failure:  session_begin(): STORE_E_LIMIT at sessions_max, STORE_E_NOMEM.
 */

#include <stdint.h>

#include "store/store.h"

struct session;

/* What a method works on: the object behind a handle, or the one that bears a name now. */
struct target {
        uint32_t handle;
        uint32_t n_name;
        const uint8_t *name; /* not NULL: by name */
};

static inline struct target target_handle(uint32_t handle)
{
        return (struct target){.handle = handle};
}

static inline struct target target_name(const void *name, uint32_t n_name)
{
        return (struct target){.name = name, .n_name = n_name};
}

/* `peer` is copied, cut at STORE_PEER_BYTES - 1. */
int session_begin(struct store *store, const char *peer, struct session **ret_session);
/* Lets go of every handle; what only they reached is garbage. NULL is fine. */
void session_end(struct session *session);

struct store *session_store(const struct session *session);
uint64_t session_allocated_bytes(const struct session *session); /* ever */
void session_get_info(const struct session *session, struct session_info *ret_info);

/*
 * A request that should have bound `number` has failed: if the number is unused, requests that use
 * it fail with STORE_E_BROKEN and this cause, until it is bound or dropped. In use or without
 * memory: no effect. Leaves store_fault() as it is.
 */
void session_break(struct session *session, uint32_t number, uint32_t msgid);
