/* SPDX-License-Identifier: MIT */
#include "heap/descriptor.h"

#include <errno.h>

#include "base/assert.h"
#include "heap/internals.h"

int descriptor_intern(struct heap *heap, const struct descriptor *descriptor, unsigned *ret_index)
{
        unsigned n, i;
        int r = 0;

        hd_assert(descriptor->kind != 0);
        pthread_mutex_lock(&heap->descriptor_lock);
        n = atomic_load_explicit(&heap->n_descriptors, memory_order_relaxed);
        for (i = 1; i < n; i++) {
                const struct descriptor *d = &heap->descriptors[i];

                if (d->kind == descriptor->kind && d->noscan == descriptor->noscan &&
                    d->weak == descriptor->weak && d->shape == descriptor->shape &&
                    d->tag == descriptor->tag) {
                        break;
                }
        }
        if (i == n && n == HEAP_DESCRIPTORS_MAX) {
                r = -ENOSPC;
        } else if (i == n) {
                heap->descriptors[n] = *descriptor;
                /* Release: who learns of the index sees the entry. */
                atomic_store_explicit(&heap->n_descriptors, n + 1, memory_order_release);
        }
        pthread_mutex_unlock(&heap->descriptor_lock);
        if (r == 0) {
                *ret_index = i;
        }
        return r;
}

const struct descriptor *descriptor_table(const struct heap *heap)
{
        return heap->descriptors;
}

const struct descriptor *descriptor_find(const struct heap *heap, unsigned index)
{
        hd_assert(index != 0 &&
                  index < atomic_load_explicit(&heap->n_descriptors, memory_order_acquire));
        return &heap->descriptors[index];
}
