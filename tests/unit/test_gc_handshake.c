/* SPDX-License-Identifier: MIT */

/* Handshakes and colours, step by step (support/stage.h): who comes, leaves or makes objects at an
 * awkward moment, who answers late or twice or not at all, and how marking ends. */

#include "heap/marks.h"
#include "support/stage.h"

/* --- the colour of what is made --- */

enum { LARGE = 5000 }; /* slots: an object with a span of its own */

static void check_made(struct stage *s, int64_t id)
{
        struct word weak, large;

        gc_enter(s->a);
        check_object(s->a, gc_load(s->a, right(s, s->a), 0), id);
        weak = gc_load(s->a, right(s, s->a), 1);
        check_object(s->a, gc_weak_load(s->a, weak, 0), id);
        large = gc_load(s->a, right(s, s->a), 2);
        cr_assert_eq(gc_count(s->a, large), (uint32_t)LARGE);
        check_object(s->a, gc_load(s->a, large, LARGE - 1), id + 1);
        cr_assert_eq(gc_count(s->a, gc_load(s->a, right(s, s->a), 3)), 100u);
        gc_leave(s->a);
}

/* A small, a large and a noscan object, and a weak word that names the small one. */
static void make_some(struct stage *s, struct mutator *m, int64_t id)
{
        struct word small = make(s, m, id), weak = gc_alloc(m, s->weak, 1);
        struct word large = gc_alloc(m, s->node, LARGE);

        gc_store(m, weak, 0, gc_weak_make(m, small));
        check_object(m, gc_weak_load(m, weak, 0), id);
        gc_store(m, large, LARGE - 1, make(s, m, id + 1));
        gc_store(m, right(s, m), 0, small);
        gc_store(m, right(s, m), 1, weak);
        gc_store(m, right(s, m), 2, large);
        gc_store(m, right(s, m), 3, gc_alloc(m, s->blob, 100));
}

static const struct {
        enum gc_phase phase;
        enum gc_point point;
} steps[] = {
        {GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_ARM, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_MARK, GC_POINT_WORKER_ROOTS},
        {GC_PHASE_MARK, GC_POINT_WORKER_IDLE},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE},
        {GC_PHASE_DISARM, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_DISARM, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_FETCHED},
        {GC_PHASE_SWEEP, GC_POINT_WORKER_SWEEP},
};

Test(handshake, what_is_made_survives_at_whatever_step)
{
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
                struct stage s;

                stage_init(&s, 0);
                cycle_start(&s, steps[i].phase, steps[i].point);
                gc_enter(s.b);
                make_some(&s, s.b, (int64_t)i);
                gc_leave(s.b);
                cycle_end(&s);
                check_made(&s, (int64_t)i);
                stage_deinit(&s, N_STAGE + 5);
        }
}

Test(handshake, what_a_newcomer_makes_survives_at_whatever_step)
{
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
                struct mutator *newcomer;
                struct stage s;

                stage_init(&s, 0);
                cycle_start(&s, steps[i].phase, steps[i].point);
                cr_assert_eq(gc_attach(s.gc, "newcomer", &newcomer), 0);
                gc_enter(newcomer);
                make_some(&s, newcomer, (int64_t)i);
                gc_leave(newcomer);
                if (i % 2) {
                        gc_detach(newcomer);
                        newcomer = NULL;
                }
                cycle_end(&s);
                gc_detach(newcomer);
                check_made(&s, (int64_t)i);
                stage_deinit(&s, N_STAGE + 5);
        }
}

/* Made before the cycle, in a cache that was dropped and not looked through yet. */
Test(handshake, what_was_made_by_one_who_leaves_survives_at_whatever_step)
{
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
                struct mutator *leaver;
                struct stage s;

                stage_init(&s, 0);
                cr_assert_eq(gc_attach(s.gc, "leaver", &leaver), 0);
                gc_enter(leaver);
                make_some(&s, leaver, (int64_t)i);
                gc_leave(leaver);
                cycle_start(&s, steps[i].phase, steps[i].point);
                gc_detach(leaver);
                cycle_end(&s);
                check_made(&s, (int64_t)i);
                stage_deinit(&s, N_STAGE + 5);
        }
}

/* --- logs --- */

Test(handshake, a_newcomer_shades_and_its_log_outlives_it)
{
        for (int leaves = 0; leaves < 2; leaves++) {
                struct mutator *newcomer;
                struct stage s;

                stage_init(&s, 0);
                cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
                cr_assert_eq(gc_attach(s.gc, "newcomer", &newcomer), 0);
                gc_enter(newcomer);
                hide(&s, newcomer, 0);
                gc_leave(newcomer);
                if (leaves) {
                        gc_detach(newcomer);
                        newcomer = NULL;
                }
                cycle_end(&s);
                gc_detach(newcomer);
                seek(&s, 0);
                stage_deinit(&s, N_STAGE + 1);
        }
}

/* b is in a request when the wave begins: it hands its log over itself. */
Test(handshake, a_log_is_handed_over_at_the_boundary)
{
        struct stage s;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.b);
        hide(&s, s.b, 0);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED);
        gc_leave(s.b);
        cycle_end(&s);
        seek(&s, 0);
        stage_deinit(&s, N_STAGE + 1);
}

/* The wave has brought a log. While a worker is about to scan what it says, a hides what hangs
 * below: that is in no log yet when the worker is done. */
Test(handshake, after_a_log_there_is_another_wave)
{
        struct stage s;
        struct word chain, holder;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        hide(&s, s.a, 0);
        gc_leave(s.a);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        cycle_on(&s, ANY, GC_POINT_WORKER_SCAN);
        gc_enter(s.a);
        chain = gc_load(s.a, gc_load(s.a, right(&s, s.a), 0), LINK);
        check_object(s.a, chain, chain_id(0, 0));
        holder = make(&s, s.a, 1);
        gc_store(s.a, holder, LINK, gc_load(s.a, chain, LINK));
        gc_store(s.a, right(&s, s.a), 1, holder);
        gc_store(s.a, chain, LINK, word_nil());
        gc_leave(s.a);
        cycle_end(&s);
        gc_enter(s.a);
        chain = gc_load(s.a, gc_load(s.a, right(&s, s.a), 1), LINK);
        check_object(s.a, chain, chain_id(0, 1));
        check_object(s.a, gc_load(s.a, chain, LINK), chain_id(0, 2));
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 2);
}

/* --- answers --- */

static void *leave_main(void *user)
{
        gc_leave(user);
        return NULL;
}

/* b has seen the wave and goes no further: with its log still in its hands the wave cannot end. */
Test(handshake, who_has_not_answered_is_waited_for)
{
        struct stage s;
        pthread_t thread;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.b);
        hide(&s, s.b, 0);
        cycle_on(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_REQUESTED);
        stop_set(&s, GC_PHASE_PROPOSE, GC_POINT_MUTATOR_ANSWERING);
        pthread_create(&thread, NULL, leave_main, s.b);
        stop_await(&s.mutator);
        stop_set(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        sem_post(&s.collector.go);
        cr_assert(!stop_reached(&s.collector, NOTHING_HAPPENS_MS), "the wave ended without b");
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        stop_await(&s.collector);
        cycle_end(&s);
        seek(&s, 0);
        stage_deinit(&s, N_STAGE + 1);
}

/* a comes, answers and goes between the controller's look and its attempt to be a's proxy. */
Test(handshake, nobody_answers_twice)
{
        struct stage s;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_LOOKED);
        gc_enter(s.a);
        make_some(&s, s.a, 1);
        gc_leave(s.a);
        cycle_end(&s);
        check_made(&s, 1);
        stage_deinit(&s, N_STAGE + 5);
}

static void *enter_main(void *user)
{
        struct stage *s = user;

        gc_enter(s->a);
        make_some(s, s->a, 1);
        gc_leave(s->a);
        return NULL;
}

/*
 * a and the controller are both about to act for a. a comes first, in the one case before the
 * controller looks, in the other behind its look. Were looking and taking two steps, both would go
 * on: the controller, as a's proxy, while a has seen the handshake and not answered it yet.
 */
static void try_to_answer_for_one_who_comes(enum gc_point controller, enum gc_point mutator)
{
        struct stage s;
        pthread_t thread;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_BLACKEN, controller);
        stop_set(&s, ANY, mutator);
        pthread_create(&thread, NULL, enter_main, &s);
        stop_await(&s.mutator);
        cycle_on(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_PROXY); /* of b; but for a fault, of a */
        if (mutator != GC_POINT_MUTATOR_ANSWERING) {
                stop_set(&s, ANY, GC_POINT_MUTATOR_ANSWERING);
                sem_post(&s.mutator.go);
                stop_await(&s.mutator);
        }
        cycle_on(&s, GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_PROXY); /* of c; b */
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        cycle_end(&s);
        check_made(&s, 1);
        stage_deinit(&s, N_STAGE + 5);
}

Test(handshake, nobody_is_proxy_of_one_who_has_come)
{
        try_to_answer_for_one_who_comes(GC_POINT_CONTROLLER_REQUESTED, GC_POINT_MUTATOR_ENTER);
}

Test(handshake, nobody_becomes_proxy_of_one_who_comes_behind_the_look)
{
        try_to_answer_for_one_who_comes(GC_POINT_CONTROLLER_LOOKED, GC_POINT_MUTATOR_ANSWERING);
}

/* --- the way out --- */

/* a has answered DISARM and makes something; b, which has not, overwrites a slot that names it. A
 * mark from b would pass for black in the next cycle, and what hangs below would be lost. */
Test(handshake, nothing_is_white_while_somebody_still_shades)
{
        struct stage s;
        struct word fresh;

        stage_init(&s, 0);
        cycle_start(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        gc_enter(s.b);
        cycle_on(&s, GC_PHASE_DISARM, GC_POINT_CONTROLLER_REQUESTED);
        gc_enter(s.a);
        fresh = make(&s, s.a, 1);
        gc_store(s.a, fresh, LINK, make(&s, s.a, 2));
        gc_store(s.a, left(&s, s.a), 0, fresh);
        gc_store(s.a, right(&s, s.a), 0, fresh);
        gc_leave(s.a);
        gc_store(s.b, left(&s, s.b), 0, word_nil());
        gc_leave(s.b);
        cycle_end(&s);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_enter(s.a);
        fresh = gc_load(s.a, right(&s, s.a), 0);
        check_object(s.a, fresh, 1);
        check_object(s.a, gc_load(s.a, fresh, LINK), 2);
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 2 - DEPTH);
}

Test(handshake, when_a_cycle_is_over_stores_leave_no_marks)
{
        struct stage s;
        uint64_t offset;

        stage_init(&s, 0);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_enter(s.a);
        offset = gc_load(s.a, left(&s, s.a), 0).bits - WORD_REF_BIT;
        gc_store(s.a, left(&s, s.a), 0, gc_load(s.a, left(&s, s.a), 1));
        cr_assert(!marks_test(s.heap, offset));
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE - DEPTH);
}

/* b has copied a weak word before marking was declared over, and stores it only now: words are
 * cleared when such requests have ended. */
Test(handshake, a_weak_word_stored_late_is_cleared_too)
{
        struct stage s;
        struct word weak, copy;

        stage_init(&s, 0);
        gc_enter(s.a);
        weak = gc_alloc(s.a, s.weak, 2);
        gc_store(s.a, weak, 0, gc_weak_make(s.a, make(&s, s.a, 1)));
        gc_store(s.a, right(&s, s.a), 0, weak);
        gc_leave(s.a);
        cycle_start(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        gc_enter(s.b);
        weak = gc_load(s.b, right(&s, s.b), 0);
        copy = gc_weak_copy(s.b, weak, 0);
        cr_assert(word_is_weak(copy));
        cycle_on(&s, GC_PHASE_DISARM, GC_POINT_CONTROLLER_REQUESTED);
        gc_store(s.b, weak, 1, copy);
        gc_leave(s.b);
        cycle_end(&s);
        gc_enter(s.a);
        weak = gc_load(s.a, right(&s, s.a), 0);
        cr_assert(word_is_dead(gc_load(s.a, weak, 0)));
        cr_assert(word_is_dead(gc_load(s.a, weak, 1)));
        gc_leave(s.a);
        stage_deinit(&s, N_STAGE + 1);
}

struct look {
        struct stage *stage;
        bool was_nil;
};

static void *look_main(void *user)
{
        struct look *look = user;
        struct stage *s = look->stage;

        gc_enter(s->b);
        look->was_nil = word_is_nil(gc_weak_load(s->b, gc_load(s->b, right(s, s->b), 0), 0));
        gc_leave(s->b);
        return NULL;
}

/* b has read a weak word of something dead; before it looks how marking stands the word is cleared
 * and the cycle is past it. */
Test(handshake, a_weak_load_across_the_clearing_is_nil)
{
        struct stage s;
        struct look look = {.stage = &s};
        pthread_t thread;
        struct word weak;

        stage_init(&s, 0);
        gc_enter(s.a);
        weak = gc_alloc(s.a, s.weak, 1);
        gc_store(s.a, weak, 0, gc_weak_make(s.a, make(&s, s.a, 1)));
        gc_store(s.a, right(&s, s.a), 0, weak);
        gc_leave(s.a);
        cycle_start(&s, GC_PHASE_DISARM, GC_POINT_CONTROLLER_ANSWERED);
        stop_set(&s, GC_PHASE_DISARM, GC_POINT_MUTATOR_LOOKED);
        pthread_create(&thread, NULL, look_main, &look);
        stop_await(&s.mutator);
        cycle_on(&s, GC_PHASE_WHITEN, GC_POINT_CONTROLLER_REQUESTED);
        sem_post(&s.mutator.go);
        pthread_join(thread, NULL);
        cycle_end(&s);
        cr_assert(look.was_nil);
        stage_deinit(&s, N_STAGE + 1);
}

/* --- nobody waits --- */

#ifdef HEAPD_PLAIN_TESTS
enum { MANY = 10000 }; /* where every access is watched */
#else
enum { MANY = 100000 };
#endif

/* Each allocates, stores and loads; now and then somebody comes and goes. */
static void many_requests(struct stage *s, struct mutator *m)
{
        for (int i = 0; i < MANY; i++) {
                gc_enter(m);
                gc_store(m, right(s, m), 0, make(s, m, i));
                check_object(m, gc_load(m, right(s, m), 0), i);
                gc_leave(m);
                if (i % 1000 == 0) {
                        struct mutator *guest;

                        cr_assert_eq(gc_attach(s->gc, "guest", &guest), 0);
                        gc_detach(guest);
                }
        }
}

/* GC-24 */
Test(handshake, who_is_held_in_a_request_delays_nobody)
{
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
                struct stage s;

                stage_init(&s, 0);
                cycle_start(&s, steps[i].phase, steps[i].point);
                gc_enter(s.b);
                sem_post(&s.collector.go);
                many_requests(&s, s.a);
                gc_leave(s.b);
                gc_wait(s.gc, s.cycle);
                stage_deinit(&s, N_STAGE + 1);
        }
}

/* GC-25 */
Test(handshake, a_frozen_worker_delays_nobody)
{
        static const enum gc_phase phases[] = {GC_PHASE_MARK,  GC_PHASE_MARK, GC_PHASE_MARK,
                                               GC_PHASE_CLEAR, GC_PHASE_MARK, GC_PHASE_SWEEP};
        static const enum gc_point points[] = {GC_POINT_WORKER_ROOTS,  GC_POINT_WORKER_SCAN,
                                               GC_POINT_WORKER_IDLE,   GC_POINT_WORKER_WEAK,
                                               GC_POINT_WORKER_RESCAN, GC_POINT_WORKER_SWEEP};

        for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
                struct stage s;

                stage_init(&s, 0);
                gc_enter(s.b);
                gc_store(s.b, right(&s, s.b), 1, gc_alloc(s.b, s.weak, 1));
                gc_leave(s.b);
                cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
                gc_enter(s.b); /* as if a queue had been full, so that there is a page to rescan */
                grey_logs_flag(&s.gc->grey.logs, s.heap, left(&s, s.b).bits - WORD_REF_BIT);
                gc_leave(s.b);
                cycle_on(&s, phases[i], points[i]);
                many_requests(&s, s.a);
                cycle_end(&s);
                stage_deinit(&s, N_STAGE + 2);
        }
}
