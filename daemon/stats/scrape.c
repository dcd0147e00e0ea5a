/* SPDX-License-Identifier: MIT */
#include "stats/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "stats/gctrace.h"
#include "stats/http.h"
#include "stats/memstats.h"
#include "stats/prometheus.h"

#define SCRAPE_TICK_MS  500u
#define SCRAPE_HEAD_MAX 512u
#define SCRAPE_BODY_MAX (64u << 10)

_Static_assert(PROMETHEUS_BYTES_MAX <= SCRAPE_BODY_MAX && MEMSTATS_BYTES_MAX <= SCRAPE_BODY_MAX &&
                       CYCLE_LOG_MAX * GCTRACE_BYTES_MAX <= SCRAPE_BODY_MAX,
               "every body fits");

struct scrape_peer {
        struct list node;
        struct scrape *scrape;
        union {
                uv_handle_t handle;
                uv_stream_t stream;
                uv_pipe_t pipe;
                uv_tcp_t tcp;
        };
        uv_write_t write;
        uv_shutdown_t shutdown;
        uint64_t deadline_ms;
        bool answered;
        bool writing;
        bool follows; /* gets a line for each further cycle, until it goes */
        enum gctrace_style style;
        uint64_t cycle; /* the last one it has been told of */
        struct http_request request;
        char buffer[SCRAPE_HEAD_MAX + SCRAPE_BODY_MAX]; /* read into, then answered from */
};

static void peer_on_close(uv_handle_t *handle)
{
        struct scrape_peer *peer = handle->data;

        peer->scrape->n_peers--;
        peer->scrape->n_followers -= peer->follows;
        free(peer);
}

static void peer_close(struct scrape_peer *peer)
{
        if (!uv_is_closing(&peer->handle)) {
                list_unlink(&peer->node);
                uv_close(&peer->handle, peer_on_close);
        }
}

static void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
        struct scrape_peer *peer = handle->data;

        /* After the answer the buffer belongs to libuv's write: what still comes is thrown away. */
        *ret_buf = peer->answered ? uv_buf_init(peer->request.head, HTTP_HEAD_BYTES_MAX)
                                  : uv_buf_init(peer->buffer, sizeof(peer->buffer));
}

static void peer_on_shutdown(uv_shutdown_t *shutdown, int status)
{
        if (status < 0) {
                peer_close(shutdown->handle->data);
        }
}

static void peer_follow(struct scrape_peer *peer);

/* Waits for the peer to close first: closing with unread bytes would reset what it has not read. */
static void peer_on_write(uv_write_t *write, int status)
{
        struct scrape_peer *peer = write->data;

        peer->writing = false;
        if (status == 0 && peer->follows) {
                peer->deadline_ms = UINT64_MAX;
                peer_follow(peer);
                return;
        }
        if (status < 0 || uv_shutdown(&peer->shutdown, &peer->stream, peer_on_shutdown) < 0) {
                peer_close(peer);
        }
}

/* --- the resources: each writes a body for its query; false: it does not understand it --- */

static bool resource_metrics(struct scrape_peer *peer, char *body, size_t *ret_n)
{
        struct snapshot snapshot;

        snapshot_take(&snapshot, &peer->scrape->sources.snapshot);
        *ret_n = prometheus_format(body, &snapshot);
        return true;
}

static bool resource_memstats(struct scrape_peer *peer, char *body, size_t *ret_n)
{
        struct cycle_pause pauses[CYCLE_LOG_PAUSES];
        struct snapshot snapshot;

        snapshot_take(&snapshot, &peer->scrape->sources.snapshot);
        cycle_log_copy_pauses(peer->scrape->sources.cycles, pauses);
        *ret_n = memstats_format(body, &snapshot, pauses);
        return true;
}

/* "style=NAME" and "follow", in any order. */
static bool gctrace_read_query(const char *query, enum gctrace_style *ret_style, bool *ret_follow)
{
        static const char key[] = "style=", flag[] = "follow";
        char name[16];

        for (size_t n; *query; query += n + (query[n] == '&')) {
                n = strcspn(query, "&");
                if (n == strlen(flag) && memcmp(query, flag, n) == 0) {
                        *ret_follow = true;
                } else if (n > strlen(key) && n - strlen(key) < sizeof(name) &&
                           memcmp(query, key, strlen(key)) == 0) {
                        snprintf(name, sizeof(name), "%.*s", (int)(n - strlen(key)),
                                 query + strlen(key));
                        if (!gctrace_find_style(name, ret_style)) {
                                return false;
                        }
                } else {
                        return false;
                }
        }
        return true;
}

/* The last cycles that this peer has not got, the oldest first. */
static size_t gctrace_write(struct scrape_peer *peer, char *body)
{
        const struct scrape_sources *sources = &peer->scrape->sources;
        struct gc_cycle cycles[CYCLE_LOG_MAX];
        unsigned n_cycles = cycle_log_copy(sources->cycles, cycles);
        size_t n = 0;

        for (unsigned i = 0; i < n_cycles; i++) {
                if (cycles[i].number > peer->cycle) {
                        n += gctrace_format(body + n, &cycles[i], sources->start_ns, peer->style);
                        body[n++] = '\n';
                        peer->cycle = cycles[i].number;
                }
        }
        return n;
}

static bool resource_gctrace(struct scrape_peer *peer, char *body, size_t *ret_n)
{
        bool follow = false;

        peer->style = GCTRACE_GO;
        if (!gctrace_read_query(peer->request.query, &peer->style, &follow)) {
                return false;
        }
        if (follow && !peer->request.is_head) {
                peer->follows = true;
                peer->scrape->n_followers++;
        }
        *ret_n = gctrace_write(peer, body);
        return true;
}

static const char *const scrape_paths[] = {
#define RESOURCE(name, path, type) path,
#include "stats/resources.def"
#undef RESOURCE
        NULL,
};

static const struct {
        const char *type;
        bool (*write)(struct scrape_peer *peer, char *body, size_t *ret_n);
} scrape_resources[] = {
#define RESOURCE(name, path, type) {type, resource_##name},
#include "stats/resources.def"
#undef RESOURCE
};

static void peer_write(struct scrape_peer *peer, const uv_buf_t bufs[], unsigned n_bufs)
{
        peer->writing = true;
        if (uv_write(&peer->write, &peer->stream, bufs, n_bufs, peer_on_write) < 0) {
                peer_close(peer);
        }
}

static void peer_answer(struct scrape_peer *peer, int status)
{
        char length[40] = "";
        char *body = peer->buffer + SCRAPE_HEAD_MAX;
        const char *type = "text/plain; charset=utf-8";
        unsigned path = peer->request.path;
        uv_buf_t bufs[2];
        size_t n_body;
        int n_head;

        peer->answered = true;
        if (status == 200 && !scrape_resources[path].write(peer, body, &n_body)) {
                status = 400;
        }
        if (peer->follows && peer->scrape->n_followers > SCRAPE_FOLLOWERS_MAX) {
                peer->scrape->n_followers--;
                peer->follows = false;
                status = 503;
        }
        if (status == 200) {
                type = scrape_resources[path].type;
        } else {
                n_body = (size_t)snprintf(body, SCRAPE_BODY_MAX, "%d %s\n", status,
                                          http_reason(status));
        }
        if (!peer->follows) {
                snprintf(length, sizeof(length), "Content-Length: %zu\r\n", n_body);
        }
        n_head = snprintf(peer->buffer, SCRAPE_HEAD_MAX,
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s"
                          "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                          "%sConnection: close\r\n\r\n",
                          status, http_reason(status), type, length,
                          status == 405 ? "Allow: GET, HEAD\r\n" : "");
        hd_assert(n_head > 0 && (unsigned)n_head < SCRAPE_HEAD_MAX);
        bufs[0] = uv_buf_init(peer->buffer, (unsigned)n_head);
        bufs[1] = uv_buf_init(body, peer->request.is_head ? 0 : (unsigned)n_body);
        peer_write(peer, bufs, 2);
}

/* One write at a time. Who does not read loses cycles, and is closed if it goes on not reading. */
static void peer_follow(struct scrape_peer *peer)
{
        uv_buf_t buf;
        size_t n;

        if (peer->writing || uv_is_closing(&peer->handle)) {
                return;
        }
        n = gctrace_write(peer, peer->buffer);
        if (n > 0) {
                buf = uv_buf_init(peer->buffer, (unsigned)n);
                peer->deadline_ms = uv_now(&peer->scrape->loop->uv) + SCRAPE_DEADLINE_MS;
                peer_write(peer, &buf, 1);
        }
}

void scrape_cycle_ended(struct scrape *scrape)
{
        list_for_each_safe(node, &scrape->peers)
        {
                struct scrape_peer *peer = list_entry(node, struct scrape_peer, node);

                if (peer->follows) {
                        peer_follow(peer);
                }
        }
}

static void peer_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct scrape_peer *peer = stream->data;
        int status;

        if (n < 0) {
                peer_close(peer);
        } else if (!peer->answered) {
                status = http_feed(&peer->request, buf->base, (size_t)n, scrape_paths);
                if (status != HTTP_MORE) {
                        peer_answer(peer, status);
                }
        }
}

static int peer_open_stream(struct scrape_peer *peer, int fd)
{
        uv_loop_t *uv = &peer->scrape->loop->uv;

        if (uv_guess_handle(fd) == UV_TCP) {
                uv_tcp_init(uv, &peer->tcp);
                return uv_tcp_open(&peer->tcp, fd);
        }
        uv_pipe_init(uv, &peer->pipe, 0);
        return uv_pipe_open(&peer->pipe, fd);
}

static void scrape_on_accept(void *user, int fd, bool crowded)
{
        struct scrape *scrape = user;
        struct scrape_peer *peer;

        peer = crowded || scrape->n_peers == 2 * SCRAPE_PEERS_MAX ? NULL : malloc(sizeof(*peer));
        if (!peer) {
                close(fd);
                return;
        }
        peer->scrape = scrape;
        peer->answered = peer->writing = peer->follows = false;
        peer->cycle = 0;
        peer->deadline_ms = uv_now(&scrape->loop->uv) + SCRAPE_DEADLINE_MS;
        http_init(&peer->request);
        if (peer_open_stream(peer, fd) < 0) {
                close(fd);
        }
        peer->handle.data = peer->write.data = peer;
        list_append(&scrape->peers, &peer->node);
        scrape->n_peers++;
        if (uv_read_start(&peer->stream, peer_on_alloc, peer_on_read) < 0) {
                peer_close(peer);
        } else if (scrape->n_peers > SCRAPE_PEERS_MAX) {
                peer_answer(peer, 503);
        }
}

static void scrape_on_tick(uv_timer_t *tick)
{
        struct scrape *scrape = tick->data;
        uint64_t now_ms = uv_now(&scrape->loop->uv);

        list_for_each_safe(node, &scrape->peers)
        {
                struct scrape_peer *peer = list_entry(node, struct scrape_peer, node);

                if (now_ms >= peer->deadline_ms) {
                        peer_close(peer);
                }
        }
}

int scrape_open(struct scrape *scrape, struct loop *loop, int fd,
                const struct scrape_sources *sources)
{
        int r;

        *scrape = (struct scrape){.loop = loop, .sources = *sources};
        list_init(&scrape->peers);
        r = listener_open(&scrape->listener, &loop->uv, fd, scrape_on_accept, scrape);
        if (r < 0) {
                return r;
        }
        uv_timer_init(&loop->uv, &scrape->tick);
        scrape->tick.data = scrape;
        uv_timer_start(&scrape->tick, scrape_on_tick, SCRAPE_TICK_MS, SCRAPE_TICK_MS);
        return 0;
}

void scrape_close(struct scrape *scrape)
{
        listener_close(&scrape->listener, NULL);
        uv_close((uv_handle_t *)&scrape->tick, NULL);
        list_for_each_safe(node, &scrape->peers)
        {
                peer_close(list_entry(node, struct scrape_peer, node));
        }
}
