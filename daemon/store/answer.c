/* SPDX-License-Identifier: MIT */
#include "store/box.h"
#include "store/internals.h"

/* What a number or the head of a string takes on the wire, at most. */
#define ANSWER_HEAD_BYTES 9u

void answer_count(struct answer *answer, struct word w)
{
        struct space *space = &answer->session->store->space;

        answer->n_values++;
        answer->n_bytes += ANSWER_HEAD_BYTES;
        if (space_is_object(space, w)) {
                answer->n_refs++;
        } else if (word_is_ref(w)) {
                answer->n_bytes += gc_count(space->mutator, w);
        }
}

int answer_reserve(struct answer *answer)
{
        struct store *store = answer->session->store;

        if (answer->n_values > STORE_ELEMENTS_MAX) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "a result of %llu values is over the limit of %u",
                                 (unsigned long long)answer->n_values, STORE_ELEMENTS_MAX);
        }
        if (answer->n_bytes > store->config.result_bytes_max) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "a result of about %llu bytes is over the limit of %u",
                                 (unsigned long long)answer->n_bytes,
                                 store->config.result_bytes_max);
        }
        return handle_reserve_picks(answer->session, answer->n_refs);
}

void answer_emit(struct session *session, struct value_sink *sink, struct word w)
{
        struct space *space = &session->store->space;
        uint8_t room[WORD_TEXT_BYTES_MAX];
        struct value value;

        if (space_is_object(space, w)) {
                value = value_ref(handle_bind_pick(session, w));
        } else {
                box_to_value(space, w, room, &value);
        }
        space->work_units++;
        sink->value(sink, &value);
}

void answer_end(struct session *session)
{
        if (session->n_reserved_picks > 0) {
                handle_unreserve_picks(session);
        }
}

int answer_one(struct session *session, struct word w, uint32_t into, struct value *ret_value)
{
        struct store *store = session->store;
        uint32_t handle;
        int r;

        if (!space_is_object(&store->space, w)) {
                box_to_value(&store->space, w, store->room, ret_value);
                return STORE_OK;
        }
        r = handle_reserve(session, into, &handle);
        if (r) {
                return r;
        }
        handle_bind(session, handle, w);
        *ret_value = value_ref(handle);
        return STORE_OK;
}
