/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Internals: what the files of this folder share and nobody else sees: the structs behind store.h
 * and session.h, the layout of objects, and the steps that methods are made of.
 *
 * A method goes: call_begin(); resolve and check; box what comes in; reserve handles, slots, names;
 * and only then, when nothing can fail any more, change things (STORE-2).
 *
 * Threads: the executor, inside a request; the atomic counters are read by anybody.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "store/session.h"
#include "store/space.h"
#include "store/store.h"
#include "store/table.h"
#include "store/value.h"
#include "store/vector.h"

#define STORE_FAULT_BYTES 160u

/* Slots. A mutable object's version comes first. */
#define OBJ_VERSION    0u
#define RECORD_SLOT_0  1u /* then the slots */
#define ARRAY_LENGTH   1u
#define ARRAY_VECTOR   2u /* of the elements */
#define ARRAY_WORDS    (ARRAY_VECTOR + VECTOR_SLOTS)
#define MAP_TABLE      1u
#define MAP_WORDS      (MAP_TABLE + TABLE_SLOTS)
#define WEAK_TARGET    0u /* a weak word */
#define WEAK_TOKEN     1u
#define WEAK_WORDS     2u
#define HANDLES_CHOSEN 0u /* vector of the numbers below HANDLE_PICKED, number 1 at place 1 */
#define HANDLES_PICKED VECTOR_SLOTS
#define HANDLES_WORDS  (2u * VECTOR_SLOTS)

/* Where the purge of the weak maps stands: numbers, since nothing else outlives a request. */
struct purge {
        bool running;
        uint64_t n_cleared;    /* gc_weak_cleared() when it began */
        uint64_t position;     /* in the table of weak maps; of that bucket, */
        uint64_t serial;       /* the map that was done last, */
        uint64_t map_position; /* and how far the next one is */
};

struct store {
        struct space space;
        struct store_config config;
        struct gc_root *names;     /* a map */
        struct gc_root *weak_maps; /* a weak map of all weak maps by serial number; nil: none */
        uint64_t next_weak_map;
        struct purge purge;
        struct list sessions;
        uint64_t next_session_id;
        uint64_t n_cycles; /* as told */

        struct word *scratch; /* words of a running call, no meaning between calls */
        uint32_t n_scratch;
        uint8_t room[WORD_TEXT_BYTES_MAX]; /* bytes of a single short result */

        char fault[STORE_FAULT_BYTES];
        uint32_t fault_cause;

        /* Written by the executor alone. */
        _Atomic uint64_t n_sessions, n_sessions_begun, n_handles, n_names, n_objects_created,
                n_purged;
        _Atomic uint64_t allocated_bytes;
};

struct session {
        struct store *store;
        struct list in_store;
        struct gc_root *handles; /* nil: none bound */
        uint64_t id;
        uint64_t begin_ns;
        uint64_t allocated_bytes;
        uint64_t ration_cycle, ration_start_bytes; /* share.c: allocated_bytes since that cycle */
        bool is_refused, was_refused; /* share.c: since that cycle, in the one before */
        uint32_t n_handles;
        uint32_t next_pick; /* where to look for a number to pick, HANDLE_PICKED not counted */
        uint32_t n_reserved_picks;
        char peer[STORE_PEER_BYTES];
};

/* Every public call starts so. Allocations are charged to the session, which may be NULL. */
void call_begin(struct store *store, struct session *session);
/* share.c: whether the session gets no more memory for now. */
bool share_is_exceeded(struct session *session);
/* Sets the sentence and returns the outcome. */
__attribute__((format(printf, 3, 4))) int call_fail(struct store *store, int outcome,
                                                    const char *format, ...);
int call_fail_memory(struct store *store);
int call_fail_source(struct store *store);
/* Room for n words; STORE_E_NOMEM. */
int call_scratch(struct store *store, uint32_t n);

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
        /* One writer: a plain add, published. */
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                              memory_order_relaxed);
}

/* handle.c: the object behind a handle or name; STORE_E_NO_HANDLE, _BROKEN, _NO_NAME. */
int handle_resolve(struct session *session, struct target target, struct word *ret_object);
/* As handle_resolve(), and STORE_E_TYPE unless the object is of that kind. */
int handle_resolve_kind(struct session *session, struct target target, enum kind kind,
                        struct word *ret_object);
/* Readies `into`, or for 0 a picked number, to be bound. */
int handle_reserve(struct session *session, uint32_t into, uint32_t *ret_handle);
void handle_unreserve(struct session *session, uint32_t handle);
/* Cannot fail: the number was reserved. */
void handle_bind(struct session *session, uint32_t handle, struct word object);
/* The same for many picked numbers: answers bind them as references come along. */
int handle_reserve_picks(struct session *session, uint32_t n);
uint32_t handle_bind_pick(struct session *session, struct word object);
void handle_unreserve_picks(struct session *session);

/* slot.c: STORE_E_TYPE for what a weak map, if it is one, cannot hold. */
int slot_accepts(struct session *session, struct word object, struct word value);

/* weak.c: the object that a weak reference refers to; STORE_E_GONE. */
int weak_follow(struct session *session, struct word weak, struct word *ret_object);

/* input.c: a value as a word, references resolved; STORE_E_TOO_BIG above the inline limit. */
int input_word(struct session *session, const struct value *value, struct word *ret_word);
int input_next(struct store *store, struct value_source *source, struct value *ret_value);
/* The values of a source that are no keys, as words in the scratch: all of them, or of pairs every
 * second. STORE_E_TOO_BIG above STORE_ELEMENTS_MAX. */
int input_words(struct session *session, struct value_source *source, bool pairs);

/* answer.c: words out. First everything is counted, then answer_reserve() makes sure that it can be
 * handed out, then it is. answer_end() after the last. */
struct answer {
        struct session *session;
        uint64_t n_values;
        uint64_t n_bytes;
        uint32_t n_refs;
};
void answer_count(struct answer *answer, struct word w);
int answer_reserve(struct answer *answer);
void answer_emit(struct session *session, struct value_sink *sink, struct word w);
void answer_end(struct session *session);
/* A single value; a reference comes bound to `into`, or for 0 to a picked number. */
int answer_one(struct session *session, struct word w, uint32_t into, struct value *ret_value);

/* slot.c: one place of a record, array or map. */
struct slot {
        struct word object;
        enum kind kind;
        uint64_t index;       /* record, array */
        struct table_key key; /* map */
};
int slot_find(struct session *session, struct word object, const struct value *key,
              struct slot *ret_slot);
struct word slot_get(struct space *space, const struct slot *slot);
int slot_reserve(struct session *session, const struct slot *slot);
void slot_put(struct space *space, const struct slot *slot, struct word value);
/* Takes back what slot_reserve() made, or what a nil made superfluous. */
void slot_prune(struct space *space, const struct slot *slot);

/* purge.c: enters a new weak map among those to be purged; STORE_E_NOMEM. */
int purge_register(struct store *store, struct word map);

/* The parts of objects. */
static inline struct vector array_vector(struct word array)
{
        return (struct vector){.host = array, .slot = ARRAY_VECTOR};
}

static inline bool map_is_weak(const struct space *space, struct word map)
{
        return gc_descriptor(space->mutator, map) == space->weak_descriptors[KIND_MAP];
}

static inline struct table map_table(struct word map)
{
        return (struct table){.host = map, .slot = MAP_TABLE};
}

uint64_t obj_length(struct space *space, struct word object);
uint64_t obj_version(struct space *space, struct word object);
/* The next version, also returned. */
uint64_t obj_touch(struct space *space, struct word object);

/* name.c */
struct word name_map(struct store *store);
int name_key(struct store *store, const uint8_t *name, uint32_t n_name, struct table_key *ret_key);
int name_reserve(struct store *store, const struct table_key *key);
void name_bind(struct store *store, const struct table_key *key, struct word object);
