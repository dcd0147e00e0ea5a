/* SPDX-License-Identifier: MIT */
#include "store/kind.h"

#include "base/assert.h"

static const struct {
        const char *name;
        bool noscan;
        bool object;
} kinds[_KIND_N] = {
        [KIND_NONE] = {"none", false, false},
#define KIND(symbol, name, noscan, object) [KIND_##symbol] = {name, noscan, object},
#include "store/kind.def"
#undef KIND
};

const char *kind_name(enum kind kind)
{
        hd_assert(kind < _KIND_N);
        return kinds[kind].name;
}

bool kind_is_noscan(enum kind kind)
{
        hd_assert(kind < _KIND_N);
        return kinds[kind].noscan;
}

bool kind_is_object(enum kind kind)
{
        hd_assert(kind < _KIND_N);
        return kinds[kind].object;
}
