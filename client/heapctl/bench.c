/* SPDX-License-Identifier: MIT */
#include "client/heapctl/bench.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "proto/limits.h"

/*
 * Requests go out in batches of `pipeline`. Batch i belongs to connection i modulo their number,
 * and a connection's answers come in order: so when an answer was due follows from how many came
 * before it, and nothing has to be kept per request. What a connection may not send yet, since too
 * much is in flight, becomes late like everything behind it, and is charged.
 */

#define BENCH_GRACE_NS (UINT64_C(10) * 1000 * 1000 * 1000)
#define BENCH_IDLE_NS  (100 * 1000 * 1000)

enum { PEER_IN_BYTES = 65536, BENCH_EVENTS = 64 };

struct peer {
        int fd;
        bool wants_write;
        uint32_t index;
        uint64_t n_batches;  /* begun */
        uint64_t n_answered; /* requests */
        uint64_t sent_ns;    /* closed loop: when the batch in hand left */
        struct writer writer;
        size_t n_written;
        size_t n_in;
        uint8_t *in;
};

struct bench {
        const struct bench_options *options;
        const struct bench_protocol *protocol;
        struct bench_result *result;
        struct peer *peers;
        int epoll;
        uint64_t start_ns, end_ns;
        double batch_ns;            /* open loop: from one batch to the next; closed: 0 */
        uint64_t n_batches;         /* begun by all */
        uint64_t n_due, n_due_last; /* open loop: batches whose time has come, and all there are */
        uint64_t random;
        char *value;
};

static uint64_t bench_now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t bench_random(struct bench *bench)
{
        bench->random ^= bench->random << 13;
        bench->random ^= bench->random >> 7;
        bench->random ^= bench->random << 17;
        return bench->random >> 11;
}

static uint64_t bench_due_ns(const struct bench *bench, uint64_t batch)
{
        return bench->start_ns + (uint64_t)((double)batch * bench->batch_ns);
}

void bench_key(char key[BENCH_KEY_BYTES], uint32_t i)
{
        snprintf(key, BENCH_KEY_BYTES, "heapctl-bench/%d/%u", (int)getpid(), i);
}

static bool peer_open_loop(const struct bench *bench)
{
        return bench->batch_ns > 0;
}

static uint64_t peer_in_flight(const struct bench *bench, const struct peer *peer)
{
        return peer->n_batches * bench->options->pipeline - peer->n_answered;
}

/* When the next answer's request should have left. */
static uint64_t peer_due_ns(const struct bench *bench, const struct peer *peer)
{
        uint64_t batch = peer->n_answered / bench->options->pipeline;

        return peer_open_loop(bench)
                       ? bench_due_ns(bench, batch * bench->options->connections + peer->index)
                       : peer->sent_ns;
}

static void peer_put_request(struct bench *bench, struct peer *peer, uint64_t number)
{
        const struct bench_options *options = bench->options;
        uint64_t pick = bench_random(bench) % (options->n_gets + options->n_sets);
        char key[BENCH_KEY_BYTES];

        bench_key(key, (uint32_t)(bench_random(bench) % options->keys));
        bench->protocol->put(&peer->writer, &(struct bench_request){
                                                    .number = (uint32_t)number,
                                                    .get = pick < options->n_gets,
                                                    .key = key,
                                                    .value = bench->value,
                                                    .n_value = options->bytes,
                                            });
}

static void peer_begin_batch(struct bench *bench, struct peer *peer)
{
        uint64_t first = peer->n_batches * bench->options->pipeline;

        for (uint32_t i = 0; i < bench->options->pipeline; i++) {
                peer_put_request(bench, peer, first + i);
        }
        peer->n_batches++;
        bench->n_batches++;
}

static int peer_flush(struct bench *bench, struct peer *peer)
{
        bool wants_write;

        if (writer_status(&peer->writer) != 0) {
                return -ENOMEM;
        }
        while (peer->n_written < peer->writer.n) {
                ssize_t n = send(peer->fd, peer->writer.bytes + peer->n_written,
                                 peer->writer.n - peer->n_written, MSG_NOSIGNAL);

                if (n < 0 && errno == EAGAIN) {
                        break;
                }
                if (n < 0) {
                        return -errno;
                }
                peer->n_written += (size_t)n;
        }
        wants_write = peer->n_written < peer->writer.n;
        if (!wants_write) {
                writer_reset(&peer->writer, SIZE_MAX);
                peer->n_written = 0;
        }
        if (wants_write != peer->wants_write) {
                struct epoll_event event = {.events = wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                            .data.ptr = peer};

                peer->wants_write = wants_write;
                if (epoll_ctl(bench->epoll, EPOLL_CTL_MOD, peer->fd, &event) < 0) {
                        return -errno;
                }
        }
        return 0;
}

/* Sends what may be sent now. */
static int peer_top_up(struct bench *bench, struct peer *peer, uint64_t now_ns)
{
        const struct bench_options *options = bench->options;

        if (!peer_open_loop(bench)) {
                if (peer_in_flight(bench, peer) == 0 && now_ns < bench->end_ns) {
                        peer->sent_ns = now_ns;
                        peer_begin_batch(bench, peer);
                }
                return peer_flush(bench, peer);
        }
        while (peer_in_flight(bench, peer) + options->pipeline <= LIMIT_IN_FLIGHT) {
                uint64_t batch = peer->n_batches * options->connections + peer->index;
                uint64_t due_ns = bench_due_ns(bench, batch);

                if (batch >= bench->n_due_last || due_ns > now_ns) {
                        break;
                }
                histogram_add(&bench->result->late, now_ns - due_ns);
                peer_begin_batch(bench, peer);
        }
        return peer_flush(bench, peer);
}

/* The length of the next answer, entered into the result; 0: not all there. */
static ssize_t peer_take_answer(struct bench *bench, struct peer *peer, const uint8_t *bytes,
                                size_t n, uint64_t now_ns)
{
        struct bench_result *result = bench->result;
        char refusal[sizeof(result->refusal)] = "";
        ssize_t n_used = bench->protocol->take(bytes, n, (uint32_t)peer->n_answered, refusal);

        if (n_used <= 0) {
                return n_used;
        }
        if (peer_in_flight(bench, peer) == 0) {
                return -EPROTO;
        }
        if (refusal[0] && result->n_refused++ == 0) {
                memcpy(result->refusal, refusal, sizeof(refusal));
        }
        histogram_add(&result->latency, now_ns - peer_due_ns(bench, peer));
        result->n_answered++;
        peer->n_answered++;
        return n_used;
}

static int peer_read(struct bench *bench, struct peer *peer)
{
        ssize_t n = recv(peer->fd, peer->in + peer->n_in, PEER_IN_BYTES - peer->n_in, 0);
        uint64_t now_ns = bench_now_ns();
        size_t begin = 0;

        if (n <= 0) {
                return n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno;
        }
        peer->n_in += (size_t)n;
        while (begin < peer->n_in && (n = peer_take_answer(bench, peer, peer->in + begin,
                                                           peer->n_in - begin, now_ns)) != 0) {
                if (n < 0) {
                        return (int)n;
                }
                begin += (size_t)n;
        }
        peer->n_in -= begin;
        memmove(peer->in, peer->in + begin, peer->n_in);
        return peer->n_in == PEER_IN_BYTES ? -EMSGSIZE : peer_top_up(bench, peer, now_ns);
}

static int peer_open(struct bench *bench, struct peer *peer, const struct sockaddr *address,
                     socklen_t n_address)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

        peer->in = malloc(PEER_IN_BYTES);
        writer_init(&peer->writer, SIZE_MAX); /* by what may be in flight */
        if (!peer->in) {
                return -ENOMEM;
        }
        peer->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (peer->fd < 0 || connect(peer->fd, address, n_address) < 0 ||
            fcntl(peer->fd, F_SETFL, O_NONBLOCK) < 0 ||
            epoll_ctl(bench->epoll, EPOLL_CTL_ADD, peer->fd, &event) < 0) {
                return -errno;
        }
        return 0;
}

static void peer_close(struct peer *peer)
{
        if (peer->fd >= 0) {
                close(peer->fd);
        }
        writer_deinit(&peer->writer);
        free(peer->in);
}

/* Opens all connections; each has its fd, or -1, also when that fails. */
static int bench_open(struct bench *bench, const struct sockaddr *address, socklen_t n_address)
{
        uint32_t n = bench->options->connections;
        int r = 0;

        bench->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (bench->epoll < 0) {
                return -errno;
        }
        bench->value = malloc(bench->options->bytes + 1u);
        bench->peers = calloc(n, sizeof(*bench->peers));
        if (!bench->peers || !bench->value) {
                return -ENOMEM;
        }
        memset(bench->value, 'v', bench->options->bytes);
        for (uint32_t i = 0; i < n; i++) {
                bench->peers[i].index = i;
                bench->peers[i].fd = -1;
        }
        for (uint32_t i = 0; i < n && r == 0; i++) {
                r = peer_open(bench, &bench->peers[i], address, n_address);
        }
        return r;
}

static void bench_close(struct bench *bench)
{
        for (uint32_t i = 0; bench->peers && i < bench->options->connections; i++) {
                peer_close(&bench->peers[i]);
        }
        free(bench->peers);
        free(bench->value);
        if (bench->epoll >= 0) {
                close(bench->epoll);
        }
}

static bool bench_ended(const struct bench *bench, uint64_t now_ns)
{
        if (now_ns >= bench->end_ns + BENCH_GRACE_NS) {
                return true;
        }
        return (peer_open_loop(bench) ? bench->n_batches == bench->n_due_last
                                      : now_ns >= bench->end_ns) &&
               bench->n_batches * bench->options->pipeline == bench->result->n_answered;
}

/* Gives every connection what has become due, and tells how long nothing will. */
static int bench_send_due(struct bench *bench, uint64_t now_ns, uint64_t *ret_wait_ns)
{
        uint64_t due_ns = now_ns + BENCH_IDLE_NS;

        while (bench->n_due < bench->n_due_last) {
                struct peer *peer = &bench->peers[bench->n_due % bench->options->connections];
                int r;

                due_ns = bench_due_ns(bench, bench->n_due);
                if (due_ns > now_ns) {
                        break;
                }
                r = peer_top_up(bench, peer, now_ns);
                if (r < 0) {
                        return r;
                }
                bench->n_due++;
        }
        now_ns = bench_now_ns();
        *ret_wait_ns = due_ns < now_ns                   ? 0
                       : due_ns < now_ns + BENCH_IDLE_NS ? due_ns - now_ns
                                                         : BENCH_IDLE_NS;
        return 0;
}

static int bench_wait(struct bench *bench, uint64_t wait_ns)
{
        struct epoll_event events[BENCH_EVENTS];
        struct timespec timeout = {.tv_nsec = (long)wait_ns};
        int n = epoll_pwait2(bench->epoll, events, BENCH_EVENTS, &timeout, NULL);
        int r = n < 0 && errno != EINTR ? -errno : 0;

        for (int i = 0; i < n && r == 0; i++) {
                if (events[i].events & EPOLLOUT) {
                        r = peer_flush(bench, events[i].data.ptr);
                }
                if (r == 0 && events[i].events & ~(uint32_t)EPOLLOUT) {
                        r = peer_read(bench, events[i].data.ptr);
                }
        }
        return r;
}

static int bench_loop(struct bench *bench, const volatile sig_atomic_t *stop)
{
        int r = 0;

        for (uint32_t i = 0; i < bench->options->connections && !peer_open_loop(bench) && r == 0;
             i++) {
                r = peer_top_up(bench, &bench->peers[i], bench_now_ns());
        }
        while (r == 0) {
                uint64_t now_ns = bench_now_ns(), wait_ns = 0;

                if (*stop && bench->end_ns > now_ns) {
                        bench->end_ns = now_ns;
                        bench->n_due_last = bench->n_due;
                }
                if (bench_ended(bench, now_ns)) {
                        break;
                }
                r = bench_send_due(bench, now_ns, &wait_ns);
                if (r == 0) {
                        r = bench_wait(bench, wait_ns);
                }
        }
        return r;
}

/* What got no answer has waited at least until now, sent or not. */
static void bench_charge_unanswered(struct bench *bench, uint64_t now_ns)
{
        const struct bench_options *options = bench->options;

        for (uint32_t i = 0; i < options->connections; i++) {
                struct peer *peer = &bench->peers[i];
                uint64_t n_batches = peer->n_batches;

                if (peer_open_loop(bench) && bench->n_due_last > i) {
                        n_batches = (bench->n_due_last - i - 1) / options->connections + 1;
                }
                for (; peer->n_answered < n_batches * options->pipeline; peer->n_answered++) {
                        histogram_add(&bench->result->latency, now_ns - peer_due_ns(bench, peer));
                        bench->result->n_unanswered++;
                }
        }
}

int bench_run(const struct bench_options *options, const struct bench_protocol *protocol,
              const struct sockaddr *address, socklen_t n_address,
              const volatile sig_atomic_t *stop, struct bench_result *ret_result)
{
        double run_ns = (double)options->seconds * 1e9;
        struct bench bench = {
                .options = options,
                .protocol = protocol,
                .result = ret_result,
                .epoll = -1,
                .random = 88172645463325252u,
        };
        int r;

        *ret_result = (struct bench_result){0};
        if (options->rate > 0) {
                bench.batch_ns = 1e9 * options->pipeline / options->rate;
                bench.n_due_last = (uint64_t)(run_ns / bench.batch_ns) + 1;
        }
        prctl(PR_SET_TIMERSLACK, 1UL); /* the default 50 us would be charged to the daemon */
        r = bench_open(&bench, address, n_address);
        if (r == 0) {
                bench.start_ns = bench_now_ns();
                bench.end_ns = bench.start_ns + (uint64_t)run_ns;
                r = bench_loop(&bench, stop);
        }
        if (r == 0) {
                uint64_t now_ns = bench_now_ns();

                ret_result->elapsed_ns = now_ns - bench.start_ns;
                bench_charge_unanswered(&bench, now_ns);
        }
        bench_close(&bench);
        return r;
}
