/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/assert.h"
#include "gc/internals.h"

/*
 * Root cells lie in chunks that are never moved or freed while the gc lives, so a marking thread
 * walks them without a lock. A free cell holds nil.
 */

static struct gc_root *roots_grow_locked(struct gc *gc)
{
        uint32_t n_chunks = atomic_load_explicit(&gc->n_root_chunks, memory_order_relaxed);
        struct gc_root *chunk;

        if (n_chunks == GC_ROOT_CHUNKS || !(chunk = calloc(GC_ROOT_CHUNK, sizeof(*chunk)))) {
                return NULL;
        }
        for (unsigned i = GC_ROOT_CHUNK; i-- > 0;) {
                chunk[i].next_free = gc->free_roots;
                gc->free_roots = &chunk[i];
        }
        gc->root_chunks[n_chunks] = chunk;
        /* Release: a marker that sees the number sees the chunk. */
        atomic_store_explicit(&gc->n_root_chunks, n_chunks + 1, memory_order_release);
        return gc->free_roots;
}

struct gc_root *gc_root_new(struct mutator *mutator)
{
        struct gc *gc = mutator->gc;
        struct gc_root *root;

        pthread_mutex_lock(&gc->roots_lock);
        root = gc->free_roots ? gc->free_roots : roots_grow_locked(gc);
        if (root) {
                gc->free_roots = root->next_free;
                atomic_fetch_add_explicit(&gc->n_roots, 1, memory_order_relaxed);
        }
        pthread_mutex_unlock(&gc->roots_lock);
        return root;
}

void gc_root_free(struct mutator *mutator, struct gc_root *root)
{
        struct gc *gc = mutator->gc;

        if (!root) {
                return;
        }
        gc_root_store(mutator, root, word_nil());
        pthread_mutex_lock(&gc->roots_lock);
        root->next_free = gc->free_roots;
        gc->free_roots = root;
        atomic_fetch_sub_explicit(&gc->n_roots, 1, memory_order_relaxed);
        pthread_mutex_unlock(&gc->roots_lock);
}

void gc_root_store(struct mutator *mutator, struct gc_root *root, struct word value)
{
        hd_assert(mutator->state == MUTATOR_IN);
        hd_assert(!word_is_weak(value)); /* CLEAR does not visit root cells */
        gc_check_word(mutator, value);
        if (mutator->armed) {
                gc_store_armed(mutator, &root->bits, value.bits);
        } else {
                /* Release, as gc_store(): another mutator may load the cell. */
                atomic_store_explicit(&root->bits, value.bits, memory_order_release);
                gc_record(mutator, GC_TRANSITION_STORED, (uintptr_t)&root->bits, value.bits, 0);
        }
}

struct word gc_root_load(struct mutator *mutator, struct gc_root *root)
{
        uint64_t bits = atomic_load_explicit(&root->bits, memory_order_acquire);

        hd_assert(mutator->state == MUTATOR_IN);
        gc_record(mutator, GC_TRANSITION_LOADED, (uintptr_t)&root->bits, bits, 0);
        return gc_stamp_word(mutator, bits);
}
