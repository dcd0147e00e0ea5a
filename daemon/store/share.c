/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"
#include "store/internals.h"

/*
 * Share: what a session probably holds of the heap, and whether that is more than its part while
 * the heap is nearly full. A session's balance grows by what it allocates and shrinks with each
 * cycle by the part of the heap that was found dead: exact for a heap of one session, an estimate
 * that forgets nobody for many. It refuses memory; it never takes any away.
 */

#define SHARE_CYCLES_MAX 32u /* further back, nothing is left of what was not added to */

static void share_settle(struct session *session)
{
        struct store *store = session->store;
        uint64_t n_cycles = store->n_cycles - session->balance_cycle;

        n_cycles = n_cycles < SHARE_CYCLES_MAX ? n_cycles : SHARE_CYCLES_MAX;
        session->balance_bytes += (double)(session->allocated_bytes - session->balance_allocated);
        for (; n_cycles > 0; n_cycles--) {
                session->balance_bytes *= store->survival;
        }
        session->balance_allocated = session->allocated_bytes;
        session->balance_cycle = store->n_cycles;
}

bool share_is_exceeded(struct session *session)
{
        const struct store *store = session->store;
        uint64_t allowance = heap_allowance_bytes(store->space.mutator->heap);

        if (allowance == UINT64_MAX) {
                return false;
        }
        share_settle(session);
        return gc_band(store->space.gc) == PACER_RED &&
               session->balance_bytes > (double)allowance / (double)store->n_sessions;
}

void store_cycle_ended(struct store *store, uint64_t before_bytes, uint64_t live_bytes)
{
        store->survival = before_bytes > live_bytes ? (double)live_bytes / (double)before_bytes : 1;
        store->n_cycles++;
}
