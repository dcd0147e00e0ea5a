/* SPDX-License-Identifier: MIT */
#pragma once

/* Clock: nanoseconds, monotonic for intervals, real time only for what people read. */

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_now_ns(void)
{
        return clock_read_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_real_ns(void)
{
        return clock_read_ns(CLOCK_REALTIME);
}

static inline uint64_t clock_thread_cpu_ns(void)
{
        return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t clock_process_cpu_ns(void)
{
        return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
