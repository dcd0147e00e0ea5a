/* SPDX-License-Identifier: MIT */
#include "stats/snapshot.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

/* Fields 22 to 24 of /proc/self/stat: start in ticks since boot, bytes of address space, pages. */
static void process_read_stat(struct process_stats *process)
{
        uint64_t ticks, virtual_bytes, n_pages, per_second = (uint64_t)sysconf(_SC_CLK_TCK);
        char text[2048], *after_name;
        FILE *file = fopen("/proc/self/stat", "re");
        size_t n;

        if (!file) {
                return;
        }
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = '\0';
        after_name = strrchr(text, ')');
        if (after_name && sscanf(after_name,
                                 ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                                 "%*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNu64,
                                 &ticks, &virtual_bytes, &n_pages) == 3) {
                uint64_t up_ns = clock_read_ns(CLOCK_BOOTTIME);
                uint64_t start_ns = ticks / per_second * 1000000000 +
                                    ticks % per_second * (1000000000 / per_second);

                process->start_real_ns = clock_real_ns() - up_ns + start_ns;
                process->virtual_bytes = virtual_bytes;
                process->resident_bytes = n_pages * (uint64_t)sysconf(_SC_PAGESIZE);
        }
}

static uint64_t process_count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        uint64_t n = 0;

        if (!dir) {
                return 0;
        }
        while (readdir(dir)) {
                n++;
        }
        closedir(dir);
        return n > 3 ? n - 3 : 0; /* ".", "..", and the one this looks through */
}

static uint64_t process_limit(int resource)
{
        struct rlimit limit;

        return getrlimit((__rlimit_resource_t)resource, &limit) == 0 ? limit.rlim_cur : 0;
}

void snapshot_take(struct snapshot *ret_snapshot, const struct snapshot_sources *sources)
{
        struct process_stats *process = &ret_snapshot->process;

        *ret_snapshot = (struct snapshot){0};
        heap_get_stats(sources->heap, &ret_snapshot->heap);
        gc_get_stats(sources->gc, &ret_snapshot->gc);
        for (enum gc_time time = 0; time < _GC_TIME_N; time++) {
                gc_get_times(sources->gc, time, &ret_snapshot->gc_times[time]);
        }
        store_get_stats(sources->store, &ret_snapshot->store);
        net_get_stats(sources->net, &ret_snapshot->net);
        process->cpu_ns = clock_process_cpu_ns();
        process->n_fds = process_count_fds();
        process->n_fds_max = process_limit(RLIMIT_NOFILE);
        process->virtual_max_bytes = process_limit(RLIMIT_AS);
        process_read_stat(process);
}
