/* SPDX-License-Identifier: MIT */

/* Control groups in folders of the test's own, laid out as the kernel's. */

#include "base/cgroup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/unit.h"

static char folder[64];

static void setup(void)
{
        strcpy(folder, "/tmp/heapd-cgroup-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
}

static void cleanup(void)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -r '%s'", folder);
        cr_assert_eq(system(command), 0);
}

static void make(const char *path)
{
        char full[256];

        snprintf(full, sizeof(full), "%s/%s", folder, path);
        cr_assert_eq(mkdir(full, 0700), 0);
}

static void put(const char *path, const char *text)
{
        char full[256];
        FILE *file;

        snprintf(full, sizeof(full), "%s/%s", folder, path);
        file = fopen(full, "w");
        cr_assert_not_null(file);
        fputs(text, file);
        fclose(file);
}

static uint64_t limit(void)
{
        return cgroup_memory_limit(folder, folder);
}

Test(cgroup, without_groups_there_is_no_limit, .init = setup, .fini = cleanup)
{
        cr_assert_eq(limit(), UINT64_MAX);
        put("cgroup", "0::/\n");
        cr_assert_eq(limit(), UINT64_MAX);
        put("cgroup", "nonsense");
        cr_assert_eq(limit(), UINT64_MAX);
}

Test(cgroup, the_lowest_limit_on_the_way_up_counts, .init = setup, .fini = cleanup)
{
        put("cgroup", "0::/system.slice/heapd.service\n");
        make("system.slice");
        make("system.slice/heapd.service");
        put("system.slice/heapd.service/memory.max", "max\n");
        put("system.slice/heapd.service/memory.high", "max\n");
        cr_assert_eq(limit(), UINT64_MAX);
        put("system.slice/heapd.service/memory.max", "3000000\n");
        cr_assert_eq(limit(), 3000000u);
        put("system.slice/heapd.service/memory.high", "2000000\n");
        cr_assert_eq(limit(), 2000000u);
        put("system.slice/memory.max", "1000000\n");
        cr_assert_eq(limit(), 1000000u);
        put("memory.max", "500000\n");
        cr_assert_eq(limit(), 500000u);
}

Test(cgroup, version_1_is_understood, .init = setup, .fini = cleanup)
{
        put("cgroup", "9:name=systemd:/\n4:memory:/box/inner\n1:cpu:/\n0::/\n");
        make("memory");
        make("memory/box");
        make("memory/box/inner");
        put("memory/box/inner/memory.limit_in_bytes", "9223372036854771712\n");
        put("memory/memory.limit_in_bytes", "9223372036854771712\n");
        cr_assert_eq(limit(), UINT64_MAX);
        put("memory/box/memory.limit_in_bytes", "268435456\n");
        cr_assert_eq(limit(), 268435456u);
}
