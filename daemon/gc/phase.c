/* SPDX-License-Identifier: MIT */
#include "gc/phase.h"

#include "base/assert.h"

#define TO(name) (1u << GC_PHASE_##name)

static const struct {
        const char *name;
        unsigned next;
} phase_table[_GC_PHASE_N] = {
#define PHASE(name_, text, next_) [GC_PHASE_##name_] = {.name = text, .next = next_},
#include "gc/phases.def"
#undef PHASE
};

const char *gc_phase_name(enum gc_phase phase)
{
        hd_assert(phase < _GC_PHASE_N);
        return phase_table[phase].name;
}

bool gc_phase_may_follow(enum gc_phase from, enum gc_phase to)
{
        hd_assert(from < _GC_PHASE_N && to < _GC_PHASE_N);
        return phase_table[from].next >> to & 1;
}
