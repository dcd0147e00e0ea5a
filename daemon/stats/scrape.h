/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Scrape: answers GET /metrics on the service loop, one request per connection.
 *
 * Owns:     its listener and connections, at most SCRAPE_PEERS_MAX; borrows loop and sources.
 * Threads:  the service loop's.
 * Failure:  ends the connection; more than the bound are told 503.
 */

#include "base/list.h"
#include "loop/listener.h"
#include "loop/loop.h"
#include "stats/snapshot.h"

#define SCRAPE_PEERS_MAX   16u
#define SCRAPE_DEADLINE_MS 5000u

struct scrape {
        struct listener listener;
        uv_timer_t tick;
        struct loop *loop;
        struct snapshot_sources sources;
        struct list peers;
        unsigned n_peers; /* also those that are closing */
};

/* Takes the listening `fd`. */
int scrape_open(struct scrape *scrape, struct loop *loop, int fd,
                const struct snapshot_sources *sources);
/* The memory is free once the loop has ended. */
void scrape_close(struct scrape *scrape);
