/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Store: the objects and names of one heap, and the sessions that hold them. This is the room's
 * face; what a client can ask for is in handle.h, name.h, obj.h, array.h, map.h, weak.h and blob.h,
 * one function per method of PROTOCOL.md.
 *
 * Owns:     a root cell for the names and one per session; borrows the gc and the mutator.
 * Threads:  one executor, the thread of the mutator, for every call but store_get_stats(). Calls
 *           are made between gc_enter() and gc_leave() of that mutator, lifecycle included
 *           (STORE-1).
 * Failure:  0, or one of enum store_outcome: then nothing has changed (STORE-2), and store_fault()
 *           has a sentence for people. Nothing here logs or exits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "store/value.h"

struct gc;
struct mutator;
struct store;

/* Named as the protocol names its errors. */
enum store_outcome {
        STORE_OK,
        STORE_E_BAD_REQUEST, /* a source would not deliver, or a number no client may choose */
        STORE_E_NO_HANDLE,
        STORE_E_BROKEN, /* store_fault_cause() has the msgid that broke the number */
        STORE_E_NO_NAME,
        STORE_E_EXISTS,
        STORE_E_GONE, /* what a weak reference referred to */
        STORE_E_TYPE,
        STORE_E_RANGE,
        STORE_E_CONFLICT,
        STORE_E_NOMEM,
        STORE_E_TOO_BIG,
        STORE_E_LIMIT,
        _STORE_E_N,
};

#define STORE_HANDLES_DEFAULT (1u << 20)
#define STORE_HANDLES_MAX     (1u << 24)
#define STORE_SLOTS_MAX       65535u
#define STORE_NAME_BYTES_MAX  512u
#define STORE_INLINE_MAX      65536u /* bytes of a str, bin or doc */
#define STORE_ELEMENTS_MAX    65536u /* that one call reads, writes or moves */
#define STORE_PEER_BYTES      64u
#define STORE_PURGE_UNITS     1024u

/* 0 in a field: the default. */
struct store_config {
        uint32_t handles_max;      /* of a session; default STORE_HANDLES_DEFAULT */
        uint32_t sessions_max;     /* default 65 536 */
        uint32_t names_max;        /* default 2^24 */
        uint32_t blob_bytes_max;   /* default 16 MiB */
        uint32_t array_length_max; /* default 2^31 */
        uint32_t result_bytes_max; /* what one call hands out, as encoded; default 4 MiB */
        struct siphash_key key;    /* of the hash tables; all zero: random */
};

struct store_stats {
        uint64_t n_sessions, n_sessions_begun;
        uint64_t n_handles; /* bound and broken ones, all sessions */
        uint64_t n_names;
        uint64_t n_objects_created; /* that clients can name */
        uint64_t n_purged;          /* entries of weak maps whose objects died */
        uint64_t allocated_bytes;   /* ever, by everybody */
};

/* A session as shown to operators; good during the visit. */
struct session_info {
        uint64_t id;
        const char *peer;
        uint32_t n_handles;
        uint64_t allocated_bytes;
        uint64_t begin_ns; /* monotonic */
};

typedef bool session_visit_fn(void *user, const struct session_info *info);

/* Lifecycle. -ENOMEM, -EINVAL. store_free() ends the sessions that are left. */
int store_new(struct store **ret_store, struct gc *gc, struct mutator *mutator,
              const struct store_config *config);
void store_free(struct store *store);

/* The executor, after each cycle, perhaps once for several: what room there is, is shared out anew.
 */
void store_cycle_ended(struct store *store);

/* What the last failed call has to say; good until the next call. */
const char *store_fault(const struct store *store);
/* After STORE_E_BROKEN: the msgid of the request that should have bound the number. */
uint32_t store_fault_cause(const struct store *store);
/* Steps of the last call: nodes walked, words moved, keys compared. A measure of time without a
 * clock. */
uint64_t store_work_units(const struct store *store);

/* Any thread. */
void store_get_stats(const struct store *store, struct store_stats *ret_stats);
/* From the oldest to the youngest; stops when the visitor returns false. */
void store_visit_sessions(const struct store *store, session_visit_fn *visit, void *user);

/*
 * Takes entries whose objects have died out of weak maps, for some STORE_PURGE_UNITS of work.
 * False: there is nothing more to do until the next cycle has ended. To be called when one has, in
 * requests of its own, until it says so.
 */
bool store_purge(struct store *store);
/* Whether there is anything for it to do. Also outside of a request. */
bool store_wants_purge(const struct store *store);

/* "NO_HANDLE" and so on, as on the wire. */
const char *store_outcome_name(enum store_outcome outcome);
