/* SPDX-License-Identifier: MIT */
#include "heap/arena.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/assert.h"

#define ARENA_ALIGN (UINT64_C(2) << 20)

int arena_reserve(struct arena *arena, uint64_t bytes)
{
        uint64_t slack;
        uint8_t *p;

        bytes = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
        p = mmap(NULL, bytes + ARENA_ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
        if (p == MAP_FAILED) {
                return -errno;
        }
        slack = -(uintptr_t)p & (ARENA_ALIGN - 1);
        if (slack > 0) {
                munmap(p, slack);
        }
        munmap(p + slack + bytes, ARENA_ALIGN - slack);
        /* A dump of a heap of many gigabytes helps nobody; the side tables go with it. */
        madvise(p + slack, bytes, MADV_DONTDUMP);
        arena->base = p + slack;
        arena->reserved_bytes = bytes;
        arena->committed_bytes = 0;
        return 0;
}

void arena_unreserve(struct arena *arena)
{
        if (arena->base) {
                munmap(arena->base, arena->reserved_bytes);
                arena->base = NULL;
        }
}

void arena_use_huge_pages(struct arena *arena)
{
        /* A kernel without them says so, and nothing else is different then. */
        madvise(arena->base, arena->reserved_bytes, MADV_HUGEPAGE);
}

int arena_commit(struct arena *arena, uint64_t bytes)
{
        if (bytes > arena->reserved_bytes - arena->committed_bytes) {
                return -ENOMEM;
        }
        if (mprotect(arena->base + arena->committed_bytes, bytes, PROT_READ | PROT_WRITE) < 0) {
                return -errno;
        }
        arena->committed_bytes += bytes;
        return 0;
}

void arena_release(struct arena *arena, uint64_t offset, uint64_t bytes)
{
        int r;

        hd_assert(offset + bytes <= arena->committed_bytes);
        /* Only fails on ranges that are not ours, or locked: then heap accounting is already wrong.
         */
        r = madvise(arena->base + offset, bytes, MADV_DONTNEED);
        hd_assert(r == 0);
}
