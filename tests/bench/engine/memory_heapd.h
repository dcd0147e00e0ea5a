/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory, heapd's: what the workloads (work.c) need of an allocator, over gc/gc.h. A thread is a
 * mutator that runs requests. mem_poll() is the boundary between two: behind it only cells are
 * valid.
 *
 * Owns:     one heap with its collector, from mem_open() to mem_close().
 * Threads:  a struct mem belongs to the thread that attached it.
 * Failure:  no memory ends the program, and says so: a benchmark has nothing better to do.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gc/gc.h"
#include "heap/descriptor.h"

#define MEM_MANUAL false /* dead objects are found, not freed by hand */
#define MEM_MARKS  true  /* there is a mark phase to be timed */

struct ref {
        struct word word;
};

struct mem_cell {
        struct gc_root *root;
};

struct mem {
        struct mutator *mutator;
        unsigned words, bytes; /* descriptors */
};

static struct heap *mem_heap;
static struct gc *mem_gc;

static inline void mem_fail(const char *what)
{
        printf("FAILED %s\n", what);
        fflush(stdout);
        _exit(1);
}

/* percent < 0: only mem_collect() collects. */
static inline void mem_open(uint64_t limit_bytes, unsigned n_collectors, int percent)
{
        struct heap_config heap_config = {.limit_bytes = limit_bytes};
        struct gc_config config = {.n_workers = n_collectors, .percent = percent};

        if (heap_new(&mem_heap, &heap_config) < 0 || gc_new(&mem_gc, mem_heap, &config) < 0) {
                mem_fail("heapd does not start");
        }
}

static inline void mem_close(void)
{
        gc_free(mem_gc);
        heap_free(mem_heap);
}

static inline void mem_attach(struct mem *mem)
{
        if (gc_attach(mem_gc, "bench", &mem->mutator) < 0 ||
            descriptor_intern(mem_heap, &(struct descriptor){.kind = 1}, &mem->words) < 0 ||
            descriptor_intern(mem_heap, &(struct descriptor){.kind = 2, .noscan = true},
                              &mem->bytes) < 0) {
                mem_fail("no mutator");
        }
        gc_enter(mem->mutator);
}

static inline void mem_detach(struct mem *mem)
{
        gc_leave(mem->mutator);
        gc_detach(mem->mutator);
}

/* Who allocates faster than the collector collects waits for it: without this the heap would grow
 * to its limit, and an allocation fail. */
static inline void mem_wait(struct mem *mem)
{
        struct gc_stats stats;

        gc_get_stats(mem_gc, &stats);
        if (stats.phase != GC_PHASE_IDLE) {
                gc_leave(mem->mutator);
                gc_wait(mem_gc, stats.n_cycles + 1);
                gc_enter(mem->mutator);
        }
}

static inline void mem_poll(struct mem *mem)
{
        gc_poll(mem->mutator);
        if (gc_is_pressed(mem_gc)) {
                mem_wait(mem);
        }
}

static inline struct ref mem_nil(void)
{
        return (struct ref){word_nil()};
}

static inline bool mem_is_nil(struct ref ref)
{
        return word_is_nil(ref.word);
}

/* `n_refs` references, all nil, and `n_plain` words that hold none. */
static inline struct ref mem_new(struct mem *mem, uint32_t n_refs, uint32_t n_plain)
{
        struct word word = gc_alloc(mem->mutator, mem->words, n_refs + n_plain);

        if (word_is_nil(word)) {
                mem_fail("no memory");
        }
        return (struct ref){word};
}

static inline struct ref mem_new_bytes(struct mem *mem, uint32_t n_bytes)
{
        struct word word = gc_alloc(mem->mutator, mem->bytes, n_bytes);

        if (word_is_nil(word)) {
                mem_fail("no memory");
        }
        return (struct ref){word};
}

static inline void *mem_bytes(struct mem *mem, struct ref ref)
{
        return gc_bytes_init(mem->mutator, ref.word);
}

static inline struct ref mem_get(struct mem *mem, struct ref ref, uint32_t slot)
{
        return (struct ref){gc_load(mem->mutator, ref.word, slot)};
}

static inline void mem_set(struct mem *mem, struct ref ref, uint32_t slot, struct ref value)
{
        gc_store(mem->mutator, ref.word, slot, value.word);
}

/* The first store to a slot of an object that this request has made. */
static inline void mem_init(struct mem *mem, struct ref ref, uint32_t slot, struct ref value)
{
        gc_init(mem->mutator, ref.word, slot, value.word);
}

static inline void mem_set_plain(struct mem *mem, struct ref ref, uint32_t slot, int64_t value)
{
        gc_store(mem->mutator, ref.word, slot, word_int(value));
}

static inline int64_t mem_get_plain(struct mem *mem, struct ref ref, uint32_t slot)
{
        return word_get_int(gc_load(mem->mutator, ref.word, slot));
}

static inline void mem_free(struct mem *mem, struct ref ref)
{
}

static inline struct mem_cell mem_cell_new(struct mem *mem)
{
        struct mem_cell cell = {gc_root_new(mem->mutator)};

        if (!cell.root) {
                mem_fail("no root cell");
        }
        return cell;
}

static inline void mem_cell_free(struct mem *mem, struct mem_cell cell)
{
        gc_root_free(mem->mutator, cell.root);
}

static inline struct ref mem_cell_get(struct mem *mem, struct mem_cell cell)
{
        return (struct ref){gc_root_load(mem->mutator, cell.root)};
}

static inline void mem_cell_set(struct mem *mem, struct mem_cell cell, struct ref value)
{
        gc_root_store(mem->mutator, cell.root, value.word);
}

/* A full collection now; how long its mark phase took. */
static inline uint64_t mem_collect(struct mem *mem)
{
        struct gc_stats stats;

        gc_leave(mem->mutator);
        gc_wait(mem_gc, gc_request(mem_gc, GC_REASON_FORCED));
        gc_get_stats(mem_gc, &stats);
        gc_enter(mem->mutator);
        return stats.last.phases[GC_PHASE_MARK].wall_ns;
}

static inline uint64_t mem_n_cycles(void)
{
        struct gc_stats stats;

        gc_get_stats(mem_gc, &stats);
        return stats.n_cycles;
}
