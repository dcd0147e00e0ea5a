/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Debug: settings that make rare interleavings common and silent faults loud, at run time and in
 * every build; and the points at which a test can stop a thread of the collector.
 *
 * Owns:     nothing. Threads: settings are fixed when the gc is made; points may be hit by any.
 * Failure:  gc_debug_parse() says false and what it did not understand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gc_debug {
#define DEBUG(field, name, max, help) uint32_t field;
#include "gc/debug.def"
#undef DEBUG
};

enum gc_proxy {
        GC_PROXY_AUTO,
        GC_PROXY_LATE,
        GC_PROXY_ALWAYS,
};

enum gc_point {
#define POINT(name, where) GC_POINT_##name,
#include "gc/points.def"
#undef POINT
        _GC_POINT_N,
};

/* Called at every point, on the thread that passes it. */
typedef void gc_point_fn(void *user, enum gc_point point);

/* "name[=number],…"; an empty list turns everything off. */
bool gc_debug_parse(const char *list, struct gc_debug *ret_debug, char *ret_error,
                    size_t error_size);

const char *gc_point_name(enum gc_point point);
