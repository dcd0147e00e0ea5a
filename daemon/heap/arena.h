/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Arena: a range of reserved addresses whose front is usable. The one file that knows where memory
 * comes from: anonymous mappings today, a memfd when a heap is to outlive its process.
 *
 * Owns:     the mapping.
 * Threads:  reserve, commit, unreserve: one at a time. arena_release(): any thread, on pages that
 *           nobody uses.
 * Failure:  negative errno of mmap() and mprotect(); -ENOMEM beyond the reservation.
 */

#include <stdint.h>

struct arena {
        uint8_t *base; /* aligned to 2 MiB */
        uint64_t reserved_bytes;
        uint64_t committed_bytes;
};

int arena_reserve(struct arena *arena, uint64_t bytes);
void arena_unreserve(struct arena *arena);

/* Asks for huge pages behind all of it; the kernel may have none. */
void arena_use_huge_pages(struct arena *arena);

/* Makes the next `bytes` readable and writable; they read as zero and take memory when touched. */
int arena_commit(struct arena *arena, uint64_t bytes);

/* Gives the memory behind these bytes back; they read as zero again. */
void arena_release(struct arena *arena, uint64_t offset, uint64_t bytes);
