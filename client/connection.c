/* SPDX-License-Identifier: MIT */
#include "client/connection.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTION_READ_BYTES = 65536, CONNECTION_IDLE_BYTES = 262144 };

static int64_t connection_now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t connection_deadline(const struct heapd *conn)
{
        return conn->timeout_ms < 0 ? -1 : connection_now_ms() + conn->timeout_ms;
}

const char *heapd_version(void)
{
        return HEAPD_VERSION;
}

int heapd_fd(const struct heapd *conn)
{
        return conn->fd;
}

void heapd_set_timeout(struct heapd *conn, int timeout_ms)
{
        conn->timeout_ms = timeout_ms;
}

int heapd_connect_fd(struct heapd **ret_conn, int fd)
{
        struct heapd *conn = calloc(1, sizeof(*conn));

        if (!conn) {
                return -ENOMEM;
        }
        conn->fd = fd;
        conn->timeout_ms = -1;
        conn->kept_end = &conn->kept;
        conn->push_at = CONNECTION_PUSH_BYTES;
        writer_init(&conn->params, CONNECTION_MESSAGE_BYTES_MAX);
        writer_init(&conn->out, CONNECTION_OUT_BYTES + 2 * (size_t)CONNECTION_MESSAGE_BYTES_MAX);
        scanner_init(&conn->scanner, CONNECTION_MESSAGE_BYTES_MAX);
        *ret_conn = conn;
        return 0;
}

static int connection_try(struct heapd **ret_conn, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd, r;

        if (strlen(path) >= sizeof(address.sun_path)) {
                return -ENAMETOOLONG;
        }
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
                return -errno;
        }
        do {
                r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        } while (r == -EINTR);
        if (r == 0) {
                r = heapd_connect_fd(ret_conn, fd);
        }
        if (r < 0) {
                close(fd);
        }
        return r;
}

int heapd_connect(struct heapd **ret_conn, const char *path)
{
        const char *own = getenv("XDG_RUNTIME_DIR");
        char own_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        int r;

        if (!path) {
                path = getenv("HEAPD_SOCKET");
        }
        if (path) {
                return connection_try(ret_conn, path);
        }
        r = connection_try(ret_conn, "/run/heapd/heapd.sock");
        if ((r == -ENOENT || r == -ECONNREFUSED || r == -EACCES) && own &&
            (size_t)snprintf(own_path, sizeof(own_path), "%s/heapd.sock", own) < sizeof(own_path)) {
                int own_r = connection_try(ret_conn, own_path);

                r = own_r == -ENOENT ? r : own_r; /* where only one is there, its error counts */
        }
        return r;
}

void heapd_close(struct heapd *conn)
{
        if (!conn) {
                return;
        }
        while (conn->kept) {
                struct heapd_result *next = conn->kept->next;

                heapd_result_free(conn->kept);
                conn->kept = next;
        }
        close(conn->fd);
        writer_deinit(&conn->params);
        writer_deinit(&conn->out);
        numbers_deinit(&conn->numbers);
        free(conn->pending);
        free(conn->in);
        free(conn);
}

static int connection_break(struct heapd *conn, int code)
{
        if (!conn->broken) {
                conn->broken = code;
        }
        return conn->broken;
}

/* How far the stream may be sent: not past CONNECTION_WINDOW unanswered requests. */
static uint64_t connection_window_end(const struct heapd *conn)
{
        if (conn->pending_n <= CONNECTION_WINDOW) {
                return conn->out_at + conn->out.n;
        }
        return conn->pending[conn->pending_first + CONNECTION_WINDOW - 1].end;
}

/* Returns the number of bytes that went out. What was sent makes room when it is worth moving. */
static ssize_t connection_write(struct heapd *conn)
{
        uint64_t end = connection_window_end(conn);
        size_t n_want = end > conn->out_at ? (size_t)(end - conn->out_at) : 0;
        ssize_t n;

        if (n_want == 0) {
                return 0;
        }
        n = send(conn->fd, conn->out.bytes, n_want, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
                if (errno == EAGAIN || errno == EINTR) {
                        return 0;
                }
                if (errno != EPIPE && errno != ECONNRESET) {
                        return connection_break(conn, -errno);
                }
                n = (ssize_t)conn->out.n; /* nobody reads on: what they last said comes next */
        }
        memmove(conn->out.bytes, conn->out.bytes + n, conn->out.n - (size_t)n);
        conn->out.n -= (size_t)n;
        conn->out_at += (uint64_t)n;
        if (conn->out.n == 0) {
                writer_reset(&conn->out, CONNECTION_IDLE_BYTES);
        }
        return n;
}

/* Ids are given out one after another, so the distance from the oldest is the index. */
struct pending *connection_pending(struct heapd *conn, uint32_t id)
{
        struct pending *first = conn->pending + conn->pending_first;

        if (conn->pending_n == 0 || id - first->id >= conn->pending_n) {
                return NULL;
        }
        return first[id - first->id].fate == PENDING_ANSWERED ? NULL : &first[id - first->id];
}

/* Answers come in order but for those that were waited for, so the oldest is nearly always it. */
static void connection_answered(struct heapd *conn, struct pending *pending)
{
        pending->fate = PENDING_ANSWERED;
        conn->n_unanswered--;
        while (conn->pending_n > 0 && conn->pending[conn->pending_first].fate == PENDING_ANSWERED) {
                conn->pending_first++;
                conn->pending_n--;
        }
        if (conn->pending_n == 0) {
                conn->pending_first = 0;
        }
}

static int connection_keep(struct heapd *conn, uint32_t id, const uint8_t *bytes, size_t n)
{
        struct heapd_result *result = malloc(sizeof(*result) + n);

        if (!result) {
                return connection_break(conn, -ENOMEM);
        }
        memcpy(result->bytes, bytes, n);
        result->next = NULL;
        result->id = id;
        result->n_bytes = n;
        *conn->kept_end = result;
        conn->kept_end = &result->next;
        conn->kept_bytes += sizeof(*result) + n;
        return 0;
}

/* `error ["PARSE", text]` is the daemon's last word before it hangs up. */
static void connection_event(struct heapd *conn, const struct response *event)
{
        struct reader reader = reader_inside(&event->result);
        struct response error = {.type = RESPONSE_ERROR};

        if (reader_take(&reader, &error.name) && error.name.type == WIRE_STR) {
                error.code = error_from_name((const char *)error.name.bytes, error.name.n);
                if (error.code == ERROR_PARSE && reader_take(&reader, &error.message)) {
                        failure_from_response(&conn->told, &error);
                }
        }
}

static int connection_message(struct heapd *conn, const uint8_t *bytes, size_t n)
{
        struct response response;
        struct pending *pending;

        if (response_decode(bytes, n, &response) != 0) {
                return connection_break(conn, -EPROTO);
        }
        if (response.type == RESPONSE_EVENT) {
                connection_event(conn, &response);
                return 0;
        }
        pending = connection_pending(conn, response.msgid);
        if (!pending) {
                return connection_break(conn, -EPROTO);
        }
        if (pending->fate == PENDING_KEEP) {
                int r = connection_keep(conn, response.msgid, bytes, n);

                if (r < 0) {
                        return r;
                }
        } else if (pending->fate == PENDING_CHECK && response.type == RESPONSE_ERROR &&
                   conn->checked.code == 0) {
                failure_from_response(&conn->checked, &response);
        }
        connection_answered(conn, pending);
        return 0;
}

/* Takes the messages that are complete out of in[]; `n_old` bytes of it were scanned before. */
static int connection_scan(struct heapd *conn, size_t n_old)
{
        size_t at = n_old, start = 0;
        int r = 0;

        while (r == 0 && at < conn->in_n) {
                size_t n_used = 0;
                enum scanner_outcome outcome = scanner_feed(&conn->scanner, conn->in + at,
                                                            conn->in_n - at, &n_used);

                if (outcome == SCANNER_MORE) {
                        break;
                }
                if (outcome != SCANNER_MESSAGE) {
                        return connection_break(conn, -EPROTO);
                }
                at += n_used;
                r = connection_message(conn, conn->in + start, at - start);
                start = at;
        }
        memmove(conn->in, conn->in + start, conn->in_n - start);
        conn->in_n -= start;
        return r;
}

static int connection_room(struct heapd *conn)
{
        size_t n_cap = conn->in_cap;
        uint8_t *in;

        if (n_cap - conn->in_n >= CONNECTION_READ_BYTES / 2) {
                return 0;
        }
        n_cap = n_cap ? n_cap * 2 : CONNECTION_READ_BYTES;
        in = realloc(conn->in, n_cap);
        if (!in) {
                return connection_break(conn, -ENOMEM);
        }
        conn->in = in;
        conn->in_cap = n_cap;
        return 0;
}

/* A large message is past and its buffer with it. */
static void connection_shrink(struct heapd *conn)
{
        if (conn->in_n == 0 && conn->in_cap > CONNECTION_IDLE_BYTES) {
                free(conn->in);
                conn->in = NULL;
                conn->in_cap = 0;
        }
}

static bool connection_may_read(const struct heapd *conn)
{
        return conn->kept_bytes < CONNECTION_KEPT_BYTES;
}

/* Returns the number of bytes that came in. */
static ssize_t connection_read(struct heapd *conn)
{
        size_t n_old = conn->in_n;
        ssize_t n;
        int r;

        if (!connection_may_read(conn)) {
                return 0;
        }
        r = connection_room(conn);
        if (r < 0) {
                return r;
        }
        n = recv(conn->fd, conn->in + n_old, conn->in_cap - n_old, MSG_DONTWAIT);
        if (n < 0) {
                return errno == EAGAIN || errno == EINTR ? 0 : connection_break(conn, -errno);
        }
        if (n == 0) {
                return connection_break(conn, -ECONNRESET);
        }
        conn->in_n += (size_t)n;
        r = connection_scan(conn, n_old);
        connection_shrink(conn);
        return r < 0 ? r : n;
}

static int connection_explain(struct heapd *conn)
{
        if (conn->told.code != 0) {
                return connection_fail(conn, conn->broken, "the daemon closed the connection: %s",
                                       conn->told.text);
        }
        switch (conn->broken) {
        case -EPROTO:
                return connection_fail(conn, -EPROTO, "what answers is not heapd");
        case -ECONNRESET:
                return connection_fail(conn, -ECONNRESET, "the daemon closed the connection");
        default:
                return connection_fail(conn, conn->broken, "connection to the daemon: %s",
                                       heapd_error_name(conn->broken));
        }
}

static int connection_poll(struct heapd *conn, int64_t deadline)
{
        struct pollfd poll_fd = {.fd = conn->fd};
        int wait_ms = -1;

        if (connection_may_read(conn)) {
                poll_fd.events |= POLLIN;
        }
        if (connection_window_end(conn) > conn->out_at) {
                poll_fd.events |= POLLOUT;
        }
        if (poll_fd.events == 0) {
                return connection_fail(conn, -ENOBUFS, "too many results wait to be read");
        }
        if (deadline >= 0) {
                int64_t left_ms = deadline - connection_now_ms();

                wait_ms = left_ms > 0 ? (int)left_ms : 0;
        }
        switch (poll(&poll_fd, 1, wait_ms)) {
        case 0:
                return connection_fail(conn, -ETIMEDOUT, "no answer in %d ms", conn->timeout_ms);
        case -1:
                if (errno != EINTR) {
                        connection_break(conn, -errno);
                        return connection_explain(conn);
                }
        }
        return 0;
}

/* Returns the number of bytes moved. */
static ssize_t connection_move(struct heapd *conn)
{
        ssize_t n_out, n_in;

        if (conn->broken) {
                return connection_explain(conn);
        }
        n_out = connection_write(conn);
        n_in = n_out < 0 ? n_out : connection_read(conn);
        return n_in < 0 ? connection_explain(conn) : n_out + n_in;
}

int connection_turn(struct heapd *conn, int64_t deadline)
{
        ssize_t n = connection_move(conn);

        if (n != 0) {
                return n < 0 ? (int)n : 0;
        }
        return connection_poll(conn, deadline);
}

int connection_nudge(struct heapd *conn)
{
        ssize_t n = connection_move(conn);

        return n < 0 ? (int)n : 0;
}
