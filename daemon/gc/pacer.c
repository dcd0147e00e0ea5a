/* SPDX-License-Identifier: MIT */
#include "gc/pacer.h"

#include "base/assert.h"

#define PACER_GARBAGE_MIN (UINT64_C(1) << 20)
#define PACER_GAIN        0.25 /* of a new sample: the last four cycles make most of the rate */
#define PACER_RUNWAY_MIN  0.05 /* parts of the growth that a cycle is started before its goal */
#define PACER_RUNWAY_MAX  0.70
#define PACER_RUNWAY_NEW  0.25 /* while nothing has been learned */

static uint64_t pacer_percent_of(uint64_t bytes, uint64_t percent)
{
        uint64_t hundreds;

        if (__builtin_mul_overflow(bytes / 100, percent, &hundreds)) {
                return UINT64_MAX / 2;
        }
        return hundreds + bytes % 100 * percent / 100;
}

static double pacer_rate(uint64_t bytes, uint64_t ns)
{
        return (double)(bytes > 0 ? bytes : 1) / (double)(ns > 0 ? ns : 1);
}

void pacer_learn(struct pacer *pacer, const struct pacer_sample *sample)
{
        double ratio = pacer_rate(sample->allocated_bytes, sample->marking_ns) /
                       pacer_rate(sample->live_bytes, sample->total_ns);
        double off;

        /* A cycle that somebody asked for in a quiet hour says nothing about the next busy one. */
        if (!sample->representative) {
                return;
        }
        if (pacer->ratio <= 0) {
                pacer->ratio = ratio;
                pacer->deviation = ratio / 2;
                return;
        }
        off = ratio - pacer->ratio;
        pacer->ratio += off * PACER_GAIN;
        off = off < 0 ? -off : off;
        pacer->deviation += (off - pacer->deviation) * PACER_GAIN;
}

static void pacer_find_goal(const struct pacer_input *in, struct pacer_plan *plan)
{
        uint64_t live = in->live_bytes;

        plan->goal_bytes = UINT64_MAX;
        plan->limited = false;
        if (in->percent >= 0) {
                uint64_t growth = pacer_percent_of(live + in->root_bytes, (uint64_t)in->percent);
                uint64_t least = pacer_percent_of(in->minimum_bytes, (uint64_t)in->percent);

                plan->goal_bytes = live + growth;
                plan->goal_bytes = plan->goal_bytes < least ? least : plan->goal_bytes;
        }
        if (plan->goal_bytes > in->limit_bytes) {
                uint64_t floor = live + pacer_percent_of(live, PACER_PERCENT_FLOOR);

                floor = floor < in->limit_bytes ? in->limit_bytes : floor;
                plan->limited = floor < plan->goal_bytes;
                plan->goal_bytes = plan->limited ? floor : plan->goal_bytes;
        }
}

/* The part of the growth that mutators will allocate while a cycle marks what is live. */
static double pacer_runway(const struct pacer *pacer, uint64_t live, uint64_t growth)
{
        double part;

        if (pacer->ratio <= 0 || growth == 0) {
                return PACER_RUNWAY_NEW;
        }
        part = (pacer->ratio + 2 * pacer->deviation) * (double)live / (double)growth;
        if (part < PACER_RUNWAY_MIN) {
                return PACER_RUNWAY_MIN;
        }
        return part > PACER_RUNWAY_MAX ? PACER_RUNWAY_MAX : part;
}

void pacer_make_plan(const struct pacer *pacer, const struct pacer_input *in,
                     struct pacer_plan *ret_plan)
{
        struct pacer_plan plan = {0};
        uint64_t live = in->live_bytes, base = live + in->root_bytes, growth;

        pacer_find_goal(in, &plan);
        if (plan.goal_bytes == UINT64_MAX) {
                plan.trigger_bytes = plan.hard_bytes = UINT64_MAX;
                *ret_plan = plan;
                return;
        }
        growth = plan.goal_bytes > live ? plan.goal_bytes - live : 0;
        plan.trigger_bytes = plan.goal_bytes -
                             (uint64_t)((double)growth * pacer_runway(pacer, live, growth));
        plan.hard_bytes = plan.goal_bytes + growth / 10;
        plan.effective_percent = base > 0 ? (uint64_t)(100.0 * (double)growth / (double)base) : 0;
        *ret_plan = plan;
}

bool pacer_garbage_is_much(uint64_t garbage_bytes, uint64_t heap_bytes)
{
        return garbage_bytes >= PACER_GARBAGE_MIN && garbage_bytes >= heap_bytes / 8;
}

static double pacer_share(unsigned n_cpus)
{
        return PACER_CPU_SHARE / 100.0 * n_cpus;
}

void pacer_budget_spend(struct pacer_budget *budget, uint64_t elapsed_ns, uint64_t cpu_ns,
                        unsigned n_cpus)
{
        budget->spent_ns += (double)cpu_ns - (double)elapsed_ns * pacer_share(n_cpus);
        if (budget->spent_ns < 0) {
                budget->spent_ns = 0;
        }
}

uint64_t pacer_budget_wait_ns(const struct pacer_budget *budget, unsigned n_cpus)
{
        double over = budget->spent_ns - (double)PACER_WINDOW_NS * pacer_share(n_cpus);

        return over > 0 ? (uint64_t)(over / pacer_share(n_cpus)) + 1 : 0;
}

const char *pacer_band_name(enum pacer_band band)
{
        static const char *const names[] = {
                [PACER_GREEN] = "green", [PACER_AMBER] = "amber", [PACER_RED] = "red"};

        hd_assert(band <= PACER_RED);
        return names[band];
}

uint64_t pacer_amber_bytes(uint64_t base_bytes, uint64_t limit_bytes)
{
        if (limit_bytes == UINT64_MAX) {
                return UINT64_MAX;
        }
        return limit_bytes > base_bytes ? limit_bytes - (limit_bytes - base_bytes) / 4
                                        : limit_bytes;
}

enum pacer_band pacer_band(uint64_t base_bytes, uint64_t inuse_bytes, uint64_t limit_bytes)
{
        if (limit_bytes == UINT64_MAX) {
                return PACER_GREEN;
        }
        if (base_bytes + base_bytes / 10 > limit_bytes) {
                return PACER_RED;
        }
        return inuse_bytes > pacer_amber_bytes(base_bytes, limit_bytes) ? PACER_AMBER : PACER_GREEN;
}
