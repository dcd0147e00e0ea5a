/* SPDX-License-Identifier: MIT */
#include "client/connection.h"
#include <errno.h>
#include "client/value.h"

/* Sending requests, and waiting until their answers are there. */

struct heapd_result *connection_take(struct heapd *conn, uint32_t id)
{
        struct heapd_result **at = &conn->kept;
        struct heapd_result *result;

        while (*at && (*at)->id != id) {
                at = &(*at)->next;
        }
        result = *at;
        if (result) {
                *at = result->next;
                if (!*at) {
                        conn->kept_end = at;
                }
                conn->kept_bytes -= sizeof(*result) + result->n_bytes;
        }
        return result;
}

/* Hands an answer out: its result, or what it was refused with. */
static int pipeline_deliver(struct heapd *conn, struct heapd_result *result,
                            struct heapd_result **ret_result)
{
        int r = 0;

        response_decode(result->bytes, result->n_bytes, &result->response);
        if (result->response.type == RESPONSE_ERROR) {
                r = failure_from_response(&conn->failure, &result->response);
        } else if (ret_result) {
                result->value = value_from_wire(&result->response.result);
                *ret_result = result;
                return 0;
        }
        heapd_result_free(result);
        return r;
}

/* Keeps a queue that grows without being flushed from growing for ever, a portion at a time. */
static int pipeline_push(struct heapd *conn)
{
        int64_t deadline = connection_deadline(conn);
        int r;

        if (conn->out_at + conn->out.n < conn->push_at) {
                return 0;
        }
        r = connection_nudge(conn);
        while (r == 0 && conn->out.n > CONNECTION_OUT_BYTES) {
                r = connection_turn(conn, deadline);
        }
        conn->push_at = conn->out_at + conn->out.n + CONNECTION_PUSH_BYTES;
        return r == -ENOBUFS || r == -ETIMEDOUT ? 0 : r; /* the request itself is queued */
}

static int pipeline_full(struct heapd *conn)
{
        if (conn->kept_bytes < CONNECTION_KEPT_BYTES || conn->out.n <= CONNECTION_OUT_BYTES) {
                return 0;
        }
        conn->building = false;
        return connection_fail(conn, -ENOBUFS, "too many results wait to be read");
}

int heapd_send(struct heapd *conn, uint32_t *ret_id)
{
        uint32_t id;
        int r = pipeline_full(conn);

        if (r == 0) {
                r = connection_queue(conn, ret_id ? PENDING_KEEP : PENDING_CHECK, &id);
        }
        if (r == 0) {
                r = pipeline_push(conn);
        }
        if (r == 0 && ret_id) {
                *ret_id = id;
        }
        return r;
}

int heapd_post(struct heapd *conn)
{
        int r = pipeline_full(conn);

        if (r == 0) {
                r = connection_queue(conn, PENDING_DISCARD, NULL);
        }
        return r == 0 ? pipeline_push(conn) : r;
}

int heapd_flush(struct heapd *conn)
{
        int64_t deadline = connection_deadline(conn);
        int r = 0;

        while (r == 0 && conn->out.n > 0) {
                r = connection_turn(conn, deadline);
        }
        return r;
}

int heapd_wait(struct heapd *conn, uint32_t id, struct heapd_result **ret_result)
{
        int64_t deadline = connection_deadline(conn);
        struct heapd_result *result = connection_take(conn, id);
        int r;

        while (!result) {
                struct pending *pending = connection_pending(conn, id);

                if (!pending || pending->fate != PENDING_KEEP) {
                        return connection_fail(conn, -EINVAL, "no such request is outstanding");
                }
                r = connection_turn(conn, deadline);
                if (r < 0) {
                        return r;
                }
                result = connection_take(conn, id);
        }
        return pipeline_deliver(conn, result, ret_result);
}

int heapd_call(struct heapd *conn, struct heapd_result **ret_result)
{
        struct pending *pending;
        uint32_t id;
        int r = connection_queue(conn, PENDING_KEEP, &id);

        if (r < 0) {
                return r;
        }
        r = heapd_wait(conn, id, ret_result);
        pending = r < 0 ? connection_pending(conn, id) : NULL;
        if (pending) {
                pending->fate = PENDING_DISCARD;
        }
        return r;
}

int heapd_finish(struct heapd *conn)
{
        int64_t deadline = connection_deadline(conn);
        int r = 0;

        while (r == 0 && (conn->n_unanswered > 0 || conn->out.n > 0)) {
                r = connection_turn(conn, deadline);
        }
        if (r == 0 && conn->checked.code != 0) {
                conn->failure = conn->checked;
                conn->checked.code = 0;
                r = conn->failure.code;
        }
        return r;
}
