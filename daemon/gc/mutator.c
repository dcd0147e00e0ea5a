/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "gc/internals.h"
#include "heap/descriptor.h"

/*
 * The hold. A mutator announces that it runs (IN) and then looks whether a cycle holds; the
 * controller announces the hold and then looks who runs. Each writes its own flag before it reads
 * the other's, so at least one of them sees the other: all four accesses are sequentially
 * consistent, which on x86 puts the full fence that a plain store before a load lacks (GC-2).
 */

static void mutator_new_request(struct mutator *mutator)
{
        /* The low 40 bits count requests: they wrap after a month at a million a second, and a word
         * would have to survive exactly that long to go unnoticed. */
        mutator->stamp = ((mutator->stamp + 1) & ((UINT64_C(1) << 40) - 1)) |
                         (uint64_t)(mutator->index + 1) << 40;
}

void gc_enter(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;

        hd_assert(mutator->state == MUTATOR_AWAY);
        atomic_store_explicit(&mutator->state, MUTATOR_IN, memory_order_seq_cst);
        while (atomic_load_explicit(&gc->hold, memory_order_seq_cst)) {
                gc_leave(mutator);
                pthread_mutex_lock(&gc->lock);
                while (atomic_load_explicit(&gc->hold, memory_order_relaxed)) {
                        pthread_cond_wait(&gc->resumed, &gc->lock);
                }
                pthread_mutex_unlock(&gc->lock);
                atomic_store_explicit(&mutator->state, MUTATOR_IN, memory_order_seq_cst);
        }
        /* Only the owner writes it: no need for a locked addition. */
        atomic_store_explicit(&mutator->entries,
                              atomic_load_explicit(&mutator->entries, memory_order_relaxed) + 1,
                              memory_order_relaxed);
        mutator_new_request(mutator);
}

void gc_leave(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;

        hd_assert(mutator->state == MUTATOR_IN);
        mutator_new_request(mutator);
        atomic_store_explicit(&mutator->state, MUTATOR_AWAY, memory_order_seq_cst);
        if (atomic_load_explicit(&gc->hold, memory_order_seq_cst)) {
                pthread_mutex_lock(&gc->lock);
                pthread_cond_signal(&gc->wake);
                pthread_mutex_unlock(&gc->lock);
        }
}

void gc_poll(struct mutator *mutator)
{
        mutator_new_request(mutator);
        if (atomic_load_explicit(&mutator->gc->hold, memory_order_relaxed)) {
                gc_leave(mutator);
                gc_enter(mutator);
        }
}

static bool mutators_away_locked(const struct gc *gc)
{
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i] && atomic_load_explicit(&gc->mutators[i]->state,
                                                            memory_order_seq_cst) != MUTATOR_AWAY) {
                        return false;
                }
        }
        return true;
}

void mutators_hold(struct gc *gc)
{
        pthread_mutex_lock(&gc->lock);
        atomic_store_explicit(&gc->hold, true, memory_order_seq_cst);
        while (!mutators_away_locked(gc)) {
                pthread_cond_wait(&gc->wake, &gc->lock);
        }
        pthread_mutex_unlock(&gc->lock);
}

void mutators_resume(struct gc *gc)
{
        pthread_mutex_lock(&gc->lock);
        atomic_store_explicit(&gc->hold, false, memory_order_seq_cst);
        pthread_cond_broadcast(&gc->resumed);
        pthread_mutex_unlock(&gc->lock);
}

/* While they are held: the state handed over with AWAY makes their caches ours. */
void mutators_flush(struct gc *gc)
{
        pthread_mutex_lock(&gc->lock);
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                struct mutator *mutator = gc->mutators[i];

                if (mutator) {
                        cache_flush(&mutator->cache);
                        mutator->reported_bytes = mutator->cache.handed_bytes;
                }
        }
        pthread_mutex_unlock(&gc->lock);
}

uint64_t mutators_count_entries_locked(struct gc *gc)
{
        uint64_t n = gc->entries_gone;

        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                if (gc->mutators[i]) {
                        n += atomic_load_explicit(&gc->mutators[i]->entries, memory_order_relaxed);
                }
        }
        return n;
}

int gc_attach(struct gc *gc, const char *name, struct mutator **ret_mutator)
{
        struct mutator *mutator = aligned_alloc(64, (sizeof(*mutator) + 63) & ~(size_t)63);
        int r = -EUSERS;

        if (!mutator) {
                return -ENOMEM;
        }
        memset(mutator, 0, sizeof(*mutator));
        mutator->gc = gc;
        mutator->heap = gc->heap;
        mutator->base = heap_base(gc->heap);
        snprintf(mutator->name, sizeof(mutator->name), "%s", name);
        cache_init(&mutator->cache, gc->heap);
        pthread_mutex_lock(&gc->lock);
        for (uint32_t i = 0; i < GC_MUTATORS_MAX && r < 0; i++) {
                if (!gc->mutators[i]) {
                        mutator->index = i;
                        gc->mutators[i] = mutator;
                        gc->n_mutators++;
                        r = 0;
                }
        }
        pthread_mutex_unlock(&gc->lock);
        if (r < 0) {
                free(mutator);
                return r;
        }
        mutator_new_request(mutator);
        *ret_mutator = mutator;
        return 0;
}

void gc_detach(struct mutator *mutator)
{
        struct gc *gc;

        if (!mutator) {
                return;
        }
        gc = mutator->gc;
        /* Inside a request, so that no cycle flushes the cache at the same time. */
        gc_enter(mutator);
        cache_flush(&mutator->cache);
        pthread_mutex_lock(&gc->lock);
        gc->entries_gone += atomic_load_explicit(&mutator->entries, memory_order_relaxed);
        gc->mutators[mutator->index] = NULL;
        gc->n_mutators--;
        pthread_cond_signal(&gc->wake);
        pthread_mutex_unlock(&gc->lock);
        free(mutator);
}

/* Tells the pacer what was handed out, and asks for a cycle at the trigger. */
static void mutator_report(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;
        uint64_t fresh = mutator->cache.handed_bytes - mutator->reported_bytes;
        uint64_t allocated;

        mutator->reported_bytes = mutator->cache.handed_bytes;
        allocated = atomic_fetch_add_explicit(&gc->allocated_bytes, fresh, memory_order_relaxed);
        if (atomic_load_explicit(&gc->live_bytes, memory_order_relaxed) + allocated + fresh >=
                    atomic_load_explicit(&gc->trigger_bytes, memory_order_relaxed) &&
            !atomic_load_explicit(&gc->asked, memory_order_relaxed)) {
                gc_request(gc, GC_REASON_GOAL);
        }
}

struct word gc_alloc(struct mutator *mutator, unsigned descriptor, uint32_t count)
{
        bool noscan = descriptor_find(mutator->heap, descriptor)->noscan;
        uint64_t offset;

        hd_assert(mutator->state == MUTATOR_IN);
        offset = cache_alloc(&mutator->cache, object_size_bytes(noscan, count), noscan);
        if (mutator->cache.handed_bytes - mutator->reported_bytes >= GC_REPORT_BYTES) {
                mutator_report(mutator);
        }
        if (offset == 0) {
                gc_request(mutator->gc, GC_REASON_LIMIT);
                return word_nil();
        }
        *(uint64_t *)(mutator->base + offset) = object_header(descriptor, 0, count);
        return gc_stamp_word(mutator, offset | WORD_REF_BIT);
}
