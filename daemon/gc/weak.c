/* SPDX-License-Identifier: MIT */
#include "gc/weak.h"

#include "base/assert.h"
#include "gc/barrier.h"
#include "gc/toll.h"
#include "heap/descriptor.h"
#include "heap/marks.h"

/*
 * A weak load can make an object reachable that marking has not found. So it asks how far marking
 * has come, by a word that moves IDLE -> MARKING <-> PROPOSED -> COMMITTED -> IDLE:
 *
 *   MARKING    shade the object: it is live
 *   PROPOSED   the controller believes that marking is over. Moving the word back to MARKING vetoes
 *              that: its own move to COMMITTED then fails, and it marks on
 *   COMMITTED  too late: the object is dead, for everybody and for good
 *   IDLE       marks mean nothing; no word names a dead object
 *
 * Each veto marks an object, so there are no more vetoes than objects. One word decides, so a load
 * and the commit cannot both have their way (GC-31). Go's weak pointers once made new work behind
 * the end of marking (its issue 69803).
 *
 * CLEAR visits the marked objects of all pages where objects with weak words were made, and turns
 * weak words of unmarked objects into dead ones. It begins when every mutator has answered DISARM,
 * so requests that looked before COMMITTED are over, with all their stores; later ones get no dead
 * object, and no weak word of one, from anywhere. So CLEAR sees all such words, and when the term
 * goes IDLE there is none left (GC-32). A load that read a word before CLEAR came by and the term
 * after it went IDLE reads the word again.
 */

static uint64_t weak_offset(uint64_t bits)
{
        return word_special_payload(word_raw(bits));
}

static uint64_t weak_dead_bits(void)
{
        return word_special(WORD_SPECIAL_DEAD, 0).bits;
}

static struct word weak_stamped(const struct mutator *mutator, uint64_t bits)
{
        struct word w = word_raw(bits);

#if HEAPD_CHECKS >= 1
        w.stamp = mutator->stamp;
#endif
        return w;
}

struct word gc_weak_make(struct mutator *mutator, struct word object)
{
        gc_object(mutator, object); /* checks */
        return weak_stamped(mutator,
                            word_special(WORD_SPECIAL_WEAK, object.bits - WORD_REF_BIT).bits);
}

/*
 * Reads the word and tells how marking stands with its object: IDLE stands for live, for whatever
 * reason; MARKING, PROPOSED and COMMITTED mean that it is not marked.
 */
static enum gc_term weak_look(struct mutator *mutator, struct word object, uint32_t slot,
                              uint64_t *ret_bits)
{
        _Atomic uint64_t *at = gc_slot(mutator, object, slot);
        uint64_t bits = atomic_load_explicit(at, memory_order_seq_cst), again;
        enum gc_term term;

        for (;;) {
                *ret_bits = bits;
                if (!word_is_weak(word_raw(bits)) || marks_test(mutator->heap, weak_offset(bits))) {
                        return GC_TERM_IDLE;
                }
                gc_point(mutator->gc, GC_POINT_MUTATOR_LOOKED);
                term = atomic_load_explicit(&mutator->gc->term, memory_order_seq_cst);
                if (term != GC_TERM_IDLE) {
                        return term;
                }
                again = atomic_load_explicit(at, memory_order_seq_cst);
                if (again == bits) {
                        return GC_TERM_IDLE;
                }
                bits = again;
        }
}

/* Whether the object, not marked a moment ago, may still be had; if so it is shaded. */
static bool weak_revive(struct mutator *mutator, uint64_t offset, uint32_t term)
{
        struct gc *gc = mutator->gc;
        struct toll toll;

        if (term == GC_TERM_PROPOSED) {
                toll = toll_begin(mutator);
                while (term == GC_TERM_PROPOSED &&
                       !atomic_compare_exchange_weak_explicit(&gc->term, &term, GC_TERM_MARKING,
                                                              memory_order_seq_cst,
                                                              memory_order_seq_cst)) {
                }
                if (term == GC_TERM_PROPOSED) {
                        atomic_fetch_add_explicit(&gc->n_vetoes, 1, memory_order_relaxed);
                }
                toll_end(mutator, GC_TIME_VETO, &toll);
        }
        if (term == GC_TERM_COMMITTED) {
                return false;
        }
        barrier_shade(mutator, offset);
        return true;
}

static bool weak_try_revive(struct mutator *mutator, uint64_t offset, uint32_t term)
{
        bool is_due = toll_is_due(mutator), revived;
        struct toll toll;

        if (is_due) {
                toll = toll_begin(mutator);
        }
        revived = weak_revive(mutator, offset, term);
        if (is_due) {
                toll_end_sampled(mutator, GC_TIME_SHADE, &toll);
        }
        return revived;
}

struct word gc_weak_load(struct mutator *mutator, struct word object, uint32_t slot)
{
        uint64_t bits;
        enum gc_term term = weak_look(mutator, object, slot, &bits);

        if (!word_is_weak(word_raw(bits)) ||
            (term != GC_TERM_IDLE && !weak_try_revive(mutator, weak_offset(bits), term))) {
                return word_nil();
        }
        return weak_stamped(mutator, weak_offset(bits) | WORD_REF_BIT);
}

struct word gc_weak_copy(struct mutator *mutator, struct word object, uint32_t slot)
{
        uint64_t bits;

        if (weak_look(mutator, object, slot, &bits) == GC_TERM_COMMITTED) {
                return word_special(WORD_SPECIAL_DEAD, 0);
        }
        return weak_stamped(mutator, bits);
}

struct word gc_weak_peek(struct mutator *mutator, struct word object, uint32_t slot)
{
        uint64_t bits;

        if (weak_look(mutator, object, slot, &bits) != GC_TERM_IDLE ||
            !word_is_weak(word_raw(bits))) {
                return word_nil();
        }
        return weak_stamped(mutator, weak_offset(bits) | WORD_REF_BIT);
}

bool gc_weak_committed(const struct mutator *mutator)
{
        return atomic_load_explicit(&mutator->gc->term, memory_order_seq_cst) == GC_TERM_COMMITTED;
}

/*
 * CLEAR begins when this mutator has answered DISARM, so if it begins during a request, marking was
 * over when that request began: what CLEAR clears is what was unmarked then. And if marking ends
 * during a request, `committed` goes on saying that it had not.
 */
bool gc_weak_is_dead(const struct mutator *mutator, struct word object, uint32_t slot,
                     bool committed)
{
        struct word w = word_raw(
                atomic_load_explicit(gc_slot(mutator, object, slot), memory_order_seq_cst));

        return word_is_dead(w) ||
               (committed && word_is_weak(w) && !marks_test(mutator->heap, weak_offset(w.bits)));
}

uint64_t gc_weak_cleared(const struct gc *gc)
{
        /* Acquire: pairs with the release in weak_clear_object(). */
        return atomic_load_explicit(&gc->n_weak_cleared, memory_order_acquire);
}

struct weak_job {
        struct gc *gc;
        _Atomic uint32_t next_chunk;
        uint32_t n_chunks;
};

static void weak_clear_object(struct gc *gc, uint64_t offset)
{
        struct heap *heap = gc->heap;
        uint64_t *object = (uint64_t *)(heap->data.base + offset);
        uint64_t header = atomic_load_explicit((_Atomic uint64_t *)object, memory_order_acquire);
        _Atomic uint64_t *words = (_Atomic uint64_t *)(object + 1);
        uint64_t n_cleared = 0;

        /* A slot that was born marked and is not in use yet has no header. */
        if (header == 0 || !descriptor_find(heap, object_header_descriptor(header))->weak) {
                return;
        }
        for (uint32_t i = 0; i < object_header_count(header); i++) {
                uint64_t bits = atomic_load_explicit(&words[i], memory_order_seq_cst);

                if (word_is_weak(word_raw(bits)) && !marks_test(heap, weak_offset(bits))) {
                        n_cleared += atomic_compare_exchange_strong_explicit(
                                &words[i], &bits, weak_dead_bits(), memory_order_seq_cst,
                                memory_order_relaxed);
                }
        }
        if (n_cleared > 0) {
                atomic_fetch_add_explicit(&gc->n_weak_cleared, n_cleared, memory_order_release);
        }
}

static void weak_clear_page(struct gc *gc, uint32_t page)
{
        struct heap *heap = gc->heap;

        for (unsigned i = 0; i < PAGE_ROW_WORDS; i++) {
                uint64_t bits = atomic_load_explicit(&heap_seen_row(heap, page)[i],
                                                     memory_order_acquire);

                for (; bits; bits &= bits - 1) {
                        uint64_t granule = i * 64u + (unsigned)__builtin_ctzll(bits);

                        weak_clear_object(gc,
                                          heap_page_offset(page) + granule * HEAP_GRANULE_BYTES);
                }
        }
}

static void weak_clear_worker(void *user, struct worker *worker)
{
        struct weak_job *job = user;
        uint32_t chunk;

        while ((chunk = atomic_fetch_add_explicit(&job->next_chunk, 1, memory_order_relaxed)) <
               job->n_chunks) {
                for (uint32_t i = 0; i < ARENA_PAGES; i++) {
                        if (marks_page_weak(job->gc->heap, chunk * ARENA_PAGES + i)) {
                                gc_point(job->gc, GC_POINT_WORKER_WEAK);
                                weak_clear_page(job->gc, chunk * ARENA_PAGES + i);
                                worker_turn(worker);
                        }
                }
        }
}

void weak_clear(struct gc *gc)
{
        struct weak_job job = {.gc = gc, .n_chunks = gc->heap->pages.n_pages / ARENA_PAGES};

        workers_run(&gc->workers, weak_clear_worker, &job, NULL);
}
