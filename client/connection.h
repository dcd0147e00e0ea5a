/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Connection: the inside of struct heapd. The socket, what is queued for it, what came from it, and
 * which requests are not answered yet.
 *
 * The socket is only ever used without waiting; connection_turn() waits for either direction. So
 * a long pipeline is read from while it is written, and neither side blocks on the other.
 *
 * Owns:     everything in it, results included until they are taken.
 * Threads:  one at a time.
 * Failure:  as heapd.h says. A transport failure is kept in `broken` and returned ever after.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/include/heapd.h"
#include "client/numbers.h"
#include "proto/envelope.h"
#include "proto/limits.h"
#include "proto/scanner.h"
#include "proto/writer.h"

enum {
        CONNECTION_MESSAGE_BYTES_MAX = LIMIT_MESSAGE_BYTES_MAX,
        CONNECTION_PUSH_BYTES = 65536,       /* so much queued is sent without being asked */
        CONNECTION_OUT_BYTES = 262144,       /* more than that is waited for */
        CONNECTION_KEPT_BYTES = 67108864,    /* results that wait to be read */
        CONNECTION_WINDOW = LIMIT_IN_FLIGHT, /* requests the daemon is given at a time */
        CONNECTION_PENDING_MAX = 1048576,    /* requests queued or sent and not answered */
        CONNECTION_METHOD_BYTES_MAX = 64,
        CONNECTION_TEXT_BYTES = 512,
};

/* What becomes of an answer. */
enum pending_fate { PENDING_KEEP, PENDING_CHECK, PENDING_DISCARD, PENDING_ANSWERED };

struct pending {
        uint32_t id;
        enum pending_fate fate;
        uint64_t end; /* position in the stream of bytes sent: the request ends here */
};

struct heapd_result {
        struct heapd_result *next;
        uint32_t id;
        struct response response; /* points into bytes */
        struct heapd_value value;
        size_t n_bytes;
        uint8_t bytes[];
};

struct failure {
        int code;
        char text[CONNECTION_TEXT_BYTES];
};

struct heapd {
        int fd;
        int timeout_ms;
        int broken; /* negative errno once the transport has failed */

        /* the request being built: its parameters, without the envelope */
        char method[CONNECTION_METHOD_BYTES_MAX + 1];
        struct writer params;
        bool building;
        int build_error;
        uint32_t n_params;
        unsigned depth;
        uint64_t owed[LIMIT_NESTING]; /* items still to come, per open container */

        /* going out: out.bytes[0] is at position out_at of the stream */
        struct writer out;
        uint64_t out_at;
        uint64_t push_at; /* when the stream has grown to this, it is time to send some */
        uint32_t next_id;
        struct pending *pending; /* oldest first, from pending_first */
        size_t pending_first;
        size_t pending_n;
        size_t pending_cap;
        size_t n_unanswered; /* of the pending ones */

        /* coming in */
        struct scanner scanner;
        uint8_t *in;
        size_t in_n;
        size_t in_cap;
        struct heapd_result *kept; /* oldest first */
        struct heapd_result **kept_end;
        size_t kept_bytes;

        struct numbers numbers;
        struct failure failure; /* of the last call that failed */
        struct failure checked; /* the first bad answer that heapd_finish() will return */
        struct failure told;    /* what the daemon said before it closed */
};

/* Milliseconds of CLOCK_MONOTONIC until which a call that begins now may wait; -1: for ever. */
int64_t connection_deadline(const struct heapd *conn);

/*
 * Moves what can be moved in both directions; if that was nothing, waits. The caller repeats it
 * until it has what it wants. -ENOBUFS if nothing may be read and nothing is left to write.
 */
int connection_turn(struct heapd *conn, int64_t deadline);

/* The same without waiting. */
int connection_nudge(struct heapd *conn);

/* Queues the request built, in an envelope; `ret_id` NULL makes it a notification. */
int connection_queue(struct heapd *conn, enum pending_fate fate, uint32_t *ret_id);

/* Takes the kept answer to a request; NULL if there is none. */
struct heapd_result *connection_take(struct heapd *conn, uint32_t id);

/* The pending request, NULL if it is answered or was never sent. */
struct pending *connection_pending(struct heapd *conn, uint32_t id);

/* Notes why a call fails, and returns `code`. */
int connection_fail(struct heapd *conn, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Notes what an error response says, and returns its HEAPD_E_*. */
int failure_from_response(struct failure *failure, const struct response *response);
