/* SPDX-License-Identifier: MIT */
#include "store/value.h"

#include "base/assert.h"

const char *value_type_name(enum value_type type)
{
        static const char *const names[_VALUE_N] = {
                [VALUE_NIL] = "nil",          [VALUE_BOOL] = "a bool",
                [VALUE_INT] = "an int",       [VALUE_UINT] = "an int",
                [VALUE_FLOAT] = "a float",    [VALUE_STR] = "a str",
                [VALUE_BIN] = "a bin",        [VALUE_DOC] = "a doc",
                [VALUE_TIME] = "a timestamp", [VALUE_REF] = "a reference",
        };

        hd_assert(type < _VALUE_N);
        return names[type];
}
