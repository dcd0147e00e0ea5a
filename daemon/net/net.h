/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Net: the clients. Connections on the executor loop; the face that the daemon, stats and console
 * use.
 *
 * A read from a connection is cut into messages, all requests in it are executed, and their answers
 * leave in one write. Connections take turns: a turn ends after TURN_REQUESTS_MAX requests or
 * TURN_UNITS_MAX units of work, and what is left of the read waits for the next round. A peer that
 * does not read its answers is not read from until it does.
 *
 * Owns:     its listeners, connections and their sessions; borrows loop, store, gc and mutator.
 * Threads:  the executor, except net_get_stats(), and what comes before its loop runs.
 * Failure:  whatever goes wrong with a connection ends that connection and nothing else. SIGPIPE
 * must be ignored.
 */

#include <stdint.h>

#include "loop/loop.h"

struct gc;
struct heap;
struct limits;
struct mutator;
struct net;
struct store;

#define NET_LISTENERS_MAX 4u
#define NET_DRAIN_MS      2000u

struct net_config {
        struct loop *loop;
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        const struct limits *limits; /* copied */
        uint32_t n_connections_max;  /* 0: what the descriptors allow */
};

struct net_stats {
        uint64_t n_connections, n_accepted, n_refused;
        uint64_t n_requests, n_errors;
        uint64_t n_notifications_unknown;
        uint64_t n_unparsable;
        uint64_t n_parked;
        uint64_t n_held; /* times that a connection had to wait for the collector */
        uint64_t received_bytes, sent_bytes;
};

int net_new(struct net **ret_net, const struct net_config *config);
/* Everything is closed: after `drained`, or when the loop never ran. */
void net_free(struct net *net);

/* Takes the listening `fd`. */
int net_listen(struct net *net, int fd);

/* Stops accepting, executes what was read, answers SHUTDOWN to what comes later, and closes each
 * connection once its answers are written, at the latest after NET_DRAIN_MS. */
void net_drain(struct net *net, void (*drained)(void *user), void *user);

/* Answers those who wait for a cycle up to this one, and lets the store tidy up after it. */
void net_cycle_ended(struct net *net, uint64_t cycle);

/* Any thread. */
void net_get_stats(const struct net *net, struct net_stats *ret_stats);
