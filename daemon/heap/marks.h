/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Marks: the side bitmap of objects seen in this cycle, one bit per 16 bytes of heap, found from an
 * offset alone. The only place that knows its form.
 *
 * Owns:     nothing. Threads: any number of markers. Failure: none.
 */

#include "heap/internals.h"

static inline _Atomic uint64_t *marks_word(const struct heap *heap, uint64_t offset)
{
        return (_Atomic uint64_t *)heap->seen.base + (offset >> (HEAP_GRANULE_SHIFT + 6));
}

static inline uint64_t marks_bit(uint64_t offset)
{
        return UINT64_C(1) << ((offset >> HEAP_GRANULE_SHIFT) & 63);
}

static inline bool marks_test(const struct heap *heap, uint64_t offset)
{
        /* Acquire: who sees the mark sees what was done before it was set (GC-28). */
        return atomic_load_explicit(marks_word(heap, offset), memory_order_acquire) &
               marks_bit(offset);
}

/* True for exactly one of the threads that mark an object. What the object holds reached this
 * thread with the reference itself; release is for marks_test(). Looked at first, since most edges
 * lead to marked objects and a locked operation takes the line from everyone else; and exchanged,
 * since from there that is cheaper than an OR that has to tell what it found. */
static inline bool marks_try_set(const struct heap *heap, uint64_t offset)
{
        _Atomic uint64_t *word = marks_word(heap, offset);
        uint64_t bits = atomic_load_explicit(word, memory_order_acquire);

        while (!(bits & marks_bit(offset))) {
                if (atomic_compare_exchange_weak_explicit(word, &bits, bits | marks_bit(offset),
                                                          memory_order_acq_rel,
                                                          memory_order_acquire)) {
                        return true;
                }
        }
        return false;
}

/* Has the mark on its way to this processor, to be set. */
static inline void marks_prefetch(const struct heap *heap, uint64_t offset)
{
        __builtin_prefetch((const void *)marks_word(heap, offset), 1);
}

/*
 * Marks every granule of `bits` in the word that covers `offset` (a multiple of 1 KiB), as one
 * step. Release: a thread that rescans a page sees slots zeroed before it sees them marked.
 */
static inline void marks_set(const struct heap *heap, uint64_t offset, uint64_t bits)
{
        atomic_fetch_or_explicit(marks_word(heap, offset), bits, memory_order_release);
}

static inline void marks_clear(const struct heap *heap, uint64_t offset, uint64_t bits)
{
        atomic_fetch_and_explicit(marks_word(heap, offset), ~bits, memory_order_relaxed);
}

static inline bool marks_page_noscan(const struct heap *heap, uint64_t offset)
{
        return atomic_load_explicit(heap_page_flags(heap, (uint32_t)(offset >> HEAP_PAGE_SHIFT)),
                                    memory_order_relaxed) &
               PAGE_NOSCAN;
}

/* The overflow flag of the page in which the object starts: set when a queue was full. Release:
 * who takes the flag sees the mark that was set before it, or would rescan and miss it (GC-9). */
static inline void marks_flag_overflow(const struct heap *heap, uint64_t offset)
{
        atomic_fetch_or_explicit(heap_page_flags(heap, (uint32_t)(offset >> HEAP_PAGE_SHIFT)),
                                 PAGE_OVERFLOW, memory_order_release);
}

static inline void marks_flag_weak(const struct heap *heap, uint64_t offset)
{
        atomic_fetch_or_explicit(heap_page_flags(heap, (uint32_t)(offset >> HEAP_PAGE_SHIFT)),
                                 PAGE_WEAK, memory_order_release);
}

static inline bool marks_page_weak(const struct heap *heap, uint32_t page)
{
        return atomic_load_explicit(heap_page_flags(heap, page), memory_order_acquire) & PAGE_WEAK;
}

static inline bool marks_take_overflow(const struct heap *heap, uint32_t page)
{
        _Atomic uint8_t *flags = heap_page_flags(heap, page);

        /* The look is only to spare the write; what comes after is ordered by the acquire. */
        return (atomic_load_explicit(flags, memory_order_relaxed) & PAGE_OVERFLOW) &&
               (atomic_fetch_and_explicit(flags, (uint8_t)~PAGE_OVERFLOW, memory_order_acquire) &
                PAGE_OVERFLOW);
}
