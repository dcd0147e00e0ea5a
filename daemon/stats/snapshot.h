/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Snapshot: every number the daemon shows, taken at one moment from where it is kept.
 *
 * Owns:     nothing.
 * Threads:  any; taking one never waits for a request.
 * Failure:  none; what the kernel will not tell is 0.
 */

#include <stdint.h>

#include "gc/gc.h"
#include "heap/heap.h"
#include "net/net.h"
#include "store/store.h"

struct snapshot_sources {
        struct heap *heap;
        struct gc *gc;
        const struct store *store;
        const struct net *net;
};

/* As client libraries of Prometheus report it. */
struct process_stats {
        uint64_t cpu_ns;
        uint64_t start_real_ns;
        uint64_t virtual_bytes, virtual_max_bytes, resident_bytes;
        uint64_t n_fds, n_fds_max;
};

struct snapshot {
        struct heap_stats heap;
        struct gc_stats gc;
        struct histogram gc_times[_GC_TIME_N];
        struct store_stats store;
        struct net_stats net;
        struct process_stats process;
};

void snapshot_take(struct snapshot *ret_snapshot, const struct snapshot_sources *sources);
