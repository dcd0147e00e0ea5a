/* SPDX-License-Identifier: MIT */
#include "store/handle.h"

#include "base/assert.h"
#include "store/internals.h"

/*
 * The table of a session is an object with two vectors: one for the numbers that the client
 * chooses, one for those picked here. It holds references, and for broken numbers a hole whose
 * payload is the msgid to blame, plus one: a place holds nil exactly if its number is unused.
 */

static struct space *handle_space(struct session *session)
{
        return &session->store->space;
}

static struct word handle_table(struct session *session)
{
        return gc_root_load(handle_space(session)->mutator, session->handles);
}

static struct vector handle_vector(struct word table, uint32_t handle)
{
        return (struct vector){.host = table,
                               .slot = handle & HANDLE_PICKED ? HANDLES_PICKED : HANDLES_CHOSEN};
}

static uint32_t handle_place(uint32_t handle)
{
        return handle & ~HANDLE_PICKED;
}

static struct word handle_get(struct session *session, uint32_t handle)
{
        struct word table = handle_table(session);

        return word_is_nil(table) ? table
                                  : vector_get(handle_space(session), handle_vector(table, handle),
                                               handle_place(handle));
}

static struct word handle_broken(uint32_t msgid)
{
        return word_special(WORD_SPECIAL_HOLE, (uint64_t)msgid + 1);
}

int handle_resolve(struct session *session, struct target target, struct word *ret_object)
{
        struct store *store = session->store;
        struct table_key key;
        struct word w;
        int r;

        if (target.name) {
                r = name_key(store, target.name, target.n_name, &key);
                if (r) {
                        return r;
                }
                if (!table_get(&store->space, map_table(name_map(store)), &key, ret_object)) {
                        return call_fail(store, STORE_E_NO_NAME, "no object bears this name");
                }
                return STORE_OK;
        }
        w = handle_get(session, target.handle);
        if (word_is_ref(w)) {
                *ret_object = w;
                return STORE_OK;
        }
        if (word_is_nil(w)) {
                return call_fail(store, STORE_E_NO_HANDLE,
                                 target.handle ? "handle %u is not bound" : "handle %u is nil",
                                 target.handle);
        }
        store->fault_cause = (uint32_t)(word_special_payload(w) - 1);
        return call_fail(store, STORE_E_BROKEN,
                         "handle %u is broken: request %u, which was to bind it, has failed",
                         target.handle, store->fault_cause);
}

int handle_resolve_kind(struct session *session, struct target target, enum kind kind,
                        struct word *ret_object)
{
        struct word object;
        enum kind is;
        int r = handle_resolve(session, target, &object);

        if (r) {
                return r;
        }
        is = space_kind(handle_space(session), object);
        if (is != kind) {
                return call_fail(session->store, STORE_E_TYPE, "the object is of kind %s, not %s",
                                 kind_name(is), kind_name(kind));
        }
        *ret_object = object;
        return STORE_OK;
}

/* --- binding --------------------------------------------------------------------------- */

/* The table, made if there is none. */
static int handle_need_table(struct session *session, struct word *ret_table)
{
        struct space *space = handle_space(session);
        struct word table = handle_table(session);

        if (word_is_nil(table)) {
                space_set_urgent(space, true);
                table = space_alloc(space, KIND_HANDLES, HANDLES_WORDS);
                space_set_urgent(space, false);
                if (word_is_nil(table)) {
                        return call_fail_memory(session->store);
                }
                gc_root_store(space->mutator, session->handles, table);
        }
        *ret_table = table;
        return STORE_OK;
}

/* An empty table goes too, so that an idle session costs a root cell (STORE-5). */
static void handle_drop_empty_table(struct session *session)
{
        if (session->n_handles == 0) {
                gc_root_store(handle_space(session)->mutator, session->handles, word_nil());
                session->next_pick = 0;
        }
}

/* Pages are charged as HANDLE_PAGE_MIN handles at least; a few are free, since one number alone
 * takes a path of them. Picked numbers have pages enough for all that can be picked. */
static int handle_check_pages(struct session *session, struct vector v)
{
        uint32_t n_pages = vector_n_nodes(handle_space(session), v);
        uint32_t n_pages_max = session->store->config.handles_max / HANDLE_PAGE_MIN + 8;

        if (n_pages > n_pages_max) {
                return call_fail(session->store, STORE_E_LIMIT,
                                 "handle numbers are too sparse: their table has %u pages",
                                 n_pages_max);
        }
        return STORE_OK;
}

static int handle_check_count(struct session *session, uint32_t n_more)
{
        uint32_t n_max = session->store->config.handles_max;

        if (n_more > n_max || session->n_handles > n_max - n_more) {
                return call_fail(session->store, STORE_E_LIMIT,
                                 "the session may have %u handles at most", n_max);
        }
        return STORE_OK;
}

/* The next unused number to pick at or after `at`, which goes round. There is one: fewer than
 * handles_max are in use. */
static uint32_t handle_next_pick(struct session *session, struct word table, uint32_t at)
{
        uint64_t place = vector_find_nil(handle_space(session), handle_vector(table, HANDLE_PICKED),
                                         at);

        if (place >= (uint64_t)session->store->config.handles_max * HANDLE_PICKS) {
                place = vector_find_nil(handle_space(session), handle_vector(table, HANDLE_PICKED),
                                        0);
        }
        return (uint32_t)place;
}

static int handle_reserve_place(struct session *session, struct word table, uint32_t handle)
{
        struct space *space = handle_space(session);
        struct vector v = handle_vector(table, handle);
        int r;

        space_set_urgent(space, true);
        r = vector_reserve(space, v, handle_place(handle), 1);
        space_set_urgent(space, false);
        if (r) {
                return call_fail_memory(session->store);
        }
        r = handle_check_pages(session, v);
        if (r) {
                vector_prune(space, v, handle_place(handle), 1);
        }
        return r;
}

int handle_reserve(struct session *session, uint32_t into, uint32_t *ret_handle)
{
        struct word table, old = word_nil();
        int r;

        if (into & HANDLE_PICKED) {
                return call_fail(session->store, STORE_E_BAD_REQUEST,
                                 "handle numbers to choose from are 1 to %u", HANDLE_PICKED - 1);
        }
        if (into) {
                old = handle_get(session, into);
                if (word_is_ref(old)) {
                        return call_fail(session->store, STORE_E_EXISTS,
                                         "handle %u is bound already", into);
                }
        }
        if (word_is_nil(old)) {
                r = handle_check_count(session, 1);
                if (r) {
                        return r;
                }
        }
        r = handle_need_table(session, &table);
        if (r) {
                return r;
        }
        if (!into) {
                into = handle_next_pick(session, table, session->next_pick) | HANDLE_PICKED;
        }
        r = handle_reserve_place(session, table, into);
        if (r) {
                handle_drop_empty_table(session);
                return r;
        }
        *ret_handle = into;
        return STORE_OK;
}

void handle_unreserve(struct session *session, uint32_t handle)
{
        struct word table = handle_table(session);

        vector_prune(handle_space(session), handle_vector(table, handle), handle_place(handle), 1);
        handle_drop_empty_table(session);
}

static void handle_put(struct session *session, uint32_t handle, struct word w)
{
        struct word table = handle_table(session);
        struct vector v = handle_vector(table, handle);
        struct word old = vector_get(handle_space(session), v, handle_place(handle));
        uint32_t n = word_is_nil(old) - word_is_nil(w); /* 1, 0 or -1 */

        vector_put(handle_space(session), v, handle_place(handle), w);
        session->n_handles += n;
        counter_add(&session->store->n_handles, (uint64_t)(int64_t)(int32_t)n);
}

void handle_bind(struct session *session, uint32_t handle, struct word object)
{
        hd_assert(word_is_ref(object));
        handle_put(session, handle, object);
        if (handle & HANDLE_PICKED) {
                session->next_pick = (handle_place(handle) + 1) & ~HANDLE_PICKED;
        }
}

int handle_reserve_picks(struct session *session, uint32_t n)
{
        uint32_t at = session->next_pick;
        struct word table;
        int r;

        hd_assert(session->n_reserved_picks == 0);
        if (n == 0) {
                return STORE_OK;
        }
        r = handle_check_count(session, n);
        if (r == STORE_OK) {
                r = handle_need_table(session, &table);
        }
        for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
                at = handle_next_pick(session, table, at);
                r = handle_reserve_place(session, table, at | HANDLE_PICKED);
                session->n_reserved_picks += r == STORE_OK;
                at = (at + 1) & ~HANDLE_PICKED;
        }
        if (r) {
                handle_unreserve_picks(session);
        }
        return r;
}

uint32_t handle_bind_pick(struct session *session, struct word object)
{
        uint32_t handle = handle_next_pick(session, handle_table(session), session->next_pick) |
                          HANDLE_PICKED;

        hd_assert(session->n_reserved_picks > 0);
        session->n_reserved_picks--;
        handle_bind(session, handle, object);
        return handle;
}

/* The same walk as that of handle_reserve_picks() meets the same numbers. */
void handle_unreserve_picks(struct session *session)
{
        struct word table = handle_table(session);
        uint32_t at = session->next_pick;

        if (word_is_nil(table)) {
                return;
        }
        for (; session->n_reserved_picks > 0; session->n_reserved_picks--) {
                at = handle_next_pick(session, table, at);
                vector_prune(handle_space(session), handle_vector(table, HANDLE_PICKED), at, 1);
                at = (at + 1) & ~HANDLE_PICKED;
        }
        handle_drop_empty_table(session);
}

/* --- the methods ----------------------------------------------------------------------- */

int handle_dup(struct session *session, struct target target, uint32_t into, uint32_t *ret_handle)
{
        struct word object;
        uint32_t handle;
        int r;

        call_begin(session->store, session);
        r = handle_resolve(session, target, &object);
        if (r == STORE_OK) {
                r = handle_reserve(session, into, &handle);
        }
        if (r) {
                return r;
        }
        handle_bind(session, handle, object);
        *ret_handle = handle;
        return STORE_OK;
}

bool handle_drop(struct session *session, uint32_t handle)
{
        struct word table;

        call_begin(session->store, session);
        table = handle_table(session);
        if (word_is_nil(table) || word_is_nil(handle_get(session, handle))) {
                return false;
        }
        handle_put(session, handle, word_nil());
        vector_prune(handle_space(session), handle_vector(table, handle), handle_place(handle), 1);
        handle_drop_empty_table(session);
        return true;
}

int handle_same(struct session *session, struct target one, struct target other, bool *ret_same)
{
        struct word a, b;
        int r;

        call_begin(session->store, session);
        r = handle_resolve(session, one, &a);
        if (r == STORE_OK) {
                r = handle_resolve(session, other, &b);
        }
        if (r) {
                return r;
        }
        *ret_same = word_same(a, b);
        return STORE_OK;
}

void session_break(struct session *session, uint32_t number, uint32_t msgid)
{
        struct store *store = session->store;
        char fault[STORE_FAULT_BYTES];
        uint32_t handle;

        /* The caller has yet to report why the request failed. */
        memcpy(fault, store->fault, sizeof(fault));
        store->space.charge = &session->allocated_bytes;
        if (number && handle_reserve(session, number, &handle) == STORE_OK) {
                handle_put(session, handle, handle_broken(msgid));
        }
        memcpy(store->fault, fault, sizeof(fault));
}
