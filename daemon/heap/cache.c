/* SPDX-License-Identifier: MIT */
#include "heap/cache.h"

#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "heap/central.h"
#include "heap/internals.h"
#include "heap/marks.h"

void cache_init(struct cache *cache, struct heap *heap)
{
        memset(cache, 0, sizeof(*cache));
        cache->heap = heap;
        cache->base = heap->data.base;
        cache->class_of = heap->class_of;
        for (unsigned i = 2; i < SIZE_CLASSES * 2; i++) {
                cache->holes[i].size_bytes = size_class_table[i / 2].size_bytes;
        }
}

void cache_deinit(struct cache *cache)
{
        if (cache->heap) {
                cache_flush(cache);
                cache->heap = NULL;
        }
}

/* A bit for each slot that starts in a word of a bitmap, the first one at bit 0. */
static uint64_t cache_stride(uint32_t step)
{
        uint64_t bits = 1;

        for (; step < 64; step *= 2) {
                bits |= bits << step;
        }
        return bits;
}

/* The slots from granule *at up to `to` that start in the same word; moves *at behind them. */
static uint64_t cache_take_bits(uint64_t *at, uint64_t to, uint32_t step, uint64_t stride)
{
        unsigned first = *at & 63;
        uint64_t bits = stride << first;

        if (to - *at < 64 - first) {
                bits &= (UINT64_C(1) << (first + (to - *at))) - 1;
        }
        *at += 63u - (unsigned)__builtin_clzll(bits) - first + step;
        return bits;
}

static uint8_t *cache_span_memory(const struct heap *heap, uint32_t page)
{
        return heap->data.base + heap_page_offset(page);
}

/* Enters what was allocated from the hole since `start` into the bitmap and the counters. */
static void cache_count_hole(struct cache *cache, unsigned index)
{
        struct hole *hole = &cache->holes[index];
        struct heap *heap = cache->heap;
        uint32_t step = hole->size_bytes >> HEAP_GRANULE_SHIFT;
        uint64_t at, to, n_objects;
        uint64_t *row;

        if (hole->span == 0 || hole->next == hole->start) {
                return;
        }
        row = heap_alloc_row(heap, hole->span);
        at = (uint64_t)(hole->start - cache_span_memory(heap, hole->span)) >> HEAP_GRANULE_SHIFT;
        to = (uint64_t)(hole->next - cache_span_memory(heap, hole->span)) >> HEAP_GRANULE_SHIFT;
        n_objects = (to - at) / step;
        for (uint64_t stride = cache_stride(step); at < to;) {
                uint64_t word = at / 64;

                row[word] |= cache_take_bits(&at, to, step, stride);
        }
        hole->start = hole->next;
        atomic_fetch_add_explicit(&heap->counters[index / 2].n_mallocs, n_objects,
                                  memory_order_relaxed);
}

/* Marks the slots of the hole from `from` on, or takes their marks back, a bitmap word at a time:
 * marking threads work on the same words. */
static void cache_mark_slots(struct cache *cache, const struct hole *hole, const uint8_t *from,
                             bool mark)
{
        uint64_t at = (uint64_t)(from - cache->base) >> HEAP_GRANULE_SHIFT;
        uint64_t to = (uint64_t)(hole->end - cache->base) >> HEAP_GRANULE_SHIFT;
        uint32_t step = hole->size_bytes >> HEAP_GRANULE_SHIFT;

        for (uint64_t stride = cache_stride(step); at < to;) {
                uint64_t offset = at << HEAP_GRANULE_SHIFT;
                uint64_t bits = cache_take_bits(&at, to, step, stride);

                if (mark) {
                        marks_set(cache->heap, offset, bits);
                } else {
                        marks_clear(cache->heap, offset, bits);
                }
        }
}

/*
 * The next run of free slots of the span, from its cursor on. Only first granules have bits, so the
 * next set bit after a free slot is the next object.
 */
static bool cache_find_hole(struct cache *cache, struct hole *hole)
{
        struct heap *heap = cache->heap;
        struct span *span = heap_span(heap, hole->span);
        const uint64_t *row = heap_alloc_row(heap, hole->span);
        uint32_t step = hole->size_bytes >> HEAP_GRANULE_SHIFT;
        uint32_t end = span->n_slots * step;
        uint32_t from = span->cursor, to, word;
        uint64_t bits;

        while (from < end && (row[from / 64] >> (from & 63) & 1)) {
                from += step;
        }
        if (from >= end) {
                span->cursor = end;
                return false;
        }
        word = from / 64;
        bits = row[word] & (~UINT64_C(0) << (from & 63));
        while (bits == 0 && (word + 1) * 64 < end) {
                bits = row[++word];
        }
        to = bits ? word * 64 + (uint32_t)__builtin_ctzll(bits) : end;
        to = to < end ? to : end;
        span->cursor = to;
        hole->start = hole->next = cache_span_memory(heap, hole->span) +
                                   ((size_t)from << HEAP_GRANULE_SHIFT);
        hole->end = cache_span_memory(heap, hole->span) + ((size_t)to << HEAP_GRANULE_SHIFT);
        if (!span->noscan && !span->zeroed) {
                memset(hole->next, 0, (size_t)(hole->end - hole->next));
        }
        if (cache->black) {
                cache_mark_slots(cache, hole, hole->next, true);
        }
        cache->handed_bytes += (uint64_t)(hole->end - hole->next);
        return true;
}

static bool cache_refill_hole(struct cache *cache, unsigned index)
{
        struct hole *hole = &cache->holes[index];
        struct heap *heap = cache->heap;

        cache_count_hole(cache, index);
        for (;;) {
                if (hole->span == 0) {
                        hole->span = central_take(heap, index, cache->generation, cache->urgent);
                        if (hole->span == 0) {
                                hole->next = hole->end = hole->start = NULL;
                                return false;
                        }
                }
                if (cache_find_hole(cache, hole)) {
                        return true;
                }
                heap_span(heap, hole->span)->zeroed = false;
                span_set_state(heap_span(heap, hole->span), SPAN_FULL);
                hole->span = 0;
        }
}

bool cache_refill(struct cache *cache, unsigned index)
{
        bool measured = cache->first_refills && !cache->holes[index].start;
        uint64_t begin_ns = measured ? clock_now_ns() : 0;
        bool found = cache_refill_hole(cache, index);

        if (measured) {
                histogram_add(cache->first_refills, clock_now_ns() - begin_ns);
        }
        return found;
}

uint64_t cache_alloc_large(struct cache *cache, uint64_t size_bytes, bool noscan)
{
        uint64_t offset = central_alloc_large(cache->heap, size_bytes, noscan, cache->generation,
                                              cache->black);

        if (offset != 0) {
                cache->handed_bytes += size_bytes;
        }
        return offset;
}

void cache_count(struct cache *cache)
{
        for (unsigned i = 2; i < SIZE_CLASSES * 2; i++) {
                cache_count_hole(cache, i);
        }
}

void cache_flush(struct cache *cache)
{
        cache_count(cache);
        for (unsigned i = 2; i < SIZE_CLASSES * 2; i++) {
                struct hole *hole = &cache->holes[i];

                if (hole->span != 0) {
                        /* What lies behind the hole was never touched, but the hole was. */
                        heap_span(cache->heap, hole->span)->zeroed = false;
                        if (cache->black) {
                                cache_mark_slots(cache, hole, hole->next, false);
                        }
                        central_put(cache->heap, hole->span, cache->generation);
                        hole->span = 0;
                        hole->next = hole->end = hole->start = NULL;
                }
        }
}
