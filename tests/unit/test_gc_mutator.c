/* SPDX-License-Identifier: MIT */

/* Boundaries, root cells, and what starts a cycle. */

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/death.h"
#include "support/unit.h"

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        unsigned node, blob;
};

static void fixture_init(struct fixture *f, const struct gc_config *config, uint64_t limit_bytes)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30,
                                          .limit_bytes = limit_bytes};

        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 1}, &f->node);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 2, .noscan = true}, &f->blob);
}

static void fixture_deinit(struct fixture *f)
{
        gc_detach(f->mutator);
        gc_free(f->gc);
        heap_free(f->heap);
}

static uint64_t fixture_cycles(struct fixture *f)
{
        struct gc_stats stats;

        gc_get_stats(f->gc, &stats);
        return stats.n_cycles;
}

/* Waits, without a deadline that a slow machine could miss: meson bounds the program. */
static void fixture_await_cycle(struct fixture *f, uint64_t number)
{
        while (fixture_cycles(f) < number) {
                usleep(1000);
        }
}

#if HEAPD_CHECKS >= 1
static void load_across_a_poll(void *user)
{
        struct fixture *f = user;
        struct word object = gc_alloc(f->mutator, f->node, 1);

        gc_poll(f->mutator);
        gc_load(f->mutator, object, 0);
}

static void store_across_a_request(void *user)
{
        struct fixture *f = user;
        struct word object = gc_alloc(f->mutator, f->node, 1);

        gc_leave(f->mutator);
        gc_enter(f->mutator);
        gc_store(f->mutator, gc_alloc(f->mutator, f->node, 1), 0, object);
}

static void store_from_another_mutator(void *user)
{
        struct fixture *f = user;
        struct word object = gc_alloc(f->mutator, f->node, 1);
        struct mutator *other;

        gc_attach(f->gc, "other", &other);
        gc_enter(other);
        gc_load(other, object, 0);
}

static void use_within_a_request(void *user)
{
        struct fixture *f = user;
        struct word object = gc_alloc(f->mutator, f->node, 1);

        gc_store(f->mutator, object, 0, object);
        gc_load(f->mutator, object, 0);
}

Test(mutator, a_reference_that_survives_a_boundary_aborts)
{
        struct fixture f;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        gc_enter(f.mutator);
        cr_assert(death_aborts(load_across_a_poll, &f));
        cr_assert(death_aborts(store_across_a_request, &f));
        cr_assert(death_aborts(store_from_another_mutator, &f));
        cr_assert(!death_aborts(use_within_a_request, &f));
        gc_leave(f.mutator);
        fixture_deinit(&f);
}
#endif

static void load_beyond_the_end(void *user)
{
        struct fixture *f = user;

        gc_load(f->mutator, gc_alloc(f->mutator, f->node, 3), 3);
}

static void allocate_outside_a_request(void *user)
{
        struct fixture *f = user;

        gc_leave(f->mutator);
        gc_alloc(f->mutator, f->node, 3);
}

Test(mutator, wrong_use_aborts)
{
        struct fixture f;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        gc_enter(f.mutator);
        cr_assert(death_aborts(load_beyond_the_end, &f));
        cr_assert(death_aborts(allocate_outside_a_request, &f));
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

Test(mutator, root_cells_are_recycled_and_bounded)
{
        struct fixture f;
        struct gc_root *first, *again;
        struct gc_stats stats;
        uint64_t n = 0;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        gc_enter(f.mutator);
        first = gc_root_new(f.mutator);
        gc_root_store(f.mutator, first, word_int(5));
        cr_assert_eq(word_get_int(gc_root_load(f.mutator, first)), 5);
        gc_root_free(f.mutator, first);
        again = gc_root_new(f.mutator);
        cr_assert_eq(first, again);
        cr_assert(word_is_nil(gc_root_load(f.mutator, again)));
        for (n = 1; gc_root_new(f.mutator); n++) {
        }
        cr_assert_eq(n, GC_ROOTS_MAX);
        gc_get_stats(f.gc, &stats);
        cr_assert_eq(stats.n_roots, GC_ROOTS_MAX);
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

Test(mutator, the_table_of_mutators_has_an_end)
{
        struct fixture f;
        static struct mutator *others[GC_MUTATORS_MAX];
        unsigned n = 0;
        int r;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        while ((r = gc_attach(f.gc, "other", &others[n])) == 0) {
                n++;
        }
        cr_assert_eq(r, -EUSERS);
        cr_assert_eq(n, GC_MUTATORS_MAX - 1);
        while (n-- > 0) {
                gc_detach(others[n]);
        }
        fixture_deinit(&f);
}

Test(cycle, growth_to_the_goal_starts_one)
{
        struct fixture f;
        struct gc_stats stats;

        fixture_init(&f, &(struct gc_config){.percent = 100, .minimum_bytes = 1 << 20}, 0);
        for (int i = 0; i < 100000; i++) { /* 4.8 MB of garbage */
                gc_enter(f.mutator);
                gc_alloc(f.mutator, f.node, 5);
                gc_leave(f.mutator);
        }
        fixture_await_cycle(&f, 1);
        gc_get_stats(f.gc, &stats);
        cr_assert_eq(stats.last.reason, GC_REASON_GOAL);
        fixture_deinit(&f);
}

Test(cycle, no_growth_starts_none_when_it_is_off)
{
        struct fixture f;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        gc_enter(f.mutator);
        for (int i = 0; i < 400000; i++) {
                gc_alloc(f.mutator, f.node, 5);
                gc_poll(f.mutator);
        }
        gc_leave(f.mutator);
        cr_assert_eq(fixture_cycles(&f), 0u);
        gc_set_percent(f.gc, 100);
        gc_enter(f.mutator);
        for (int i = 0; i < 1000; i++) {
                gc_alloc(f.mutator, f.node, 5);
        }
        gc_leave(f.mutator);
        fixture_await_cycle(&f, 1);
        fixture_deinit(&f);
}

Test(cycle, a_request_names_a_cycle_that_starts_later)
{
        struct fixture f;
        struct gc_stats stats;
        uint64_t number;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        for (uint64_t i = 1; i < 20; i++) {
                number = gc_request(f.gc, GC_REASON_FORCED);
                gc_wait(f.gc, number);
                gc_get_stats(f.gc, &stats);
                cr_assert_ge(stats.n_cycles, number);
        }
        cr_assert_ge(stats.n_forced, 19u);
        fixture_deinit(&f);
}

Test(cycle, the_end_of_a_session_that_allocated_much_starts_one)
{
        struct fixture f;
        struct gc_stats stats;

        fixture_init(&f, &(struct gc_config){.percent = -1}, 0);
        gc_note_garbage(f.gc, 1000);
        cr_assert_eq(fixture_cycles(&f), 0u);
        gc_note_garbage(f.gc, 2 << 20);
        fixture_await_cycle(&f, 1);
        gc_get_stats(f.gc, &stats);
        cr_assert_eq(stats.last.reason, GC_REASON_GARBAGE);
        fixture_deinit(&f);
}

static void note_during_cycle(void *user, uint64_t number, enum gc_reason reason)
{
        struct fixture *f = user;

        if (number == 1) {
                gc_request(f->gc, GC_REASON_GOAL);
                gc_note_garbage(f->gc, 2 << 20);
        }
}

/* Growth's request is stale when the cycle has ended, and goes; the garbage is there all the same.
 */
Test(cycle, the_end_of_a_session_starts_one_though_growth_had_asked_during_another)
{
        struct fixture f;
        struct gc_listener listener = {.user = &f, .cycle_begin = note_during_cycle};
        struct gc_stats stats;

        fixture_init(&f, &(struct gc_config){.percent = -1, .listener = &listener}, 0);
        gc_request(f.gc, GC_REASON_FORCED);
        fixture_await_cycle(&f, 2);
        gc_get_stats(f.gc, &stats);
        cr_assert_eq(stats.last.reason, GC_REASON_GARBAGE);
        fixture_deinit(&f);
}

Test(cycle, a_period_starts_one_only_if_something_ran)
{
        struct fixture f;
        struct gc_stats stats;

        fixture_init(&f, &(struct gc_config){.percent = -1, .period_ns = 20 * 1000 * 1000}, 0);
        usleep(200 * 1000);
        cr_assert_eq(fixture_cycles(&f), 0u);
        gc_enter(f.mutator);
        gc_leave(f.mutator);
        fixture_await_cycle(&f, 1);
        gc_get_stats(f.gc, &stats);
        cr_assert_eq(stats.last.reason, GC_REASON_PERIODIC);
        usleep(100 * 1000);
        cr_assert_eq(fixture_cycles(&f), 1u);
        fixture_deinit(&f);
}

/* Garbage only: whoever waits for a cycle when memory is refused gets on, with a limit far below
 * what is allocated in all. */
Test(cycle, at_the_limit_garbage_makes_room_and_live_objects_make_an_error)
{
        struct fixture f;
        struct gc_root *root;
        uint64_t n_kept = 0;
        bool refused;

        fixture_init(&f, &(struct gc_config){.percent = -1}, UINT64_C(8) << 20);
        for (int i = 0; i < 1000000; i++) {
                gc_enter(f.mutator);
                refused = word_is_nil(gc_alloc(f.mutator, f.node, 11));
                gc_leave(f.mutator);
                if (refused) {
                        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
                        gc_enter(f.mutator);
                        cr_assert(word_is_ref(gc_alloc(f.mutator, f.node, 11)));
                        gc_leave(f.mutator);
                }
        }
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        gc_enter(f.mutator);
        root = gc_root_new(f.mutator);
        for (;;) {
                struct word node = gc_alloc(f.mutator, f.node, 11);

                if (word_is_nil(node)) {
                        break;
                }
                gc_store(f.mutator, node, 0, gc_root_load(f.mutator, root));
                gc_root_store(f.mutator, root, node);
                n_kept++;
                gc_poll(f.mutator);
        }
        cr_assert_gt(n_kept, (UINT64_C(8) << 20) / 96 * 8 / 10);
        gc_root_store(f.mutator, root, word_nil());
        gc_leave(f.mutator);
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        gc_enter(f.mutator);
        cr_assert(word_is_ref(gc_alloc(f.mutator, f.node, 11)));
        gc_leave(f.mutator);
        fixture_deinit(&f);
}

static void count_end(void *user, const struct gc_cycle *cycle)
{
        struct gc_cycle *last = user;

        *last = *cycle;
}

Test(cycle, the_listener_hears_what_was_freed)
{
        struct fixture f;
        struct gc_cycle last = {0};
        struct gc_listener listener = {.user = &last, .cycle_end = count_end};

        fixture_init(&f, &(struct gc_config){.percent = -1, .listener = &listener}, 0);
        gc_enter(f.mutator);
        for (int i = 0; i < 1000; i++) {
                gc_alloc(f.mutator, f.node, 5);
                gc_alloc(f.mutator, f.blob, 100000);
        }
        gc_leave(f.mutator);
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        cr_assert_eq(last.number, 1u);
        cr_assert_eq(last.freed_objects, 2000u);
        cr_assert_eq(last.freed_bytes, 1000 * (48 + 13 * 8192));
        cr_assert_eq(last.live_objects, 0u);
        cr_assert_eq(last.reason, GC_REASON_FORCED);
        fixture_deinit(&f);
}

Test(cycle, idle_memory_goes_back_to_the_kernel)
{
        struct fixture f;
        struct heap_stats stats;

        fixture_init(&f, &(struct gc_config){.percent = 100}, 0);
        gc_enter(f.mutator);
        for (int i = 0; i < 200; i++) {
                struct word blob = gc_alloc(f.mutator, f.blob, 1 << 20);

                memset(gc_bytes_init(f.mutator, blob), 1, 1 << 20);
        }
        gc_leave(f.mutator);
        gc_wait(f.gc, gc_request(f.gc, GC_REASON_FORCED));
        do {
                usleep(1000);
                heap_get_stats(f.heap, &stats);
        } while (stats.heap_idle - stats.heap_released > UINT64_C(5) << 20);
        fixture_deinit(&f);
}
