/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "store/internals.h"

#define STORE_SESSIONS_DEFAULT     65536u
#define STORE_NAMES_DEFAULT        (1u << 24)
#define STORE_BLOB_BYTES_DEFAULT   (16u << 20)
#define STORE_RESULT_BYTES_DEFAULT (4u << 20)

DEFINE_CLEANUP(struct store *, store_free)

static void store_set_default(uint32_t *value, uint32_t otherwise)
{
        if (*value == 0) {
                *value = otherwise;
        }
}

static int store_configure(struct store *store, const struct store_config *config)
{
        struct store_config *c = &store->config;

        *c = config ? *config : (struct store_config){0};
        store_set_default(&c->handles_max, STORE_HANDLES_DEFAULT);
        store_set_default(&c->sessions_max, STORE_SESSIONS_DEFAULT);
        store_set_default(&c->names_max, STORE_NAMES_DEFAULT);
        store_set_default(&c->blob_bytes_max, STORE_BLOB_BYTES_DEFAULT);
        store_set_default(&c->array_length_max, (uint32_t)VECTOR_LENGTH_MAX);
        store_set_default(&c->result_bytes_max, STORE_RESULT_BYTES_DEFAULT);
        if (c->key.k0 == 0 && c->key.k1 == 0) {
                siphash_key_random(&c->key);
        }
        return c->handles_max > STORE_HANDLES_MAX || c->array_length_max > VECTOR_LENGTH_MAX
                       ? -EINVAL
                       : 0;
}

static int store_make_names(struct store *store)
{
        struct space *space = &store->space;
        struct word map;

        store->names = gc_root_new(space->mutator);
        store->weak_maps = gc_root_new(space->mutator);
        if (!store->names || !store->weak_maps) {
                return -ENOMEM;
        }
        map = space_alloc(space, KIND_MAP, MAP_WORDS);
        if (word_is_nil(map)) {
                return -ENOMEM;
        }
        space_store_count(space, map, OBJ_VERSION, 0);
        table_init(space, map_table(map));
        gc_root_store(space->mutator, store->names, map);
        return 0;
}

int store_new(struct store **ret_store, struct gc *gc, struct mutator *mutator,
              const struct store_config *config)
{
        _cleanup_(store_freep) struct store *store = calloc(1, sizeof(*store));
        int r;

        if (!store) {
                return -ENOMEM;
        }
        list_init(&store->sessions);
        store->space.mutator = mutator; /* store_free() wants it, whatever fails */
        r = store_configure(store, config);
        if (r == 0) {
                r = space_init(&store->space, gc, mutator, &store->config.key);
        }
        if (r == 0) {
                r = store_make_names(store);
        }
        if (r < 0) {
                return r;
        }
        *ret_store = steal_ptr(&store);
        return 0;
}

void store_free(struct store *store)
{
        if (!store) {
                return;
        }
        list_for_each_safe(node, &store->sessions)
        {
                session_end(list_entry(node, struct session, in_store));
        }
        gc_root_free(store->space.mutator, store->names);
        gc_root_free(store->space.mutator, store->weak_maps);
        free(store->scratch);
        free(store);
}

void call_begin(struct store *store, struct session *session)
{
        counter_add(&store->allocated_bytes,
                    store->space.allocated_bytes -
                            atomic_load_explicit(&store->allocated_bytes, memory_order_relaxed));
        store->space.charge = session ? &session->allocated_bytes : NULL;
        store->space.committed = gc_weak_committed(store->space.mutator);
        store->space.work_units = 0;
        store->space.refuse = session && share_is_exceeded(session);
        store->fault[0] = '\0';
        store->fault_cause = 0;
}

int call_fail(struct store *store, int outcome, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(store->fault, sizeof(store->fault), format, args);
        va_end(args);
        return outcome;
}

int call_fail_memory(struct store *store)
{
        return call_fail(store, STORE_E_NOMEM, "the heap has no memory for this");
}

int call_fail_source(struct store *store)
{
        return call_fail(store, STORE_E_BAD_REQUEST, "a value could not be read");
}

int call_scratch(struct store *store, uint32_t n)
{
        struct word *scratch;

        if (n <= store->n_scratch) {
                return STORE_OK;
        }
        hd_assert(n <= 2 * STORE_ELEMENTS_MAX);
        n = n < 64 ? 64 : n;
        scratch = reallocarray(store->scratch, n, sizeof(*scratch));
        if (!scratch) {
                return call_fail_memory(store);
        }
        store->scratch = scratch;
        store->n_scratch = n;
        return STORE_OK;
}

const char *store_fault(const struct store *store)
{
        return store->fault;
}

uint32_t store_fault_cause(const struct store *store)
{
        return store->fault_cause;
}

uint64_t store_work_units(const struct store *store)
{
        return store->space.work_units;
}

void store_get_stats(const struct store *store, struct store_stats *ret_stats)
{
#define STORE_READ(field) atomic_load_explicit(&store->field, memory_order_relaxed)
        *ret_stats = (struct store_stats){
                .n_sessions = STORE_READ(n_sessions),
                .n_sessions_begun = STORE_READ(n_sessions_begun),
                .n_handles = STORE_READ(n_handles),
                .n_names = STORE_READ(n_names),
                .n_objects_created = STORE_READ(n_objects_created),
                .n_purged = STORE_READ(n_purged),
                .allocated_bytes = STORE_READ(allocated_bytes),
        };
#undef STORE_READ
}

void store_visit_sessions(const struct store *store, session_visit_fn *visit, void *user)
{
        struct session_info info;

        list_for_each (node, &store->sessions) {
                session_get_info(list_entry(node, struct session, in_store), &info);
                if (!visit(user, &info)) {
                        return;
                }
        }
}

const char *store_outcome_name(enum store_outcome outcome)
{
        static const char *const names[_STORE_E_N] = {
                [STORE_OK] = "OK",
                [STORE_E_BAD_REQUEST] = "BAD_REQUEST",
                [STORE_E_NO_HANDLE] = "NO_HANDLE",
                [STORE_E_BROKEN] = "BROKEN",
                [STORE_E_NO_NAME] = "NO_NAME",
                [STORE_E_EXISTS] = "EXISTS",
                [STORE_E_GONE] = "GONE",
                [STORE_E_TYPE] = "TYPE",
                [STORE_E_RANGE] = "RANGE",
                [STORE_E_CONFLICT] = "CONFLICT",
                [STORE_E_NOMEM] = "NOMEM",
                [STORE_E_TOO_BIG] = "TOO_BIG",
                [STORE_E_LIMIT] = "LIMIT",
        };

        hd_assert(outcome < _STORE_E_N);
        return names[outcome];
}
