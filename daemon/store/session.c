/* SPDX-License-Identifier: MIT */
#include "store/session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "store/handle.h"
#include "store/internals.h"

int session_begin(struct store *store, const char *peer, struct session **ret_session)
{
        struct session *session;

        call_begin(store, NULL);
        if (store->n_sessions >= store->config.sessions_max) {
                return call_fail(store, STORE_E_LIMIT, "there are %u sessions already",
                                 store->config.sessions_max);
        }
        session = calloc(1, sizeof(*session));
        if (!session) {
                return call_fail_memory(store);
        }
        session->handles = gc_root_new(store->space.mutator);
        if (!session->handles) {
                free(session);
                return call_fail_memory(store);
        }
        session->store = store;
        session->id = ++store->next_session_id;
        session->begin_ns = clock_now_ns();
        for (unsigned i = 0; i < sizeof(session->peer) - 1 && peer[i]; i++) {
                session->peer[i] = peer[i];
        }
        list_append(&store->sessions, &session->in_store);
        counter_add(&store->n_sessions, 1);
        counter_add(&store->n_sessions_begun, 1);
        *ret_session = session;
        return STORE_OK;
}

void session_end(struct session *session)
{
        struct store *store;

        if (!session) {
                return;
        }
        store = session->store;
        gc_root_free(store->space.mutator, session->handles);
        gc_note_garbage(store->space.gc, session->allocated_bytes);
        counter_add(&store->n_handles, -(uint64_t)session->n_handles);
        counter_add(&store->n_sessions, -UINT64_C(1));
        store->space.charge = NULL;
        list_unlink(&session->in_store);
        free(session);
}

struct store *session_store(const struct session *session)
{
        return session->store;
}

uint64_t session_allocated_bytes(const struct session *session)
{
        return session->allocated_bytes;
}

void session_get_info(const struct session *session, struct session_info *ret_info)
{
        *ret_info = (struct session_info){
                .id = session->id,
                .peer = session->peer,
                .n_handles = session->n_handles,
                .allocated_bytes = session->allocated_bytes,
                .begin_ns = session->begin_ns,
        };
}
