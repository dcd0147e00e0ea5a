/* SPDX-License-Identifier: MIT */
#include "base/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file's beginning as text; false if there is none. */
static bool cgroup_read(const char *path, char *text, size_t n_text)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0) {
                return false;
        }
        n = read(fd, text, n_text - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        return n > 0;
}

/* "0::/path" for version 2, "4:memory:/path" for version 1: writes the path, with the mount before
 * it. */
static bool cgroup_find(const char *proc, const char *mount, bool version_1, char path[PATH_MAX])
{
        char text[4096], *line, *rest;
        char file[PATH_MAX];
        int n;

        snprintf(file, sizeof(file), "%s/cgroup", proc);
        if (!cgroup_read(file, text, sizeof(text))) {
                return false;
        }
        for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *name = strchr(line, ':'), *where = name ? strchr(name + 1, ':') : NULL;

                if (!where) {
                        continue;
                }
                *where++ = '\0';
                if (strcmp(name + 1, version_1 ? "memory" : "") == 0) {
                        n = snprintf(path, PATH_MAX, "%s%s%s", mount, version_1 ? "/memory" : "",
                                     strcmp(where, "/") == 0 ? "" : where);
                        return n > 0 && n < PATH_MAX;
                }
        }
        return false;
}

static uint64_t cgroup_number(const char *group, const char *name)
{
        char file[PATH_MAX + 32], text[64], *end;
        unsigned long long number;

        snprintf(file, sizeof(file), "%s/%s", group, name);
        if (!cgroup_read(file, text, sizeof(text))) {
                return UINT64_MAX;
        }
        number = strtoull(text, &end, 10); /* "max" is none */
        return end == text ? UINT64_MAX : number;
}

static uint64_t cgroup_lowest(char *group, size_t n_mount, const char *const names[2])
{
        uint64_t lowest = UINT64_MAX;

        for (;;) {
                char *slash;

                for (unsigned i = 0; i < 2 && names[i]; i++) {
                        uint64_t number = cgroup_number(group, names[i]);

                        lowest = number < lowest ? number : lowest;
                }
                slash = strrchr(group, '/');
                if (strlen(group) <= n_mount || !slash) {
                        return lowest;
                }
                *slash = '\0';
        }
}

uint64_t cgroup_memory_limit(const char *proc, const char *mount)
{
        static const char *const version_1[2] = {"memory.limit_in_bytes"};
        static const char *const version_2[2] = {"memory.max", "memory.high"};
        uint64_t lowest = UINT64_MAX, other;
        char group[PATH_MAX];

        if (cgroup_find(proc, mount, false, group)) {
                lowest = cgroup_lowest(group, strlen(mount), version_2);
        }
        if (cgroup_find(proc, mount, true, group)) {
                other = cgroup_lowest(group, strlen(mount) + strlen("/memory"), version_1);
                /* What stands for none there: the largest number of whole pages. */
                other = other >= INT64_MAX / 2 ? UINT64_MAX : other;
                lowest = other < lowest ? other : lowest;
        }
        return lowest;
}
