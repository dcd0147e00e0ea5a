/* SPDX-License-Identifier: MIT */

/* The list of debug settings, the table of phases, and that a second opinion can disagree. */

#include <string.h>

#include "gc/gc.h"
#include "gc/internals.h"
#include "heap/descriptor.h"
#include "heap/marks.h"
#include "support/death.h"
#include "support/unit.h"

Test(debug, a_list_sets_what_it_names_and_nothing_else)
{
        struct gc_debug debug;
        char error[100];

        cr_assert(gc_debug_parse("", &debug, error, sizeof(error)));
        cr_assert(!debug.checkmark && !debug.delay_us && !debug.proxy);
        cr_assert(gc_debug_parse("checkmark,delay=50,proxy=2", &debug, error, sizeof(error)));
        cr_assert_eq(debug.checkmark, 1u);
        cr_assert_eq(debug.delay_us, 50u);
        cr_assert_eq(debug.proxy, 2u);
        cr_assert_eq(debug.rage, 0u);
}

Test(debug, a_wrong_list_says_what_is_wrong)
{
        static const char *const lists[][2] = {
                {"speed=1", "is not a setting"},      {"check", "is not a setting"},
                {"proxy=3", "is too large"},          {"delay=x", "is not name=number"},
                {"delay=", "is not name=number"},     {"=1", "is not a setting"},
                {"rage=1x,stw", "is not name=number"}};
        struct gc_debug debug;
        char error[100];

        for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
                cr_assert(!gc_debug_parse(lists[i][0], &debug, error, sizeof(error)));
                cr_assert_not_null(strstr(error, lists[i][1]), "'%s': %s", lists[i][0], error);
        }
}

Test(debug, phases_follow_each_other_as_the_table_says)
{
        static const enum gc_phase course[] = {GC_PHASE_IDLE,  GC_PHASE_ARM,     GC_PHASE_BLACKEN,
                                               GC_PHASE_MARK,  GC_PHASE_PROPOSE, GC_PHASE_DISARM,
                                               GC_PHASE_CLEAR, GC_PHASE_WHITEN,  GC_PHASE_SWEEP};

        for (unsigned from = 0; from < _GC_PHASE_N; from++) {
                for (unsigned to = 0; to < _GC_PHASE_N; to++) {
                        bool allowed = (from == GC_PHASE_PROPOSE && to == GC_PHASE_MARK);

                        for (unsigned i = 0; i < _GC_PHASE_N; i++) {
                                allowed = allowed || (from == course[i] &&
                                                      to == course[(i + 1) % _GC_PHASE_N]);
                        }
                        cr_assert_eq(gc_phase_may_follow(from, to), allowed, "%s -> %s",
                                     gc_phase_name(from), gc_phase_name(to));
                }
        }
}

struct lost {
        struct gc *gc;
        uint64_t offset;
};

static void lose_a_mark(void *user)
{
        struct lost *lost = user;

        marks_clear(lost->gc->heap, lost->offset & ~UINT64_C(1023), marks_bit(lost->offset));
        checkmark_run(lost->gc);
}

static void lose_nothing(void *user)
{
        checkmark_run(((struct lost *)user)->gc);
}

Test(debug, checkmark_finds_an_object_that_lost_its_mark)
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 30};
        struct gc_config config = {.percent = -1};
        struct lost lost;
        struct heap *heap;
        struct mutator *m;
        struct word list = word_nil();
        unsigned node;

        cr_assert_eq(heap_new(&heap, &heap_config), 0);
        cr_assert_eq(gc_new(&lost.gc, heap, &config), 0);
        cr_assert_eq(gc_attach(lost.gc, "test", &m), 0);
        descriptor_intern(heap, &(struct descriptor){.kind = 1}, &node);
        gc_enter(m);
        for (int i = 0; i < 10; i++) {
                struct word next = gc_alloc(m, node, 1);

                gc_store(m, next, 0, list);
                list = next;
                marks_try_set(heap, next.bits - WORD_REF_BIT);
                lost.offset = i == 3 ? next.bits - WORD_REF_BIT : lost.offset;
        }
        gc_root_store(m, gc_root_new(m), list);
        cr_assert(!death_aborts(lose_nothing, &lost));
        cr_assert(death_aborts(lose_a_mark, &lost));
        gc_leave(m);
        gc_detach(m);
        gc_free(lost.gc);
        heap_free(heap);
}
