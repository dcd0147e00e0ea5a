/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "gc/gc.h"
#include "store/session.h"

/*
 * Everything that happens to a connection ends in conn_settle(), which looks at its state and
 * decides whether it reads, waits for its turn in the round, or waits for its peer (NET-2). So
 * there is one place that knows when what may happen, instead of a rule in every callback.
 */

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
        struct conn *conn = handle->data;
        size_t n_max = (size_t)conn->net->limits.message_bytes + CONN_READ_BYTES, n = 0;
        uint8_t *bytes = NULL;

        if (conn->inbox.n == 0) {
                bytes = conn->net->read_buffer;
                n = CONN_READ_BYTES;
        } else {
                inbox_reserve(&conn->inbox, n_max, &bytes, &n); /* else n is 0: UV_ENOBUFS */
        }
        *ret_buf = uv_buf_init((char *)bytes, (unsigned)n);
}

void conn_turn(struct conn *conn, const uint8_t *bytes, size_t n)
{
        struct inbox *inbox = &conn->inbox;
        uint64_t allocated_bytes = session_allocated_bytes(conn->session);
        size_t n_used = turn_take(conn, bytes, n);

        pressure_weigh(conn, session_allocated_bytes(conn->session) - allocated_bytes);
        if (inbox->n > 0) {
                inbox->at += n_used;
                if (inbox->at == inbox->n) {
                        inbox_clear(inbox);
                }
        } else if (n_used < n) {
                if (!inbox_keep(inbox, bytes + n_used, n - n_used)) {
                        conn_close(conn);
                }
        }
        conn_flush(conn);
}

static void conn_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct conn *conn = stream->data;

        if (n == 0) {
                return;
        }
        if (n < 0) {
                if (n == UV_EOF) {
                        conn_end(conn);
                } else {
                        conn_close(conn);
                }
                return;
        }
        net_count(&conn->net->received_bytes, (uint64_t)n);
        conn->touched = true;
        conn->late = conn->net->draining;
        if (conn->inbox.n > 0) {
                conn->inbox.n += (size_t)n;
                conn_turn(conn, conn->inbox.bytes + conn->inbox.at, conn->inbox.n - conn->inbox.at);
        } else {
                conn_turn(conn, (uint8_t *)buf->base, (size_t)n);
        }
        conn_settle(conn);
}

bool conn_has_work(const struct conn *conn)
{
        return conn->inbox.n - conn->inbox.at > conn->inbox.n_fed;
}

size_t conn_out_bytes(const struct conn *conn)
{
        return conn->writing ? conn->flight.n + conn->queued.n : conn->net->out.n;
}

void conn_settle(struct conn *conn)
{
        struct net *net = conn->net;
        bool held, read;

        if (conn->closing) {
                return;
        }
        if (conn->bye) {
                conn_end(conn); /* settles */
                return;
        }
        if (conn->ending && !conn->writing) {
                conn_close(conn);
                return;
        }
        conn->blocked = conn_out_bytes(conn) > (conn->blocked ? CONN_OUT_LOW : CONN_OUT_HIGH);
        list_unlink(&conn->turn);
        held = !list_empty(&conn->hold);
        if (!conn->ending && !conn->blocked && !held && conn_has_work(conn)) {
                list_append(&net->turns, &conn->turn);
                uv_idle_start(&net->idle, turn_on_idle);
        }
        read = !conn->ending && !conn->blocked && !held && !conn_has_work(conn);
        if (read == conn->reading) {
                return;
        }
        conn->reading = read;
        if (!read) {
                uv_read_stop((uv_stream_t *)&conn->pipe);
        } else if (uv_read_start((uv_stream_t *)&conn->pipe, conn_on_alloc, conn_on_read) < 0) {
                conn_close(conn);
        }
}

struct writer *conn_out(struct conn *conn)
{
        return conn->writing ? &conn->queued : &conn->net->out;
}

static void conn_on_write(uv_write_t *write, int status);

/* Hands `flight` to libuv, from byte `n_done` on. */
static void conn_write(struct conn *conn, size_t n_done)
{
        uv_buf_t buf = uv_buf_init((char *)conn->flight.bytes + n_done,
                                   (unsigned)(conn->flight.n - n_done));

        conn->writing = true;
        net_count(&conn->net->sent_bytes, buf.len);
        if (uv_write(&conn->write, (uv_stream_t *)&conn->pipe, &buf, 1, conn_on_write) < 0) {
                conn->writing = false;
                conn_close(conn);
        }
}

static void conn_on_write(uv_write_t *write, int status)
{
        struct conn *conn = write->data;

        conn->writing = false;
        writer_deinit(&conn->flight);
        writer_init(&conn->flight, 0);
        if (status < 0) {
                conn_close(conn);
                return;
        }
        if (conn->queued.n > 0) {
                conn->flight = conn->queued;
                writer_init(&conn->queued, conn->net->limits.output_bytes);
                conn_write(conn, 0);
        }
        conn_settle(conn);
}

void conn_flush(struct conn *conn)
{
        struct net *net = conn->net;
        struct writer *out = conn_out(conn);
        uv_buf_t buf;
        int n;

        if (conn->closing || writer_status(out) != 0) {
                conn_close(conn); /* answers are lost, so is the order: nothing else can be said */
                writer_reset(out, 0);
                return;
        }
        if (conn->writing || out->n == 0) {
                return;
        }
        buf = uv_buf_init((char *)out->bytes, (unsigned)out->n);
        n = uv_try_write((uv_stream_t *)&conn->pipe, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
                conn_close(conn);
        } else if (n < 0 || (size_t)n < out->n) {
                net_count(&net->sent_bytes, n < 0 ? 0 : (size_t)n);
                conn->flight = *out;
                writer_init(out, net->limits.output_bytes);
                conn_write(conn, n < 0 ? 0 : (size_t)n);
                return;
        } else {
                net_count(&net->sent_bytes, out->n);
        }
        writer_reset(out, CONN_OUT_KEEP);
}

static void conn_session_over(struct conn *conn)
{
        struct mutator *mutator = conn->net->config.mutator;

        if (!conn->session) {
                return;
        }
        parked_drop(conn);
        gc_enter(mutator);
        session_end(conn->session);
        gc_leave(mutator);
        conn->session = NULL;
}

static void conn_patience(struct conn *conn)
{
        struct net *net = conn->net;

        conn->deadline_ms = uv_now(&net->config.loop->uv) + CONN_LINGER_MS;
        if (net->n_ending++ == 0 && !net->draining) {
                uv_timer_start(&net->tick, net_on_tick, NET_TICK_MS, NET_TICK_MS);
        }
}

void conn_end(struct conn *conn)
{
        if (conn->ending || conn->closing) {
                return;
        }
        conn->ending = true;
        conn->bye = false;
        inbox_clear(&conn->inbox);
        conn_session_over(conn);
        conn_patience(conn);
        conn_settle(conn);
}

static void conn_free_closed(uv_handle_t *handle)
{
        struct conn *conn = handle->data;

        hd_assert(!conn->writing && !conn->session);
        writer_deinit(&conn->flight);
        writer_deinit(&conn->queued);
        free(conn);
}

void conn_close(struct conn *conn)
{
        struct net *net = conn->net;

        if (conn->closing) {
                return;
        }
        conn->closing = true;
        inbox_clear(&conn->inbox);
        conn_session_over(conn);
        list_unlink(&conn->node);
        list_unlink(&conn->turn);
        list_unlink(&conn->hold);
        if (conn->ending && --net->n_ending == 0 && !net->draining) {
                uv_timer_stop(&net->tick);
        }
        net_count(&net->n_connections, (uint64_t)-1);
        uv_close((uv_handle_t *)&conn->pipe, conn_free_closed);
}

void conn_check_deadline(struct conn *conn, uint64_t now_ms)
{
        struct net *net = conn->net;

        if ((conn->ending && now_ms >= conn->deadline_ms) ||
            (net->draining && now_ms >= net->drain_deadline_ms)) {
                conn_close(conn);
        } else if (net->draining && !conn->touched && !conn->blocked && list_empty(&conn->hold) &&
                   !conn_has_work(conn)) {
                conn_end(conn);
        }
        conn->touched = false;
}

static void conn_describe_peer(struct conn *conn, int fd, char *text, size_t n)
{
        struct ucred peer;
        socklen_t length = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid > 0) {
                snprintf(text, n, "uid %u pid %d", (unsigned)peer.uid, (int)peer.pid);
                conn->admin = peer.uid == 0 || peer.uid == geteuid();
        } else {
                snprintf(text, n, "unknown");
        }
}

static int conn_begin_session(struct conn *conn, int fd)
{
        struct mutator *mutator = conn->net->config.mutator;
        char peer[STORE_PEER_BYTES];
        int r;

        conn_describe_peer(conn, fd, peer, sizeof(peer));
        gc_enter(mutator);
        r = session_begin(conn->net->config.store, peer, &conn->session);
        gc_leave(mutator);
        return r == 0 ? 0 : -ENOMEM;
}

void conn_open(struct net *net, int fd)
{
        struct conn *conn = calloc(1, sizeof(*conn));
        int r = -ENOMEM;

        if (conn) {
                conn->net = net;
                list_init(&conn->node);
                list_init(&conn->turn);
                list_init(&conn->hold);
                list_init(&conn->parked);
                scanner_init(&conn->scanner, net->limits.message_bytes);
                writer_init(&conn->flight, 0);
                writer_init(&conn->queued, net->limits.output_bytes);
                r = conn_begin_session(conn, fd);
        }
        if (r < 0) {
                log_warning("Cannot serve a new connection: %s", uv_strerror(r));
                net_count(&net->n_refused, 1);
                free(conn);
                close(fd);
                return;
        }
        uv_pipe_init(&net->config.loop->uv, &conn->pipe, 0);
        conn->pipe.data = conn->write.data = conn;
        list_append(&net->conns, &conn->node);
        net_count(&net->n_connections, 1);
        net_count(&net->n_accepted, 1);
        if (uv_pipe_open(&conn->pipe, fd) < 0) {
                close(fd);
                conn_close(conn);
                return;
        }
        conn_settle(conn);
}
