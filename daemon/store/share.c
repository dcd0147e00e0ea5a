/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"
#include "store/internals.h"

/*
 * Share: while the heap is nearly full, what room the last cycle left is rationed. Each session may
 * take its part of it until the next cycle, and is then refused: one that leaks takes less with
 * each cycle, one that drops what it makes has its part again, and a small one never notices.
 */

bool share_is_exceeded(struct session *session)
{
        const struct store *store = session->store;

        if (heap_allowance_bytes(store->space.mutator->heap) == UINT64_MAX) {
                return false;
        }
        if (session->ration_cycle != store->n_cycles) {
                session->ration_cycle = store->n_cycles;
                session->ration_start_bytes = session->allocated_bytes;
        }
        return gc_band(store->space.gc) == PACER_RED &&
               session->allocated_bytes - session->ration_start_bytes >
                       gc_room_bytes(store->space.gc) / store->n_sessions;
}

void store_cycle_ended(struct store *store)
{
        store->n_cycles++;
}
