/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pages: the page heap. Lends runs of pages, takes them back, merges neighbours, gives idle ones to
 * the kernel.
 *
 * Owns:     every free run.
 * Threads:  any. pages_push_freed() takes no lock, so that a sweeping thread frozen anywhere delays
 *           nobody (HEAP-7); the rest holds the lock for a bounded number of steps, never during a
 *           system call that can be slow, except to map the next arena.
 * Failure:  pages_alloc() returns -ENOMEM at the limit, at the end of the reservation, or when the
 *           kernel refuses.
 */

#include <stdbool.h>
#include <stdint.h>

struct heap;

int pages_init(struct heap *heap, uint64_t reserve_bytes);
void pages_deinit(struct heap *heap);

/* The span at *ret_page has its n_pages set and its pages entered; `zeroed`: they read as zero. The
 * caller completes the span and then lets the sweep see it by pages_publish(). */
int pages_alloc(struct heap *heap, uint32_t n_pages, bool all_heads, bool urgent,
                uint32_t *ret_page, bool *ret_zeroed);

void pages_publish(struct heap *heap, uint32_t page);

/* A span that no longer holds an object: it stops counting as in use at once, and joins the free
 * runs when somebody next takes the lock. */
void pages_push_freed(struct heap *heap, uint32_t page);

/* Works off everything that was pushed. */
void pages_drain(struct heap *heap);

uint64_t pages_scavenge(struct heap *heap, uint64_t retain_bytes, uint64_t max_bytes);
uint64_t pages_largest_free(struct heap *heap);
