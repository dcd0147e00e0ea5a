/* SPDX-License-Identifier: MIT */
#include "store/weak.h"

#include "store/internals.h"

int weak_get(struct session *session, struct target target, uint32_t into, struct value *ret_value)
{
        struct space *space = &session->store->space;
        struct word weak;
        int r;

        call_begin(session->store, session);
        r = handle_resolve_kind(session, target, KIND_WEAK, &weak);
        return r ? r
                 : answer_one(session, gc_weak_load(space->mutator, weak, WEAK_TARGET), into,
                              ret_value);
}

int weak_follow(struct session *session, struct word weak, struct word *ret_object)
{
        struct store *store = session->store;
        struct word object = gc_weak_load(store->space.mutator, weak, WEAK_TARGET);

        store->space.work_units++;
        if (word_is_nil(object)) {
                return call_fail(store, STORE_E_GONE, "the object of a weak reference is gone");
        }
        *ret_object = object;
        return STORE_OK;
}
