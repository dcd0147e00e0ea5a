/* SPDX-License-Identifier: MIT */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hd_assert_failed(const char *what, const char *file, int line, const char *func)
{
        fprintf(stderr, "heapd: %s:%d: %s: assertion '%s' failed\n", file, line, func, what);
        fflush(stderr);
        abort();
}
