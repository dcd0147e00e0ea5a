/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Conn: one client's connection, and what the files of net/ share. Private to net/.
 *
 * Reading: while a connection has no half a message in hand, it reads into the one buffer that all
 * share; only what a turn leaves over is kept, in memory of its own that grows as bytes arrive.
 * Writing: a turn's answers are collected in the one writer that all share; only what the socket
 * does not take at once becomes the connection's own. So an idle connection holds no buffer at all.
 *
 * Life: open -> ending (EOF, bye, not MessagePack-RPC: the session is over, answers are flushed) ->
 * closing (uv_close() called) -> freed in libuv's callback. Only conn_free_closed() frees (NET-1).
 *
 * Threads:  the executor. Failure: ends the connection.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "loop/listener.h"
#include "net/net.h"
#include "proto/limits.h"
#include "proto/request.h"
#include "proto/scanner.h"
#include "proto/writer.h"

struct session;

#define CONN_READ_BYTES     (64u << 10)
#define CONN_OUT_HIGH       (1u << 20)   /* not read from above this, */
#define CONN_OUT_LOW        (256u << 10) /* until below that */
#define CONN_OUT_KEEP       (64u << 10)  /* of the shared writer, between turns */
#define CONN_LINGER_MS      10000u       /* for answers that a peer does not fetch after its end */
#define PRESSURE_DEBT_BYTES (64u << 10)
#define PRESSURE_HOLD_MS    10u
#define TURN_REQUESTS_MAX   256u
#define TURN_UNITS_MAX      8192u
#define NET_TICK_MS         50u
#define NET_SPARE_FDS       64u

struct net_listener {
        struct listener listener;
        struct net *net;
};

struct net {
        struct net_config config;
        struct limits limits;
        struct net_listener listeners[NET_LISTENERS_MAX];
        unsigned n_listeners;
        unsigned n_open; /* listeners and handles not closed yet */
        struct list conns;
        struct list turns;  /* conns with messages in hand, next one first */
        struct list parked; /* struct parked, by cycle */
        uv_idle_t idle;     /* active while there are turns to take: keeps the loop from sleeping */
        bool purging;       /* the store has something to do between turns */
        uv_timer_t tick;    /* active while somebody is ending */
        struct list held;   /* conns that wait for the collector */
        uv_timer_t relief;  /* active while there are any */
        unsigned n_ending;
        bool draining;
        uint64_t drain_deadline_ms;
        void (*drained)(void *user);
        void *drained_user;
        struct writer out; /* of the turn in hand; empty between turns (NET-3) */
        struct request request;
        uint8_t *read_buffer; /* CONN_READ_BYTES */

        /* Written by the executor, read by anybody. */
        _Atomic uint64_t n_connections, n_accepted, n_refused;
        _Atomic uint64_t n_requests, n_errors, n_notifications_unknown, n_unparsable, n_parked;
        _Atomic uint64_t n_held;
        _Atomic uint64_t received_bytes, sent_bytes;
};

struct inbox {
        uint8_t *bytes;
        size_t at; /* start of the first message not executed */
        size_t n;
        size_t n_cap;
        size_t n_fed; /* of that message, already seen by the scanner */
};

struct conn {
        struct list node; /* in net->conns */
        struct list turn; /* in net->turns */
        struct list hold; /* in net->held */
        uint64_t debt_bytes;
        struct net *net;
        struct session *session; /* NULL once over */
        uv_pipe_t pipe;
        uv_write_t write;
        struct scanner scanner;
        struct inbox inbox;   /* empty: nothing in hand */
        struct writer flight; /* being written */
        struct writer queued; /* to be written next */
        struct list parked;   /* struct parked */
        unsigned n_parked;
        bool reading;
        bool writing; /* flight is with libuv */
        bool blocked; /* too much output */
        bool admin;   /* root, or who the daemon runs as */
        bool late;    /* what is read from now on came after the drain began */
        bool touched; /* something was read since the last tick */
        bool bye;     /* ends after this turn */
        bool ending;
        bool closing;
        uint64_t deadline_ms; /* ending: when patience is over */
};

/* Adds to a counter that only the executor writes. */
#define net_count(counter, by)                                                                     \
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (by), \
                              memory_order_relaxed)

/* Takes `fd`; on failure it is closed. */
void conn_open(struct net *net, int fd);
/* The session is over; closes when what is to be written is written. Not inside a request. */
void conn_end(struct conn *conn);
void conn_close(struct conn *conn);
void conn_check_deadline(struct conn *conn, uint64_t now_ms);

/* Where to write an answer, followed by conn_flush(). */
struct writer *conn_out(struct conn *conn);
void conn_flush(struct conn *conn);
/* Bytes of answers that the peer has not taken, those of the turn in hand included. */
size_t conn_out_bytes(const struct conn *conn);
/* Reads, waits for its turn, or waits for its peer, whichever fits its state now. */
void conn_settle(struct conn *conn);

bool conn_has_work(const struct conn *conn);

/* Room at the end of what is in hand; false without memory. */
bool inbox_reserve(struct inbox *inbox, size_t n_max, uint8_t **ret_bytes, size_t *ret_n);
/* Keeps `n` bytes that a turn has left over. */
bool inbox_keep(struct inbox *inbox, const uint8_t *bytes, size_t n);
void inbox_clear(struct inbox *inbox);

/* One turn on bytes that were read now or earlier; conn_settle() must follow. */
void conn_turn(struct conn *conn, const uint8_t *bytes, size_t n);
/* Executes messages in bytes[0, n) until its turn is over; returns how many bytes it has used. */
size_t turn_take(struct conn *conn, const uint8_t *bytes, size_t n);
/* The round: one turn for each connection that waits for one. */
void turn_on_idle(uv_idle_t *idle);
/* Looks after those who are ending. */
void net_on_tick(uv_timer_t *tick);

/* A turn has allocated so much: who owes the collector too much has to wait. */
void pressure_weigh(struct conn *conn, uint64_t allocated_bytes);

/* Answers when the cycle has ended. LIMIT: false. */
bool parked_add(struct conn *conn, uint32_t msgid, uint64_t cycle);
void parked_drop(struct conn *conn);
void parked_shutdown(struct net *net);
