/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"
#include "store/internals.h"

/*
 * Share: while the heap is nearly full, what room the last cycle left is rationed. Each session may
 * take its part of it until the next cycle, and is then refused: one that leaks takes less with
 * each cycle, one that drops what it makes has its part again, and a small one never notices.
 *
 * Parts of what is left leave less and less: so of the last SHARE_KEPT of the allowance nothing
 * goes to those who were refused in the cycle before, however often they try.
 */
enum { SHARE_KEPT = 64 };

static uint64_t share_room_bytes(const struct session *session)
{
        const struct store *store = session->store;
        uint64_t room = gc_room_bytes(store->space.gc);
        uint64_t kept = heap_allowance_bytes(store->space.mutator->heap) / SHARE_KEPT;

        if (!session->was_refused) {
                kept = 0;
        }
        return room > kept ? (room - kept) / store->n_sessions : 0;
}

bool share_is_exceeded(struct session *session)
{
        const struct store *store = session->store;
        bool exceeded;

        if (heap_allowance_bytes(store->space.mutator->heap) == UINT64_MAX) {
                return false;
        }
        if (session->ration_cycle != store->n_cycles) {
                session->ration_cycle = store->n_cycles;
                session->ration_start_bytes = session->allocated_bytes;
                session->was_refused = session->is_refused;
                session->is_refused = false;
        }
        exceeded = gc_band(store->space.gc) == PACER_RED &&
                   session->allocated_bytes - session->ration_start_bytes >=
                           share_room_bytes(session);
        session->is_refused |= exceeded;
        return exceeded;
}

void store_cycle_ended(struct store *store)
{
        store->n_cycles++;
}
