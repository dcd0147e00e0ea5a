/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Assertions: what must be true or the heap can no longer be trusted.
 *
 * hd_assert() is cheap and stays in release builds: a store that is wrong is worse than one that is
 * down. hd_check() may cost more than the code around it and exists only in builds with
 * -Dchecks=heavy. Operating errors (a peer, the kernel, memory) are returned, never asserted.
 */

#ifndef HEAPD_CHECKS
#define HEAPD_CHECKS 1
#endif

_Noreturn void hd_assert_failed(const char *what, const char *file, int line, const char *func);

#define hd_assert(cond)                                                        \
        do {                                                                   \
                if (__builtin_expect(!(cond), 0)) {                            \
                        hd_assert_failed(#cond, __FILE__, __LINE__, __func__); \
                }                                                              \
        } while (0)

#if HEAPD_CHECKS >= 2
#define hd_check(cond) hd_assert(cond)
#else
#define hd_check(cond) ((void)sizeof(!(cond)))
#endif

#define hd_unreachable() hd_assert_failed("unreachable", __FILE__, __LINE__, __func__)
