/* SPDX-License-Identifier: MIT */
#include "gc/debug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "gc/internals.h"

static const struct {
        const char *name;
        size_t offset;
        uint32_t max;
} debug_table[] = {
#define DEBUG(field_, name_, max_, help) \
        {.name = name_, .offset = offsetof(struct gc_debug, field_), .max = max_},
#include "gc/debug.def"
#undef DEBUG
};

static bool debug_set(struct gc_debug *debug, const char *name, size_t n_name, uint32_t value,
                      const char **ret_why)
{
        for (size_t i = 0; i < sizeof(debug_table) / sizeof(*debug_table); i++) {
                if (strlen(debug_table[i].name) == n_name &&
                    memcmp(debug_table[i].name, name, n_name) == 0) {
                        *ret_why = "is too large";
                        memcpy((char *)debug + debug_table[i].offset, &value, sizeof(value));
                        return value <= debug_table[i].max;
                }
        }
        *ret_why = "is not a setting";
        return false;
}

bool gc_debug_parse(const char *list, struct gc_debug *ret_debug, char *ret_error,
                    size_t error_size)
{
        struct gc_debug debug = {0};

        while (*list) {
                size_t n_item = strcspn(list, ","), n_name = strcspn(list, "=,");
                unsigned long value = 1;
                char *end = (char *)list + n_item;
                const char *why;

                if (n_name < n_item) {
                        value = strtoul(list + n_name + 1, &end, 10);
                }
                if (end != list + n_item || n_name + 1 == n_item || value > UINT32_MAX) {
                        snprintf(ret_error, error_size, "'%.*s' is not name=number", (int)n_item,
                                 list);
                        return false;
                }
                if (!debug_set(&debug, list, n_name, (uint32_t)value, &why)) {
                        snprintf(ret_error, error_size, "'%.*s' %s", (int)n_item, list, why);
                        return false;
                }
                list += n_item;
                list += *list == ',';
        }
        *ret_debug = debug;
        return true;
}

const char *gc_point_name(enum gc_point point)
{
        static const char *const names[_GC_POINT_N] = {
#define POINT(name, where) where,
#include "gc/points.def"
#undef POINT
        };

        hd_assert(point < _GC_POINT_N);
        return names[point];
}

/* One state for all threads, on purpose: what a thread draws depends on what the others did, and
 * that is just another source of variety. */
static uint32_t debug_random(struct gc *gc)
{
        uint64_t z = atomic_fetch_add_explicit(&gc->random, UINT64_C(0x9e3779b97f4a7c15),
                                               memory_order_relaxed);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return (uint32_t)(z >> 32);
}

void gc_record_slow(const struct mutator *mutator, enum gc_transition transition, uint64_t a,
                    uint64_t b, uint64_t c)
{
        const struct gc_config *config = &mutator->gc->config;

        config->transition(config->transition_user, transition, mutator, a, b, c);
}

void gc_point_slow(struct gc *gc, enum gc_point point)
{
        uint32_t delay_us = gc->config.debug.delay_us;

        if (gc->config.point) {
                gc->config.point(gc->config.point_user, point);
        }
        /* Seldom at the points that are passed millions of times. */
        if (delay_us &&
            debug_random(gc) % (point == GC_POINT_WORKER_SCAN || point == GC_POINT_MUTATOR_HOLE ||
                                                point == GC_POINT_MUTATOR_LEAVE ||
                                                point == GC_POINT_MUTATOR_ENTER
                                        ? 4096
                                        : 16) ==
                    0) {
                long ns = (long)(debug_random(gc) % delay_us) * 1000;

                nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
        }
}
