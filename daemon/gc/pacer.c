/* SPDX-License-Identifier: MIT */
#include "gc/pacer.h"

#define PACER_GARBAGE_MIN (UINT64_C(1) << 20)

static uint64_t pacer_percent_of(uint64_t bytes, int percent)
{
        uint64_t hundreds;

        if (__builtin_mul_overflow(bytes / 100, (uint64_t)percent, &hundreds)) {
                return UINT64_MAX / 2;
        }
        return hundreds + bytes % 100 * (uint64_t)percent / 100;
}

uint64_t pacer_goal(const struct pacer_input *in)
{
        uint64_t goal = UINT64_MAX;

        if (in->percent >= 0) {
                uint64_t growth = pacer_percent_of(in->live_bytes + in->root_bytes, in->percent);
                uint64_t least = pacer_percent_of(in->minimum_bytes, in->percent);

                goal = in->live_bytes + growth;
                goal = goal < least ? least : goal;
        }
        if (in->limit_bytes != 0) {
                uint64_t most = in->limit_bytes / 10 * 9;
                uint64_t floor = in->live_bytes + in->live_bytes / 10;

                most = most < floor ? floor : most;
                goal = goal > most ? most : goal;
        }
        return goal;
}

uint64_t pacer_trigger(uint64_t goal_bytes, uint64_t live_bytes)
{
        if (goal_bytes == UINT64_MAX || goal_bytes <= live_bytes) {
                return goal_bytes;
        }
        return goal_bytes - (goal_bytes - live_bytes) / 4;
}

int pacer_garbage_is_much(uint64_t garbage_bytes, uint64_t heap_bytes)
{
        return garbage_bytes >= PACER_GARBAGE_MIN && garbage_bytes >= heap_bytes / 8;
}

int pacer_limit_cycle_allowed(uint64_t since_last_ns, uint64_t last_took_ns)
{
        return since_last_ns / 9 >= last_took_ns;
}
