/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Scrape: answers GET requests for statistics (resources.def) on the service loop, one per
 * connection.
 *
 * Owns:     its listener and connections, at most SCRAPE_PEERS_MAX; borrows loop and sources.
 * Threads:  the service loop's.
 * Failure:  ends the connection; more than the bound are told 503.
 */

#include "base/list.h"
#include "loop/listener.h"
#include "loop/loop.h"
#include "stats/cycle_log.h"
#include "stats/snapshot.h"

#define SCRAPE_PEERS_MAX   16u
#define SCRAPE_DEADLINE_MS 5000u
/* Who follow, and stay: the others' places are for those who come and go. */
#define SCRAPE_FOLLOWERS_MAX 8u

struct scrape_sources {
        struct snapshot_sources snapshot;
        struct cycle_log *cycles;
        uint64_t start_ns; /* of the daemon, for gctrace */
};

struct scrape {
        struct listener listener;
        uv_timer_t tick;
        struct loop *loop;
        struct scrape_sources sources;
        struct list peers;
        unsigned n_peers, n_followers; /* also those that are closing */
};

/* Takes the listening `fd`. */
int scrape_open(struct scrape *scrape, struct loop *loop, int fd,
                const struct scrape_sources *sources);
/* A cycle is in the log: whoever follows is told. */
void scrape_cycle_ended(struct scrape *scrape);
/* The memory is free once the loop has ended. */
void scrape_close(struct scrape *scrape);
