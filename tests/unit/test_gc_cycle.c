/* SPDX-License-Identifier: MIT */

/* What a cycle reports of itself (support/stage.h): the time of its phases, and what it took from
 * the mutators, by cause. */

#include <sched.h>

#include "support/stage.h"

enum { HELD_MS = 20 };

static const struct {
        enum gc_phase phase;
        enum gc_point point;
} holds[] = {
        {GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED},
        {GC_PHASE_BLACKEN, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_MARK, GC_POINT_WORKER_ROOTS},
        {GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE},
        {GC_PHASE_DISARM, GC_POINT_CONTROLLER_ANSWERED},
        {GC_PHASE_CLEAR, GC_POINT_WORKER_WEAK},
        {GC_PHASE_WHITEN, GC_POINT_CONTROLLER_FETCHED},
        {GC_PHASE_SWEEP, GC_POINT_WORKER_SWEEP},
};

/* What a phase takes longer is its own time and no other's; the CPU's it is not. */
Test(cycle, each_phase_is_charged_what_it_took)
{
        for (size_t i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
                uint64_t sum_ns = 0, held_ns = UINT64_C(1000000) * HELD_MS;
                struct gc_stats stats;
                struct stage s;

                stage_init(&s, 0);
                gc_enter(s.a);
                gc_store(s.a, right(&s, s.a), 0, gc_alloc(s.a, s.weak, 1));
                gc_leave(s.a);
                cycle_start(&s, holds[i].phase, holds[i].point);
                nanosleep(&(struct timespec){.tv_nsec = (long)held_ns}, NULL);
                cycle_end(&s);
                gc_get_stats(s.gc, &stats);
                for (enum gc_phase phase = 0; phase < _GC_PHASE_N; phase++) {
                        const struct gc_phase_time *time = &stats.last.phases[phase];

                        cr_assert_eq(time->wall_ns > 0, phase != GC_PHASE_IDLE);
                        cr_assert_eq(time->cpu_ns > 0, phase != GC_PHASE_IDLE);
                        sum_ns += time->wall_ns;
                }
                cr_assert_eq(sum_ns, stats.last.total_ns);
                cr_assert_ge(stats.last.phases[holds[i].phase].wall_ns, held_ns);
                stage_deinit(&s, N_STAGE + 1);
        }
}

/* Workers that mark more spend more, which is charged to MARK. */
Test(cycle, the_workers_cpu_time_is_the_phases)
{
        enum { N = 200000 };
        uint64_t before_ns;
        struct gc_stats stats;
        struct stage s;

        stage_init(&s, 0);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_get_stats(s.gc, &stats);
        before_ns = stats.last.phases[GC_PHASE_MARK].cpu_ns;
        gc_enter(s.a);
        for (int i = 0; i < N; i++) {
                struct word object = make(&s, s.a, i);

                gc_store(s.a, object, LINK, gc_load(s.a, right(&s, s.a), 0));
                gc_store(s.a, right(&s, s.a), 0, object);
                gc_poll(s.a);
        }
        gc_leave(s.a);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_get_stats(s.gc, &stats);
        /* No processor marks an object in a quarter of a nanosecond. */
        cr_assert_gt(stats.last.phases[GC_PHASE_MARK].cpu_ns, before_ns / 1000 + N / 4);
        stage_deinit(&s, N_STAGE + N);
}

/* --- what it takes from the mutators --- */

static uint64_t count_of(struct stage *s, enum gc_time time)
{
        struct histogram histogram;

        gc_get_times(s->gc, time, &histogram);
        return histogram_count(&histogram);
}

Test(toll, idle_mutators_pay_nothing_and_their_handshakes_are_proxied)
{
        struct gc_stats stats;
        struct stage s;

        stage_init(&s, 0);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_get_stats(s.gc, &stats);
        /* Three mutators; ARM, BLACKEN, PROPOSE, DISARM, WHITEN. */
        cr_assert_eq(stats.last.n_proposals, 1u);
        cr_assert_eq(stats.last.handshakes.n, 15u);
        cr_assert_eq(stats.last.handshakes.n_proxied, 15u);
        cr_assert_gt(stats.last.handshakes.longest_ns, 0u);
        cr_assert_ge(stats.last.times_ns[GC_TIME_PROXIED], stats.last.handshakes.longest_ns);
        cr_assert_ge(stats.last.times_ns[GC_TIME_TO_ACK], stats.last.handshakes.ack_longest_ns);
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                if (gc_time_what(time) == GC_TIME_STOLEN) {
                        cr_assert_eq(count_of(&s, time), 0u);
                        cr_assert_eq(stats.last.times_ns[time], 0u);
                }
        }
        stage_deinit(&s, N_STAGE);
}

/* b is in a request when the cycle begins, and answers its first handshake itself. */
Test(toll, an_answer_is_told_from_a_proxys_and_each_cycle_counts_its_own)
{
        enum { HELD = 20 * 1000 * 1000 };
        struct gc_stats stats;
        struct stage s;

        stage_init(&s, 0);
        gc_enter(s.b);
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_REQUESTED);
        nanosleep(&(struct timespec){.tv_nsec = HELD}, NULL);
        gc_leave(s.b);
        cycle_end(&s);
        gc_get_stats(s.gc, &stats);
        cr_assert_eq(stats.last.handshakes.n, 15u);
        cr_assert_eq(stats.last.handshakes.n_proxied, 14u);
        cr_assert_ge(stats.last.handshakes.ack_longest_ns, (uint64_t)HELD);
        cr_assert_eq(count_of(&s, GC_TIME_ANSWER), 1u);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_get_stats(s.gc, &stats);
        cr_assert_eq(stats.last.handshakes.n_proxied, 15u);
        cr_assert_eq(stats.last.times_ns[GC_TIME_ANSWER], 0u);
        cr_assert_eq(stats.n_handshakes, 30u);
        stage_deinit(&s, N_STAGE);
}

/* One in 64 is measured, and what that says of all is near the truth; idle stores are not. */
Test(toll, stores_are_counted_by_sample_while_a_cycle_runs)
{
        enum { N = 1 << 16 };
        struct gc_stats stats;
        struct mutator *leaver;
        struct stage s;
        uint64_t n;

        stage_init(&s, 0);
        cr_assert_eq(gc_attach(s.gc, "leaver", &leaver), 0);
        for (int during = 0; during < 2; during++) {
                if (during) {
                        cr_assert_eq(count_of(&s, GC_TIME_SHADE), 0u);
                        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
                }
                gc_enter(leaver);
                for (uint32_t i = 0; i < N; i++) {
                        gc_store(leaver, right(&s, leaver), 0,
                                 gc_load(leaver, left(&s, leaver), i % 8));
                        gc_poll(leaver);
                }
                gc_store(leaver, right(&s, leaver), 0, word_nil());
                gc_leave(leaver);
        }
        gc_detach(leaver); /* what it was charged stays */
        cycle_end(&s);
        n = count_of(&s, GC_TIME_SHADE);
        cr_assert_gt(n, (uint64_t)N * 9 / 10);
        cr_assert_lt(n, (uint64_t)N * 11 / 10);
        gc_get_stats(s.gc, &stats);
        cr_assert_gt(stats.last.times_ns[GC_TIME_SHADE], 0u);
        cr_assert_eq(stats.last.times_ns[GC_TIME_SHADE], stats.times_ns[GC_TIME_SHADE]);
        stage_deinit(&s, N_STAGE);
}

/* With logs of one entry each object that is marked needs a log of its own. */
Test(toll, a_log_that_is_full_is_charged)
{
        struct stage s;

        stage_init(&s, 1);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        for (uint32_t slot = 0; slot < 5; slot++) {
                hide(&s, s.a, slot);
        }
        gc_leave(s.a);
        /* The holders are black; each chain's first object is shaded. */
        cr_assert_eq(count_of(&s, GC_TIME_LOG), 5u);
        cycle_end(&s);
        stage_deinit(&s, N_STAGE + 5);
}

Test(toll, a_veto_is_charged_and_told)
{
        struct gc_stats stats;
        struct word chain;
        struct stage s;

        stage_init(&s, 0);
        gc_enter(s.a);
        chain = gc_alloc(s.a, s.weak, 1);
        gc_store(s.a, chain, 0, gc_weak_make(s.a, make(&s, s.a, 1)));
        gc_store(s.a, right(&s, s.a), 0, chain);
        gc_leave(s.a);
        cycle_start(&s, GC_PHASE_PROPOSE, GC_POINT_CONTROLLER_WAVE);
        gc_enter(s.a);
        gc_store(s.a, right(&s, s.a), 1, gc_weak_load(s.a, gc_load(s.a, right(&s, s.a), 0), 0));
        gc_leave(s.a);
        cr_assert_eq(count_of(&s, GC_TIME_VETO), 1u);
        cycle_end(&s);
        gc_get_stats(s.gc, &stats);
        cr_assert_eq(stats.last.n_vetoes, 1u);
        gc_wait(s.gc, gc_request(s.gc, GC_REASON_FORCED));
        gc_get_stats(s.gc, &stats);
        cr_assert_eq(stats.last.n_vetoes, 0u);
        cr_assert_eq(stats.n_vetoes, 1u);
        stage_deinit(&s, N_STAGE + 2);
}

struct visitor {
        struct mutator *mutator;
        _Atomic bool begun;
};

static void *visit_main(void *user)
{
        struct visitor *visitor = user;

        visitor->begun = true;
        gc_enter(visitor->mutator);
        gc_leave(visitor->mutator);
        return NULL;
}

/* Until it has spent so much CPU time: that it is waiting for something to happen. */
static void await_cpu_time(pthread_t thread, uint64_t ns)
{
        struct timespec begin, now;
        clockid_t clock;

        pthread_getcpuclockid(thread, &clock);
        clock_gettime(clock, &begin);
        do {
                sched_yield();
                clock_gettime(clock, &now);
        } while ((uint64_t)(now.tv_sec - begin.tv_sec) * 1000000000u + (uint64_t)now.tv_nsec -
                         (uint64_t)begin.tv_nsec <
                 ns);
}

/* The controller is frozen as the proxy of a, its first mutator, which wants to enter. */
Test(toll, waiting_for_a_proxy_is_charged)
{
        struct visitor visitor = {0};
        pthread_t thread;
        struct stage s;

        stage_init(&s, 0);
        visitor.mutator = s.a;
        cycle_start(&s, GC_PHASE_ARM, GC_POINT_CONTROLLER_PROXY);
        pthread_create(&thread, NULL, visit_main, &visitor);
        while (!visitor.begun) {
                sched_yield();
        }
        await_cpu_time(thread, 1000000);
        sem_post(&s.collector.go);
        pthread_join(thread, NULL);
        gc_wait(s.gc, s.cycle);
        cr_assert_eq(count_of(&s, GC_TIME_PROXY), 1u);
        stage_deinit(&s, N_STAGE);
}

/* Holes are dropped when objects begin to be born black and when they no longer are. */
Test(toll, the_first_hole_of_a_class_after_a_handshake_is_charged)
{
        struct stage s;

        stage_init(&s, 0); /* has allocated */
        cr_assert_eq(count_of(&s, GC_TIME_REFILL), 0u);
        cycle_start(&s, GC_PHASE_MARK, GC_POINT_WORKER_ROOTS);
        gc_enter(s.a);
        make(&s, s.a, 1);
        make(&s, s.a, 2);
        cr_assert_eq(count_of(&s, GC_TIME_REFILL), 1u);
        gc_alloc(s.a, s.blob, 1000);
        gc_alloc(s.a, s.blob, 1000);
        cr_assert_eq(count_of(&s, GC_TIME_REFILL), 2u);
        gc_leave(s.a);
        cycle_end(&s);
        gc_enter(s.a);
        make(&s, s.a, 3);
        make(&s, s.a, 4);
        gc_leave(s.a);
        cr_assert_eq(count_of(&s, GC_TIME_REFILL), 3u);
        stage_deinit(&s, N_STAGE);
}
