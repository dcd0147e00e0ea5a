/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cleanup: locals that release themselves, so that a half-built object never leaks on an early
 * return. Hand the value over with steal_ptr() once it is complete.
 */

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_freep(void *p)
{
        free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
        if (*fd >= 0) {
                close(*fd);
        }
}

#define _cleanup_free_  _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)

/* x_free(NULL)-style destructors: DEFINE_CLEANUP(struct conn *, conn_free) gives conn_freep(). */
#define DEFINE_CLEANUP(type, func)          \
        static inline void func##p(type *p) \
        {                                   \
                if (*p) {                   \
                        func(*p);           \
                }                           \
        }

#define steal_ptr(pp)                              \
        __extension__({                            \
                __typeof__(*(pp)) _stolen = *(pp); \
                *(pp) = NULL;                      \
                _stolen;                           \
        })

static inline int steal_fd(int *fd)
{
        int r = *fd;
        *fd = -1;
        return r;
}
