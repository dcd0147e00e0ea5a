/* SPDX-License-Identifier: MIT */

/*
 * The pacer in closed loop: a simulated heap allocates at a given rate, keeps what it is told to,
 * and its cycles take as long as marking takes. No threads and no clock: time is computed.
 */

#include <stdio.h>

#include "gc/pacer.h"
#include "support/seed.h"
#include "support/unit.h"

#define MIB        (UINT64_C(1) << 20)
#define REPORT     (UINT64_C(16) << 10) /* how far a mutator gets before it is noticed */
#define CYCLES_MAX 64
#define HELD_PART  0.02 /* of the rate that those in debt get through, held as they are */
#define START_NS   300000.0
#define NOISE      0.1 /* of the rate of marking */
#define MINIMUM    (4 * MIB)

/* What mutators do at a time: bytes per second they allocate, and bytes they hold on to. */
struct load {
        double rate;
        double held;
};

typedef struct load load_fn(double seconds);

struct run {
        struct seed seed;
        struct pacer pacer;
        struct pacer_plan plan;
        double seconds;
        double mark_rate;
        int percent;
        bool back_pressure;
        load_fn *load;
        /* by cycle */
        double peak[CYCLES_MAX]; /* 1: at the goal; 0: what was live */
        double part[CYCLES_MAX]; /* of the growth at which it started */
        double growth[CYCLES_MAX];
        double start[CYCLES_MAX];
};

/* Allocates until so many bytes are there or so many seconds have gone by, in steps of 1 ms. */
static double run_allocate(struct run *run, double bytes_max, double seconds_max, double room)
{
        double bytes = 0, end = run->seconds + seconds_max, step;

        while (bytes < bytes_max && run->seconds < end) {
                double rate = run->load(run->seconds).rate;

                if (run->back_pressure && bytes > room) {
                        rate *= HELD_PART;
                }
                step = end - run->seconds < 0.001 ? end - run->seconds : 0.001;
                if (rate * step > bytes_max - bytes) {
                        step = (bytes_max - bytes) / rate;
                }
                bytes += rate * step;
                run->seconds += step;
                if (step <= 0) {
                        break;
                }
        }
        return bytes;
}

static void run_cycle(struct run *run, unsigned i, uint64_t *live)
{
        double trigger, began, during, length, noise, growth, room;
        struct pacer_sample sample;
        struct pacer_input in = {.limit_bytes = UINT64_MAX,
                                 .minimum_bytes = MINIMUM,
                                 .percent = run->percent,
                                 .live_bytes = *live};

        pacer_make_plan(&run->pacer, &in, &run->plan);
        growth = (double)(run->plan.goal_bytes - *live);
        trigger = (double)(run->plan.trigger_bytes - *live);
        trigger = run_allocate(run, trigger + (double)seed_below(&run->seed, REPORT), 1e6, 1e18);
        began = run->seconds;
        noise = 1 + NOISE * ((double)seed_below(&run->seed, 2001) / 1000 - 1);
        length = START_NS / 1e9 + run->load(began).held / (run->mark_rate * noise);
        room = (double)(run->plan.hard_bytes - *live) - trigger;
        during = run_allocate(run, 1e18, length, room > 0 ? room : 0);
        run->start[i] = began;
        run->growth[i] = growth;
        run->part[i] = trigger / growth;
        run->peak[i] = (trigger + during) / growth;
        /* What was allocated during the cycle was born black. */
        *live = (uint64_t)(run->load(run->seconds).held + during);
        sample = (struct pacer_sample){.live_bytes = *live,
                                       .total_ns = (uint64_t)(length * 1e9),
                                       .allocated_bytes = (uint64_t)during,
                                       .marking_ns = (uint64_t)(length * 1e9),
                                       .representative = true};
        pacer_learn(&run->pacer, &sample);
}

static void run_load(struct run *run, unsigned n_cycles)
{
        uint64_t live = (uint64_t)run->load(0).held;

        seed_init(&run->seed);
        for (unsigned i = 0; i < n_cycles; i++) {
                run_cycle(run, i, &live);
        }
}

static double run_highest(const struct run *run, unsigned from, unsigned to)
{
        double highest = 0;

        for (unsigned i = from; i < to; i++) {
                highest = run->peak[i] > highest ? run->peak[i] : highest;
        }
        return highest;
}

static struct load steady(double seconds)
{
        (void)seconds;
        return (struct load){.rate = 200e6, .held = 500e6};
}

Test(pacing, a_steady_load_ends_its_cycles_at_the_goal)
{
        struct run run = {.load = steady, .mark_rate = 1e9, .percent = 100};

        run_load(&run, 40);
        for (unsigned i = 6; i < 40; i++) {
                cr_assert_lt(run.peak[i], 1.02, "cycle %u ended at %.3f of its growth", i,
                             run.peak[i]);
                cr_assert_gt(run.peak[i], 0.85, "cycle %u ended at %.3f of its growth", i,
                             run.peak[i]);
        }
}

/* No oscillation: what noise there is comes from the marking's own. */
Test(pacing, a_steady_load_gets_a_steady_trigger)
{
        struct run run = {.load = steady, .mark_rate = 1e9, .percent = 100};

        run_load(&run, 40);
        for (unsigned i = 11; i < 40; i++) {
                double step = run.part[i] - run.part[i - 1];

                cr_assert(step < 0.03 && step > -0.03, "cycle %u starts at %.3f after %.3f", i,
                          run.part[i], run.part[i - 1]);
        }
}

Test(pacing, every_percentage_is_kept)
{
        for (int percent = 25; percent <= 400; percent *= 2) {
                struct run run = {.load = steady, .mark_rate = 4e9, .percent = percent};

                run_load(&run, 30);
                cr_assert_lt(run_highest(&run, 6, 30), 1.02, "at %d %%", percent);
        }
}

static struct load ramp(double seconds)
{
        double rate = 20e6 * (1 + seconds / 2);

        return (struct load){.rate = rate < 400e6 ? rate : 400e6, .held = 200e6 + seconds * 5e6};
}

Test(pacing, a_ramp_passes_no_goal_by_more_than_a_twentieth_of_the_growth)
{
        struct run run = {.load = ramp, .mark_rate = 1e9, .percent = 100};

        run_load(&run, 60);
        cr_assert_lt(run_highest(&run, 3, 60), 1.05, "at %.3f", run_highest(&run, 3, 60));
        cr_assert_gt(run.start[59], 40); /* it has gone up twentyfold */
}

static struct load spike(double seconds)
{
        bool now = seconds > 30 && seconds < 31;

        return (struct load){.rate = now ? 4000e6 : 50e6, .held = 500e6};
}

Test(pacing, a_spike_is_held_at_the_hard_goal)
{
        struct run run = {.load = spike, .mark_rate = 1e9, .percent = 100, .back_pressure = true};
        struct run free = {.load = spike, .mark_rate = 1e9, .percent = 100};

        run_load(&run, 12);
        run_load(&free, 12);
        cr_assert_lt(run_highest(&run, 0, 12), 1.2);
        /* So the load is one that needs it. */
        cr_assert_gt(run_highest(&free, 0, 12), 1.5);
}

Test(pacing, a_spike_is_forgotten)
{
        struct run run = {.load = spike, .mark_rate = 1e9, .percent = 100, .back_pressure = true};
        double before = 0;
        unsigned after = 0;

        run_load(&run, 40);
        for (unsigned i = 0; i < 40; i++) {
                if (run.start[i] < 30) {
                        before = run.part[i];
                } else if (run.start[i] > 31 && ++after > 12) {
                        cr_assert(run.part[i] > before - 0.1,
                                  "%u cycles after the spike, one starts at %.3f, not %.3f", after,
                                  run.part[i], before);
                }
        }
        cr_assert_gt(after, 12);
}

static struct load sawtooth(double seconds)
{
        unsigned second = (unsigned)seconds;

        return (struct load){.rate = second % 10 < 5 ? 300e6 : 30e6,
                             .held = 300e6 + 40e6 * (double)(second % 10)};
}

Test(pacing, a_sawtooth_passes_the_hard_goal_by_no_more_than_it_is_held_at)
{
        struct run run = {
                .load = sawtooth, .mark_rate = 1e9, .percent = 100, .back_pressure = true};

        run_load(&run, 60);
        cr_assert_lt(run_highest(&run, 0, 60), 1.12);
}

static struct load burst(double seconds)
{
        return (struct load){.rate = (unsigned)(seconds / 60) % 2 ? 400e6 : 1e6, .held = 500e6};
}

Test(pacing, a_burst_after_idling_passes_the_hard_goal_by_no_more_than_it_is_held_at)
{
        struct run run = {.load = burst, .mark_rate = 1e9, .percent = 100, .back_pressure = true};

        run_load(&run, 60);
        cr_assert_lt(run_highest(&run, 0, 60), 1.12);
}

static struct load torrent(double seconds)
{
        (void)seconds;
        return (struct load){.rate = 3000e6, .held = 500e6};
}

/* Three bytes allocated for each that is marked: no trigger is early enough. */
Test(pacing, a_load_faster_than_marking_passes_the_goal_by_what_the_header_says)
{
        struct run run = {.load = torrent, .mark_rate = 1e9, .percent = 100};
        struct run held = {
                .load = torrent, .mark_rate = 1e9, .percent = 100, .back_pressure = true};

        run_load(&run, 40);
        run_load(&held, 40);
        for (unsigned i = 6; i < 40; i++) {
                double during = run.peak[i] - run.part[i];

                cr_assert_lt(run.peak[i], 1 + during - 0.7 + 0.01);
                cr_assert_lt(held.peak[i], 1.2);
        }
}
