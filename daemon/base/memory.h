/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory: what the kernel says about the memory of this process.
 *
 * Owns:     nothing. Threads: any.
 * Failure:  what the kernel will not tell is 0.
 */

#include <stdint.h>

/* Anonymous memory in RAM: heap, malloc, stacks; not the program's text. 0 under a sanitizer, whose
 * shadow would pass for ours. */
uint64_t memory_resident_bytes(void);
