/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "gc/internals.h"
#include "heap/marks.h"

/*
 * Checkmark: a second opinion. With every mutator held and marking ended, the heap is marked again,
 * by one thread, depth first, with a set and a stack of its own; whatever that finds and the
 * collector did not is a lost object, and the path to it is printed (as Go's gccheckmark does).
 */

/* --- holding, for debugging modes only --- */

void hold_mutators(struct gc *gc)
{
        bool all = false;

        atomic_store_explicit(&gc->hold, true, memory_order_seq_cst);
        while (!all) {
                all = true;
                pthread_mutex_lock(&gc->lock);
                for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                        struct mutator *mutator = gc->mutators[i];
                        uint32_t away = MUTATOR_AWAY;

                        if (mutator && !mutator->held) {
                                mutator->held = atomic_compare_exchange_strong_explicit(
                                        &mutator->state, &away, MUTATOR_PROXY, memory_order_acquire,
                                        memory_order_relaxed);
                                all = all && mutator->held;
                        }
                }
                gc->held = all;
                pthread_mutex_unlock(&gc->lock);
                if (!all) {
                        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
                }
        }
}

void hold_release(struct gc *gc)
{
        pthread_mutex_lock(&gc->lock);
        atomic_store_explicit(&gc->hold, false, memory_order_seq_cst);
        gc->held = false;
        for (unsigned i = 0; i < GC_MUTATORS_MAX; i++) {
                struct mutator *mutator = gc->mutators[i];

                if (mutator && mutator->held) {
                        mutator->held = false;
                        atomic_store_explicit(&mutator->state, MUTATOR_AWAY, memory_order_release);
                }
        }
        pthread_mutex_unlock(&gc->lock);
}

/* --- the second marking --- */

struct checkmark_step {
        uint64_t offset, parent; /* parent 0: a root cell */
        uint32_t slot;           /* of the parent, or number of the cell */
};

struct checkmark {
        struct heap *heap;
        uint64_t *set; /* a bit per granule */
        struct checkmark_step
                *steps; /* everything found, in order; the tail is still to be scanned */
        size_t n_steps, n_room;
};

static void checkmark_print_path(const struct checkmark *check, const struct checkmark_step *step)
{
        fprintf(stderr, "heapd: object %#" PRIx64 " is reachable and was not marked:\n",
                step->offset);
        while (step->parent != 0) {
                fprintf(stderr, "  in slot %u of object %#" PRIx64 " (header %#" PRIx64 ", %s)\n",
                        step->slot, step->parent,
                        *(const uint64_t *)(check->heap->data.base + step->parent),
                        marks_test(check->heap, step->parent) ? "marked" : "not marked");
                for (size_t i = 0; i < check->n_steps; i++) {
                        if (check->steps[i].offset == step->parent) {
                                step = &check->steps[i];
                                break;
                        }
                }
        }
        fprintf(stderr, "  in root cell %u\n", step->slot);
}

static void checkmark_visit(struct checkmark *check, uint64_t bits, uint64_t parent, uint32_t slot)
{
        uint64_t offset = bits - WORD_REF_BIT, granule = offset >> HEAP_GRANULE_SHIFT;
        struct checkmark_step step = {.offset = offset, .parent = parent, .slot = slot};

        if (!(bits & WORD_REF_BIT) || (check->set[granule / 64] >> (granule & 63) & 1)) {
                return;
        }
        check->set[granule / 64] |= UINT64_C(1) << (granule & 63);
        if (!marks_test(check->heap, offset)) {
                checkmark_print_path(check, &step);
                hd_unreachable();
        }
        if (check->n_steps == check->n_room) {
                check->n_room = check->n_room ? check->n_room * 2 : 4096;
                check->steps = realloc(check->steps, check->n_room * sizeof(step));
                hd_assert(check->steps);
        }
        check->steps[check->n_steps++] = step;
}

void checkmark_run(struct gc *gc)
{
        uint64_t n_granules = (uint64_t)gc->heap->pages.n_pages * PAGE_GRANULES;
        struct checkmark check = {.heap = gc->heap, .set = calloc(n_granules / 64 + 1, 8)};

        hd_assert(check.set);
        for (uint32_t chunk = 0; chunk < gc->n_root_chunks; chunk++) {
                for (uint32_t i = 0; i < GC_ROOT_CHUNK; i++) {
                        checkmark_visit(&check, gc->root_chunks[chunk][i].bits, 0,
                                        chunk * GC_ROOT_CHUNK + i);
                }
        }
        for (size_t at = 0; at < check.n_steps; at++) {
                uint64_t offset = check.steps[at].offset;
                const uint64_t *object = (const uint64_t *)(gc->heap->data.base + offset);

                if (marks_page_noscan(gc->heap, offset)) {
                        continue;
                }
                for (uint32_t i = 0; i < object_header_count(object[0]); i++) {
                        checkmark_visit(&check, object[1 + i], offset, i);
                }
        }
        free(check.steps);
        free(check.set);
}
