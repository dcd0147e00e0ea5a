/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cgroup: what the control group of this process may have of memory. Version 2 (memory.max,
 * memory.high) or version 1 (memory.limit_in_bytes).
 *
 * Owns:     nothing. Threads: any; files are read, so not on a loop that has clients to serve.
 * Failure:  what the kernel will not tell is no limit.
 */

#include <stdint.h>

/* The lowest limit of the group and of the groups around it; UINT64_MAX: none. `proc` and `mount`
 * are folders: "/proc/self" and "/sys/fs/cgroup", or a test's. */
uint64_t cgroup_memory_limit(const char *proc, const char *mount);
