/* SPDX-License-Identifier: MIT */
#include "client/connection.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Building a request. The parameters are written on their own, and get their envelope when the
 * request is closed, because only then their number is known. What an open container still owes is
 * counted, so that a request with too few or too many items never reaches the stream.
 */

enum { REQUEST_NESTING_MAX = LIMIT_NESTING - 2 }; /* the envelope and its parameters */

void heapd_begin(struct heapd *conn, const char *method)
{
        size_t n = strlen(method);

        writer_reset(&conn->params, CONNECTION_OUT_BYTES);
        conn->building = true;
        conn->build_error = 0;
        conn->n_params = 0;
        conn->depth = 0;
        if (n == 0 || n > CONNECTION_METHOD_BYTES_MAX) {
                conn->build_error = -EINVAL;
                return;
        }
        memcpy(conn->method, method, n + 1);
}

/* Counts one item; false if there is no place for it. */
static bool request_item(struct heapd *conn)
{
        if (!conn->building) {
                conn->build_error = -EINVAL;
        }
        if (conn->build_error) {
                return false;
        }
        while (conn->depth > 0 && conn->owed[conn->depth - 1] == 0) {
                conn->depth--;
        }
        if (conn->depth == 0) {
                conn->n_params++;
        } else {
                conn->owed[conn->depth - 1]--;
        }
        return true;
}

/* Opens a container whose `n` items come next; the container itself is counted already. */
static void request_open(struct heapd *conn, uint64_t n)
{
        if (conn->depth == REQUEST_NESTING_MAX) {
                conn->build_error = -EINVAL;
                return;
        }
        conn->owed[conn->depth++] = n;
}

void heapd_put_nil(struct heapd *conn)
{
        if (request_item(conn)) {
                writer_nil(&conn->params);
        }
}

void heapd_put_bool(struct heapd *conn, bool boolean)
{
        if (request_item(conn)) {
                writer_bool(&conn->params, boolean);
        }
}

void heapd_put_int(struct heapd *conn, int64_t number)
{
        if (request_item(conn)) {
                writer_int(&conn->params, number);
        }
}

void heapd_put_uint(struct heapd *conn, uint64_t number)
{
        if (request_item(conn)) {
                writer_uint(&conn->params, number);
        }
}

void heapd_put_float(struct heapd *conn, double real)
{
        if (request_item(conn)) {
                writer_float(&conn->params, real);
        }
}

void heapd_put_str(struct heapd *conn, const char *bytes, uint32_t n)
{
        if (request_item(conn)) {
                writer_str(&conn->params, bytes, n);
        }
}

void heapd_put_text(struct heapd *conn, const char *text)
{
        size_t n = strlen(text);

        heapd_put_str(conn, text, n <= UINT32_MAX ? (uint32_t)n : UINT32_MAX);
}

void heapd_put_bin(struct heapd *conn, const void *bytes, uint32_t n)
{
        if (request_item(conn)) {
                writer_bin(&conn->params, bytes, n);
        }
}

void heapd_put_ref(struct heapd *conn, uint32_t handle)
{
        if (request_item(conn)) {
                writer_handle(&conn->params, handle);
        }
}

void heapd_put_array(struct heapd *conn, uint32_t n_elements)
{
        if (request_item(conn)) {
                writer_array(&conn->params, n_elements);
                request_open(conn, n_elements);
        }
}

void heapd_put_map(struct heapd *conn, uint32_t n_pairs)
{
        if (request_item(conn)) {
                writer_map(&conn->params, n_pairs);
                request_open(conn, (uint64_t)n_pairs * 2);
        }
}

void heapd_put_value(struct heapd *conn, const struct heapd_value *value)
{
        switch (value->type) {
        case HEAPD_NIL:
                heapd_put_nil(conn);
                break;
        case HEAPD_BOOL:
                heapd_put_bool(conn, value->boolean);
                break;
        case HEAPD_INT:
                heapd_put_int(conn, value->sint);
                break;
        case HEAPD_UINT:
                heapd_put_uint(conn, value->uint);
                break;
        case HEAPD_FLOAT:
                heapd_put_float(conn, value->real);
                break;
        case HEAPD_STR:
                heapd_put_str(conn, value->str, value->n);
                break;
        case HEAPD_BIN:
                heapd_put_bin(conn, value->bytes, value->n);
                break;
        case HEAPD_REF:
                heapd_put_ref(conn, value->ref);
                break;
        case HEAPD_ARRAY:
        case HEAPD_MAP:
        case HEAPD_EXT:
        default:
                if (request_item(conn)) {
                        if (value->reserved_raw) {
                                writer_raw(&conn->params, value->reserved_raw,
                                           value->reserved_n_raw);
                        } else {
                                conn->build_error = -EINVAL;
                        }
                }
        }
}

void heapd_put_into(struct heapd *conn, uint32_t number)
{
        heapd_put_map(conn, 1);
        heapd_put_text(conn, "into");
        heapd_put_uint(conn, number);
}

/* Ends building; what is wrong with the request, if anything. */
static int request_close(struct heapd *conn)
{
        int status = writer_status(&conn->params);
        bool building = conn->building;

        conn->building = false;
        if (!building || conn->build_error) {
                return connection_fail(conn, -EINVAL, "the request was not built properly");
        }
        while (conn->depth > 0 && conn->owed[conn->depth - 1] == 0) {
                conn->depth--;
        }
        if (conn->depth > 0) {
                return connection_fail(conn, -EINVAL, "%s: a container lacks items", conn->method);
        }
        if (status == WRITER_E_FULL) {
                return connection_fail(conn, -EMSGSIZE, "%s: the request is too long",
                                       conn->method);
        }
        return status < 0 ? connection_fail(conn, status, "out of memory") : 0;
}

/* Room for one more pending request at the end of the array. */
static int request_reserve(struct heapd *conn)
{
        size_t n_cap = conn->pending_cap ? conn->pending_cap * 2 : 64;
        struct pending *pending;

        if (conn->pending_n == CONNECTION_PENDING_MAX) {
                return connection_fail(conn, -ENOBUFS, "too many requests are not answered yet");
        }
        if (conn->pending_first + conn->pending_n < conn->pending_cap) {
                return 0;
        }
        if (conn->pending_first > conn->pending_cap / 2) {
                memmove(conn->pending, conn->pending + conn->pending_first,
                        conn->pending_n * sizeof(*conn->pending));
                conn->pending_first = 0;
                return 0;
        }
        pending = reallocarray(conn->pending, n_cap, sizeof(*pending));
        if (!pending) {
                return connection_fail(conn, -ENOMEM, "out of memory");
        }
        conn->pending = pending;
        conn->pending_cap = n_cap;
        return 0;
}

int connection_queue(struct heapd *conn, enum pending_fate fate, uint32_t *ret_id)
{
        size_t mark = writer_mark(&conn->out);
        uint32_t id = conn->next_id;
        int r = request_close(conn);

        if (r == 0 && ret_id) {
                r = request_reserve(conn);
        }
        if (r < 0) {
                return r;
        }
        if (ret_id) {
                envelope_request(&conn->out, id, conn->method, conn->n_params);
        } else {
                envelope_notification(&conn->out, conn->method, conn->n_params);
        }
        writer_raw(&conn->out, conn->params.bytes, conn->params.n);
        r = writer_status(&conn->out);
        if (r != 0) {
                writer_truncate(&conn->out, mark);
                return connection_fail(conn, r < 0 ? r : -ENOBUFS,
                                       r < 0 ? "out of memory" : "too much waits to be sent");
        }
        if (ret_id) {
                conn->pending[conn->pending_first + conn->pending_n++] = (struct pending){
                        .id = id, .fate = fate, .end = conn->out_at + conn->out.n};
                conn->n_unanswered++;
                conn->next_id++;
                *ret_id = id;
        }
        return 0;
}
