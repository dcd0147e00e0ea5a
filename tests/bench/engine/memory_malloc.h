/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory, malloc's or (with -DBOEHM) that of Boehm's collector: the same calls as memory_heapd.h.
 * References are pointers, boundaries and cells cost nothing. Under malloc the workload frees by
 * hand what a collector would have to find.
 *
 * Owns:     nothing; the process has one allocator.
 * Threads:  any.
 * Failure:  no memory ends the program, and says so.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#ifdef BOEHM
#define GC_THREADS
#include <gc.h>
#define MEM_MANUAL           false
#define MEM_MARKS            true
#define MEM_ALLOCATE(n)      GC_MALLOC(n)
#define MEM_ALLOCATE_ATOM(n) GC_MALLOC_ATOMIC(n)
#else
#define MEM_MANUAL           true
#define MEM_MARKS            false
#define MEM_ALLOCATE(n)      malloc(n)
#define MEM_ALLOCATE_ATOM(n) malloc(n)
#endif

#define MEM_CELLS 4096

struct ref {
        uint64_t *words;
};

struct mem_cell {
        struct ref *at;
};

struct mem {
        char none;
};

static struct ref mem_cells[MEM_CELLS]; /* of all threads; static, so that Boehm's looks there */
static _Atomic unsigned mem_n_cells;

static inline void mem_fail(const char *what)
{
        printf("FAILED %s\n", what);
        fflush(stdout);
        _exit(1);
}

#ifdef BOEHM
static uint64_t mem_mark_begin_ns, mem_mark_ns;

static inline void mem_on_event(GC_EventType event)
{
        if (event == GC_EVENT_MARK_START) {
                mem_mark_begin_ns = clock_now_ns();
        } else if (event == GC_EVENT_MARK_END) {
                mem_mark_ns = clock_now_ns() - mem_mark_begin_ns;
        }
}
#endif

static inline void mem_open(uint64_t limit_bytes, unsigned n_collectors, int percent)
{
#ifdef BOEHM
        GC_set_markers_count(n_collectors);
        GC_INIT();
        if (n_collectors > 1) {
                GC_start_mark_threads(); /* else they start with the first pthread_create() */
        }
        GC_set_max_heap_size(limit_bytes);
        GC_set_on_collection_event(mem_on_event);
        if (percent < 0) {
                GC_disable();
        }
#endif
}

static inline void mem_close(void)
{
}

static inline void mem_attach(struct mem *mem)
{
}

static inline void mem_detach(struct mem *mem)
{
}

static inline void mem_poll(struct mem *mem)
{
}

static inline struct ref mem_nil(void)
{
        return (struct ref){NULL};
}

static inline bool mem_is_nil(struct ref ref)
{
        return ref.words == NULL;
}

static inline struct ref mem_new(struct mem *mem, uint32_t n_refs, uint32_t n_plain)
{
        struct ref ref = {MEM_ALLOCATE((n_refs + n_plain) * sizeof(uint64_t))};

        if (!ref.words) {
                mem_fail("no memory");
        }
        if (MEM_MANUAL) {
                for (uint32_t i = 0; i < n_refs; i++) {
                        ref.words[i] = 0;
                }
        }
        return ref;
}

static inline struct ref mem_new_bytes(struct mem *mem, uint32_t n_bytes)
{
        struct ref ref = {MEM_ALLOCATE_ATOM(n_bytes)};

        if (!ref.words) {
                mem_fail("no memory");
        }
        return ref;
}

static inline void *mem_bytes(struct mem *mem, struct ref ref)
{
        return ref.words;
}

static inline struct ref mem_get(struct mem *mem, struct ref ref, uint32_t slot)
{
        return (struct ref){(uint64_t *)ref.words[slot]};
}

static inline void mem_set(struct mem *mem, struct ref ref, uint32_t slot, struct ref value)
{
        ref.words[slot] = (uint64_t)value.words;
}

static inline void mem_init(struct mem *mem, struct ref ref, uint32_t slot, struct ref value)
{
        ref.words[slot] = (uint64_t)value.words;
}

static inline void mem_set_plain(struct mem *mem, struct ref ref, uint32_t slot, int64_t value)
{
        ref.words[slot] = (uint64_t)value;
}

static inline int64_t mem_get_plain(struct mem *mem, struct ref ref, uint32_t slot)
{
        return (int64_t)ref.words[slot];
}

static inline void mem_free(struct mem *mem, struct ref ref)
{
#ifndef BOEHM
        free(ref.words);
#endif
}

static inline struct mem_cell mem_cell_new(struct mem *mem)
{
        unsigned n = mem_n_cells++;

        if (n >= MEM_CELLS) {
                mem_fail("no root cell");
        }
        return (struct mem_cell){&mem_cells[n]};
}

static inline void mem_cell_free(struct mem *mem, struct mem_cell cell)
{
        *cell.at = mem_nil();
}

static inline struct ref mem_cell_get(struct mem *mem, struct mem_cell cell)
{
        return *cell.at;
}

static inline void mem_cell_set(struct mem *mem, struct mem_cell cell, struct ref value)
{
        *cell.at = value;
}

static inline uint64_t mem_collect(struct mem *mem)
{
#ifdef BOEHM
        GC_enable();
        GC_gcollect();
        GC_disable();
        return mem_mark_ns;
#else
        return 0;
#endif
}

static inline uint64_t mem_n_cycles(void)
{
#ifdef BOEHM
        return GC_get_gc_no();
#else
        return 0;
#endif
}
