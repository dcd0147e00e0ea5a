/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory: what the kernel says about the memory of this process.
 *
 * Owns:     nothing. Threads: any.
 * Failure:  what the kernel will not tell is 0.
 */

#include <stdint.h>

/* All that is in RAM: heap, malloc, stacks, and the program's text, which control groups count as
 * well. 0 under a sanitizer, whose shadow would pass for ours. */
uint64_t memory_resident_bytes(void);
