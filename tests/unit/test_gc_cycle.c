/* SPDX-License-Identifier: MIT */

/* What a cycle reports of itself (support/stage.h): the time of its phases. */

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
