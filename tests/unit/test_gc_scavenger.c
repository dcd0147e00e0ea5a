/* SPDX-License-Identifier: MIT */

/* Idle memory goes back: what is beyond the goal, what stands before a limit, or all. */

#include <time.h>

#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/unit.h"

#define MIB (UINT64_C(1) << 20)

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *root;
        unsigned kind;
};

static void fixture_init(struct fixture *f)
{
        const struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30};
        const struct gc_config gc_config = {.n_workers = 1, .percent = 100, .minimum_bytes = MIB};
        const struct descriptor kind = {.kind = 1, .noscan = true};

        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, &gc_config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        cr_assert_eq(descriptor_intern(f->heap, &kind, &f->kind), 0);
        gc_enter(f->mutator);
        f->root = gc_root_new(f->mutator);
        gc_leave(f->mutator);
}

static void fixture_deinit(struct fixture *f)
{
        gc_enter(f->mutator);
        gc_root_free(f->mutator, f->root);
        gc_leave(f->mutator);
        gc_detach(f->mutator);
        gc_free(f->gc);
        heap_free(f->heap);
}

/* The fixture holds one object of so many bytes, and lets go of the one before. */
static void fixture_hold(struct fixture *f, uint64_t bytes)
{
        gc_enter(f->mutator);
        gc_root_store(f->mutator, f->root,
                      bytes ? gc_alloc(f->mutator, f->kind, (uint32_t)bytes) : word_nil());
        gc_leave(f->mutator);
}

/* Waits for what is bound to come; a test that waits for ever is ended from outside. */
static void fixture_await_idle(struct fixture *f, uint64_t bytes_max)
{
        while (heap_idle_bytes(f->heap) > bytes_max) {
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
}

Test(scavenger, what_is_beyond_a_tenth_above_the_goal_goes_back)
{
        struct fixture f;
        struct gc_stats stats;

        fixture_init(&f);
        fixture_hold(&f, 40 * MIB);
        fixture_hold(&f, 10 * MIB);
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        /* 10 MiB live, the goal 20: 22 may stay. */
        fixture_await_idle(&f, 12 * MIB + MIB / 8);
        gc_get_stats(f.gc, &stats);
        cr_assert_gt(heap_idle_bytes(f.heap), 11 * MIB);
        cr_assert_ge(stats.released_bytes, 27 * MIB);
        fixture_deinit(&f);
}

Test(scavenger, all_of_it_goes_when_somebody_asks)
{
        struct fixture f;

        fixture_init(&f);
        fixture_hold(&f, 40 * MIB);
        fixture_hold(&f, 10 * MIB);
        gc_wait(f.gc, gc_free_memory(f.gc, GC_REASON_FORCED));
        fixture_await_idle(&f, 0);
        cr_assert_ge(heap_inuse_bytes(f.heap), 10 * MIB);
        cr_assert_lt(heap_inuse_bytes(f.heap), 11 * MIB);
        fixture_deinit(&f);
}

Test(scavenger, what_stands_before_a_limit_goes_at_once)
{
        struct fixture f;

        fixture_init(&f);
        fixture_hold(&f, 12 * MIB);
        fixture_hold(&f, 10 * MIB);
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        cr_assert_gt(heap_idle_bytes(f.heap), 11 * MIB);
        gc_set_limit(f.gc, 15 * MIB);
        fixture_await_idle(&f, 4 * MIB);
        fixture_deinit(&f);
}
