/* SPDX-License-Identifier: MIT */
#include "gc/mark.h"

#include "base/assert.h"
#include "gc/internals.h"
#include "heap/marks.h"

/*
 * Marking a large heap is one memory miss after another, so both memories that an object needs are
 * fetched ahead, and many misses overlap (Cher, Hosking and Vitek, "Software prefetching for
 * mark-sweep garbage collection", 2004): a reference waits in a ring while the word with its mark
 * is on the way, and an object between leaving the queue and being scanned, while its first lines
 * are.
 */
#define MARK_EDGES      16u
#define MARK_OBJECTS    32u
#define MARK_SHARE_MIN  64u /* entries worth splitting when others have none */
#define MARK_TURN_BYTES (UINT64_C(16) << 10)

/* The last word of the smallest object that can cross a cache line: one of 48 bytes does half of
 * the time, and what is not fetched ahead is waited for. */
#define MARK_SECOND_LINE (48u - sizeof(uint64_t))

struct marker {
        struct grey_local grey;
        struct gc *gc;
        struct worker *worker;
        const struct heap *heap;
        const uint8_t *base;
        uint64_t edges[MARK_EDGES]; /* offsets; 0: none */
        unsigned next_edge;         /* the place of the oldest */
        uint64_t objects[MARK_OBJECTS];
        unsigned objects_head, objects_tail, n_objects_max;
        uint64_t scanned_bytes, turn_bytes; /* scanned in all, at the next look at the turn */
};

struct mark_job {
        struct gc *gc;
        _Atomic uint32_t next_root_chunk;
        _Atomic uint32_t next_page_chunk;
        _Atomic uint64_t scanned_bytes, n_overflows;
        bool rescan; /* flagged pages instead of roots */
};

static inline void mark_object(struct marker *marker, uint64_t offset)
{
        if (!marks_try_set(marker->heap, offset)) {
                return;
        }
        gc_record_own(marker->gc, GC_TRANSITION_MARKED, offset, 0);
        if (!marks_page_noscan(marker->heap, offset)) {
                grey_push(&marker->grey, offset);
        }
}

/* Takes the place of the oldest edge, which is followed; `*next` is marker->next_edge. */
static inline void mark_edge(struct marker *marker, uint64_t bits, unsigned *next)
{
        uint64_t offset = bits - WORD_REF_BIT, oldest = marker->edges[*next];

        if (!(bits & WORD_REF_BIT)) {
                return;
        }
        marks_prefetch(marker->heap, offset);
        marker->edges[*next] = offset;
        *next = (*next + 1) % MARK_EDGES;
        if (oldest) {
                mark_object(marker, oldest);
        }
}

/* Follows the edges that still wait. */
static void mark_flush_edges(struct marker *marker)
{
        for (unsigned i = 0; i < MARK_EDGES; i++) {
                uint64_t oldest = marker->edges[marker->next_edge];

                marker->edges[marker->next_edge] = 0;
                marker->next_edge = (marker->next_edge + 1) % MARK_EDGES;
                if (oldest) {
                        mark_object(marker, oldest);
                }
        }
}

static void mark_words(struct marker *marker, uint64_t offset, uint64_t from, uint64_t to)
{
        const _Atomic uint64_t *words = (const _Atomic uint64_t *)(marker->base + offset +
                                                                   OBJECT_HEADER_BYTES);
        unsigned next = marker->next_edge; /* in a register */

        for (uint64_t i = from; i < to; i++) {
                /* Acquire: the object behind the reference is seen built (gc_store()). */
                uint64_t bits = atomic_load_explicit(&words[i], memory_order_acquire);

                gc_record_own(marker->gc, GC_TRANSITION_SCANNED, (uintptr_t)&words[i], bits);
                mark_edge(marker, bits, &next);
        }
        marker->next_edge = next;
        marker->scanned_bytes += (to - from) * sizeof(uint64_t);
}

/* Zero for a slot that was born marked and is not in use yet: a rescan may come by. */
static uint64_t mark_count(const struct marker *marker, uint64_t offset)
{
        return object_header_count(atomic_load_explicit(
                (const _Atomic uint64_t *)(marker->base + offset), memory_order_relaxed));
}

/* A long object is scanned in pieces, the next one queued first, so that others can help. */
static void mark_scan(struct marker *marker, uint64_t entry)
{
        uint64_t offset = entry & ((UINT64_C(1) << GREY_PIECE_SHIFT) - 1);
        uint64_t from = (entry >> GREY_PIECE_SHIFT) * GREY_PIECE_WORDS;
        uint64_t to = mark_count(marker, offset);

        if (to - from > GREY_PIECE_WORDS && entry >> GREY_PIECE_SHIFT < UINT16_MAX) {
                to = from + GREY_PIECE_WORDS;
                grey_push(&marker->grey, entry + (UINT64_C(1) << GREY_PIECE_SHIFT));
        }
        mark_words(marker, offset, from, to);
}

static inline void mark_prefetch_object(const struct marker *marker, uint64_t entry)
{
        const uint8_t *object = marker->base + (entry & ((UINT64_C(1) << GREY_PIECE_SHIFT) - 1));

        __builtin_prefetch(object);
        __builtin_prefetch(object + MARK_SECOND_LINE);
}

/* The next object to scan, by way of the ring; false: no thread has work any more. */
static bool mark_next(struct marker *marker, uint64_t *ret_entry)
{
        uint64_t entry;

        while (marker->objects_tail - marker->objects_head < marker->n_objects_max &&
               grey_try_pop(&marker->grey, &entry)) {
                mark_prefetch_object(marker, entry);
                marker->objects[marker->objects_tail++ % MARK_OBJECTS] = entry;
        }
        if (marker->objects_head != marker->objects_tail) {
                *ret_entry = marker->objects[marker->objects_head++ % MARK_OBJECTS];
                return true;
        }
        mark_flush_edges(marker);
        if (grey_try_pop(&marker->grey, ret_entry)) {
                return true;
        }
        gc_point(marker->gc, GC_POINT_WORKER_IDLE);
        return grey_pop_slow(&marker->grey, ret_entry);
}

static inline void mark_take_turns(struct marker *marker)
{
        if (marker->scanned_bytes >= marker->turn_bytes) {
                marker->turn_bytes = marker->scanned_bytes + MARK_TURN_BYTES;
                worker_turn(marker->worker);
        }
}

static void mark_drain(struct marker *marker)
{
        uint64_t entry;

        while (mark_next(marker, &entry)) {
                gc_point(marker->gc, GC_POINT_WORKER_SCAN);
                mark_scan(marker, entry);
                mark_take_turns(marker);
                if (marker->grey.packet->n >= MARK_SHARE_MIN &&
                    atomic_load_explicit(&marker->grey.queue->n_waiting, memory_order_relaxed)) {
                        grey_share(&marker->grey);
                }
        }
}

static void mark_roots(struct marker *marker, struct mark_job *job)
{
        struct gc *gc = job->gc;
        uint32_t n_chunks = atomic_load_explicit(&gc->n_root_chunks, memory_order_acquire);
        uint32_t chunk;

        while ((chunk = atomic_fetch_add_explicit(&job->next_root_chunk, 1, memory_order_relaxed)) <
               n_chunks) {
                gc_point(gc, GC_POINT_WORKER_ROOTS);
                for (unsigned i = 0; i < GC_ROOT_CHUNK; i++) {
                        const struct gc_root *cell = &gc->root_chunks[chunk][i];
                        uint64_t bits = atomic_load_explicit(&cell->bits, memory_order_acquire);

                        gc_record_own(gc, GC_TRANSITION_ROOT_READ, (uintptr_t)&cell->bits, bits);
                        mark_edge(marker, bits, &marker->next_edge);
                }
        }
}

/* Which of the marked objects of a flagged page were not scanned is not known: all are, again. */
static void mark_rescan_page(struct marker *marker, uint32_t page)
{
        const struct heap *heap = marker->heap;

        for (unsigned i = 0; i < PAGE_ROW_WORDS; i++) {
                /* Acquire: slots were zeroed before they were marked (marks_set()). */
                uint64_t bits = atomic_load_explicit(&heap_seen_row(heap, page)[i],
                                                     memory_order_acquire);

                for (; bits; bits &= bits - 1) {
                        uint64_t granule = i * 64u + (unsigned)__builtin_ctzll(bits);
                        uint64_t offset = heap_page_offset(page) + granule * HEAP_GRANULE_BYTES;

                        mark_words(marker, offset, 0, mark_count(marker, offset));
                }
        }
}

static void mark_rescan(struct marker *marker, struct mark_job *job)
{
        uint32_t n_chunks = marker->heap->pages.n_pages / ARENA_PAGES;
        uint32_t chunk;

        while ((chunk = atomic_fetch_add_explicit(&job->next_page_chunk, 1, memory_order_relaxed)) <
               n_chunks) {
                for (uint32_t page = chunk * ARENA_PAGES; page < (chunk + 1) * ARENA_PAGES;
                     page++) {
                        if (marks_take_overflow(marker->heap, page)) {
                                gc_point(marker->gc, GC_POINT_WORKER_RESCAN);
                                mark_rescan_page(marker, page);
                                mark_take_turns(marker);
                        }
                }
        }
}

static void mark_worker(void *user, struct worker *worker)
{
        struct mark_job *job = user;
        unsigned ahead = job->gc->config.debug.prefetch;
        struct marker marker = {
                .gc = job->gc,
                .worker = worker,
                .heap = job->gc->heap,
                .base = heap_base(job->gc->heap),
                .n_objects_max = ahead ? ahead : MARK_OBJECTS,
        };

        grey_local_init(&marker.grey, &job->gc->grey, job->gc->heap);
        if (job->rescan) {
                mark_rescan(&marker, job);
        } else {
                mark_roots(&marker, job);
        }
        mark_drain(&marker);
        atomic_fetch_add_explicit(&job->scanned_bytes, marker.scanned_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->n_overflows, marker.grey.n_overflows, memory_order_relaxed);
        grey_local_deinit(&marker.grey);
}

static void mark_work(struct gc *gc, bool roots, struct mark_totals *totals)
{
        struct mark_job job = {.gc = gc, .rescan = !roots};

        grey_queue_reset(&gc->grey);
        workers_run(&gc->workers, mark_worker, &job, &gc->grey.n_waiting);
        totals->scanned_bytes += job.scanned_bytes;
        totals->n_overflows += job.n_overflows;
}

void mark_run(struct gc *gc, bool roots, struct mark_totals *totals)
{
        if (roots) {
                mark_work(gc, true, totals);
        } else {
                grey_logs_take_overflowed(&gc->grey.logs);
                mark_work(gc, false, totals);
        }
        while (grey_logs_take_overflowed(&gc->grey.logs)) {
                mark_work(gc, false, totals);
        }
}
