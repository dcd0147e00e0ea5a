/* SPDX-License-Identifier: MIT */

/* The barrier, step by step (support/stage.h): what is overwritten and what is written, while
 * marking runs and while it begins. */

#include "support/stage.h"

/* --- what is overwritten --- */

Test(barrier, what_is_overwritten_while_marking_runs_survives)
{
        struct stage s;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        hide(&s, s.a, 0);
        gc_leave(s.a);
        gc_enter(s.b);
        hide(&s, s.b, 1);
        gc_store(s.b, left(&s, s.b), 1, word_int(5));
        gc_leave(s.b);
        cycle_end(&s);
        seek(&s, 0);
        seek(&s, 1);
        stage_deinit(&s, N_STAGE + 2);
}

Test(barrier, what_stood_in_a_root_cell_survives)
{
        struct stage s;
        struct word holder;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        holder = make(&s, s.a, 1);
        gc_store(s.a, holder, LINK, left(&s, s.a));
        gc_root_store(s.a, s.left, holder);
        gc_leave(s.a);
        cycle_end(&s);
        gc_enter(s.a);
        check_chain(s.a, gc_load(s.a, gc_load(s.a, left(&s, s.a), LINK), 3), 3);
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 1);
}

Test(barrier, more_is_overwritten_than_a_log_holds)
{
        struct stage s;

        stage_init(&s, 1);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
                hide(&s, s.a, slot);
        }
        gc_leave(s.a);
        cycle_end(&s);
        for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
                seek(&s, slot);
        }
        stage_deinit(&s, N_STAGE + N_SLOTS);
}

Test(barrier, more_is_overwritten_than_all_logs_hold)
{
        enum { N = GREY_LOGS + 200 };
        struct stage s;
        struct word from, to;

        stage_init(&s, 1);
        gc_enter(s.a);
        from = gc_alloc(s.a, s.node, N);
        gc_store(s.a, right(&s, s.a), 0, from);
        for (uint32_t i = 0; i < N; i++) {
                struct word parent = make(&s, s.a, i);

                gc_store(s.a, parent, LINK, make(&s, s.a, i));
                gc_store(s.a, from, i, parent);
        }
        gc_leave(s.a);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        from = gc_load(s.a, right(&s, s.a), 0);
        to = gc_alloc(s.a, s.node, N);
        gc_store(s.a, right(&s, s.a), 1, to);
        for (uint32_t i = 0; i < N; i++) {
                gc_store(s.a, to, i, gc_load(s.a, from, i));
                gc_store(s.a, from, i, word_nil());
        }
        gc_leave(s.a);
        cycle_end(&s);
        gc_enter(s.a);
        to = gc_load(s.a, right(&s, s.a), 1);
        for (uint32_t i = 0; i < N; i++) {
                check_object(s.a, gc_load(s.a, gc_load(s.a, to, i), LINK), i);
        }
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 2 + 2 * N);
}

struct overwrite {
        struct stage *stage;
        struct mutator *mutator;
};

static void *overwrite_main(void *user)
{
        struct overwrite *o = user;

        gc_enter(o->mutator);
        gc_store(o->mutator, left(o->stage, o->mutator), 7, word_nil());
        gc_leave(o->mutator);
        return NULL;
}

/*
 * a has armed and stands in the middle of a store to a slot; b, not armed yet, moves a chain into
 * that very slot; c, which makes black objects already, takes a copy. a must either leave the chain
 * in the slot or shade it: a value is taken out of a slot by the same step that tells what it was.
 */
Test(barrier, a_value_that_comes_between_is_not_lost)
{
        struct stage s;
        struct overwrite overwrite = {.stage = &s};
        struct word chain, holder;
        pthread_t thread;

        stage_init(&s, 0);
        overwrite.mutator = s.a;
        gc_enter(s.b);
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
        stop_set(&s, ANY, GC_POINT_MUTATOR_EXCHANGED);
        pthread_create(&thread, NULL, overwrite_main, &overwrite);
        stop_await(&s.mutator);
        chain = gc_load(s.b, left(&s, s.b), 0);
        gc_store(s.b, left(&s, s.b), 7, chain);
        gc_store(s.b, left(&s, s.b), 0, word_nil());
        gc_leave(s.b);
        cycle_on(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_REQUESTED);
        gc_enter(s.c);
        holder = make(&s, s.c, 0);
        gc_store(s.c, holder, LINK, gc_load(s.c, left(&s, s.c), 7));
        gc_store(s.c, right(&s, s.c), 0, holder);
        gc_leave(s.c);
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        cycle_end(&s);
        seek(&s, 0);
        stage_deinit(&s, N_STAGE + 1 - DEPTH);
}

/* --- the ragged window --- */

/*
 * a is armed and holds a reference whose last edge b, not armed yet, has cut. When all are armed c
 * makes a black object, and a, not blackened yet, stores the reference there. `late`: a has come
 * while ARM was under way.
 */
static void try_to_fill_a_black_object(bool late)
{
        struct stage s;
        struct word chain;
        struct mutator *a;

        stage_init(&s, 0);
        a = s.a;
        gc_enter(s.b);
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
        if (late) {
                cr_assert_eq(gc_attach(s.gc, "late", &a), 0);
        }
        gc_enter(a);
        chain = gc_load(a, left(&s, a), 0);
        gc_store(s.b, left(&s, s.b), 0, word_nil());
        gc_leave(s.b);
        cycle_on(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_REQUESTED);
        gc_enter(s.c);
        gc_store(s.c, right(&s, s.c), 0, make(&s, s.c, 0));
        gc_leave(s.c);
        gc_store(a, gc_load(a, right(&s, a), 0), LINK, chain);
        gc_leave(a);
        cycle_end(&s);
        seek(&s, 0);
        if (late) {
                gc_detach(a);
        }
        stage_deinit(&s, N_STAGE + 1);
}

Test(barrier, what_is_written_between_arm_and_blacken_survives)
{
        try_to_fill_a_black_object(false);
}

Test(barrier, a_newcomer_between_arm_and_blacken_shades_what_it_writes)
{
        try_to_fill_a_black_object(true);
}

/* a has answered ARM, b has not: what a makes now b fills, and cuts the last edge, unseen. */
Test(barrier, what_is_made_before_all_are_armed_is_scanned)
{
        struct stage s;
        struct word holder;

        stage_init(&s, 0);
        gc_enter(s.b);
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
        gc_enter(s.a);
        gc_store(s.a, right(&s, s.a), 0, make(&s, s.a, 0));
        gc_leave(s.a);
        holder = gc_load(s.b, right(&s, s.b), 0);
        gc_store(s.b, holder, LINK, gc_load(s.b, left(&s, s.b), 0));
        gc_store(s.b, left(&s, s.b), 0, word_nil());
        gc_leave(s.b);
        cycle_end(&s);
        seek(&s, 0);
        stage_deinit(&s, N_STAGE + 1);
}

/* a has answered ARM, b has not and cuts the last edge to what a fills a new object with; then c
 * does the same to a black one. */
Test(barrier, what_a_new_object_starts_with_survives)
{
        struct stage s;
        struct word chain, holder;

        stage_init(&s, 0);
        gc_enter(s.b);
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
        gc_enter(s.a);
        chain = gc_load(s.a, left(&s, s.a), 0);
        gc_store(s.b, left(&s, s.b), 0, word_nil());
        holder = make(&s, s.a, 0);
        gc_init(s.a, holder, LINK, chain);
        gc_store(s.a, right(&s, s.a), 0, holder);
        gc_leave(s.a);
        gc_leave(s.b);
        cycle_on(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.c);
        holder = make(&s, s.c, 1);
        gc_init(s.c, holder, LINK, gc_load(s.c, left(&s, s.c), 1));
        gc_store(s.c, right(&s, s.c), 1, holder);
        gc_store(s.c, left(&s, s.c), 1, word_nil());
        gc_leave(s.c);
        cycle_end(&s);
        seek(&s, 0);
        seek(&s, 1);
        stage_deinit(&s, N_STAGE + 2);
}

/*
 * One empty wave is enough only if shading during it counts. a has exchanged a chain away and not
 * shaded it yet, so workers find nothing grey. c puts the chain back, answers the wave, and in its
 * next request takes it out again: it shades what a was about to, in a log that no wave asks for
 * any more. So a finds the chain marked and logs nothing, and the wave ends empty, with a marked
 * object that nobody scans.
 */
Test(barrier, shading_taken_over_behind_an_answer_vetoes_the_end)
{
        struct stage s;
        struct overwrite overwrite = {.stage = &s};
        struct word chain, holder;
        struct gc_stats stats;
        pthread_t thread;

        stage_init(&s, 0);
        overwrite.mutator = s.a;
        cycle_start(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_FETCHED);
        gc_enter(s.c);
        chain = gc_load(s.c, left(&s, s.c), 7);
        stop_set(&s, ANY, GC_POINT_MUTATOR_EXCHANGED);
        pthread_create(&thread, NULL, overwrite_main, &overwrite);
        stop_await(&s.mutator);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED);
        gc_store(s.c, left(&s, s.c), 7, chain);
        gc_poll(s.c);
        holder = make(&s, s.c, 7);
        gc_store(s.c, holder, LINK, gc_load(s.c, left(&s, s.c), 7));
        gc_store(s.c, right(&s, s.c), 7, holder);
        gc_store(s.c, left(&s, s.c), 7, word_nil());
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        gc_leave(s.c);
        cycle_end(&s);
        seek(&s, 7);
        gc_get_stats(s.gc, &stats);
        cr_assert_eq(stats.n_vetoes, 1u);
        stage_deinit(&s, N_STAGE + 1);
}

static void *take_out_main(void *user)
{
        struct stage *s = user;
        struct word holder, chain;

        gc_enter(s->a);
        holder = make(s, s->a, 1);
        chain = gc_load(s->a, gc_load(s->a, right(s, s->a), 0), LINK);
        gc_store(s->a, holder, LINK, gc_load(s->a, chain, LINK));
        gc_store(s->a, right(s, s->a), 1, holder);
        gc_store(s->a, chain, LINK, word_nil());
        gc_leave(s->a);
        return NULL;
}

/*
 * What a wave brings is scanned in MARK and not before the controller has looked (GC-23). b has
 * hidden a chain: its first object is grey, in b's log alone. a has answered, has taken the rest
 * out of that object and not shaded it yet, so nobody has vetoed. Now b answers. Were its log
 * scanned while c is waited for, or when all have answered, nothing would be grey but what only a
 * knows of, and marking would be over.
 */
Test(barrier, what_is_taken_out_of_a_logged_object_survives)
{
        struct stage s;
        struct word object;
        pthread_t thread;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_FETCHED);
        gc_enter(s.b);
        hide(&s, s.b, 0);
        gc_enter(s.c);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED);
        stop_set(&s, ANY, GC_POINT_MUTATOR_EXCHANGED);
        pthread_create(&thread, NULL, take_out_main, &s);
        stop_await(&s.mutator);
        gc_leave(s.b);
        /* Twice: between two looks at c lies all that the controller does while it waits. */
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_LOOKED);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_LOOKED);
        gc_leave(s.c);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        cycle_on(&s, ANY, GC_POINT_CONTROLLER_REQUESTED);
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        cycle_end(&s);
        gc_enter(s.a);
        object = gc_load(s.a, gc_load(s.a, right(&s, s.a), 0), LINK);
        check_object(s.a, object, chain_id(0, 0));
        object = gc_load(s.a, gc_load(s.a, right(&s, s.a), 1), LINK);
        check_object(s.a, object, chain_id(0, 1));
        check_object(s.a, gc_load(s.a, object, LINK), chain_id(0, 2));
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 2);
}
