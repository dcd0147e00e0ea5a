/* SPDX-License-Identifier: MIT */
/*
 * Connections in a loop of the test's own: turns, buffers and back-pressure, step by step. The
 * sockets keep the bounds of what was written, so that a test sees which answers left together.
 */
#include "net/conn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gc/gc.h"
#include "heap/heap.h"
#include "proto/envelope.h"
#include "store/store.h"

#include "support/unit.h"

static struct world {
        struct loop loop;
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        struct net *net;
        bool drained;
} world;

static void on_drained(void *user)
{
        world.drained = true;
}

static void setup(void)
{
        const struct heap_config heap_config = {.reserve_bytes = HEAP_RESERVE_MIN};
        const struct gc_config gc_config = {.percent = 100, .n_workers = 1};
        const struct store_config store_config = {0};
        struct net_config config;

        signal(SIGPIPE, SIG_IGN); /* as the daemon does */
        memset(&world, 0, sizeof(world));
        cr_assert_eq(loop_init(&world.loop, "test"), 0);
        cr_assert_eq(heap_new(&world.heap, &heap_config), 0);
        cr_assert_eq(gc_new(&world.gc, world.heap, &gc_config), 0);
        cr_assert_eq(gc_attach(world.gc, "test", &world.mutator), 0);
        gc_enter(world.mutator);
        cr_assert_eq(store_new(&world.store, world.gc, world.mutator, &store_config), 0);
        gc_leave(world.mutator);
        config = (struct net_config){
                .loop = &world.loop,
                .heap = world.heap,
                .gc = world.gc,
                .mutator = world.mutator,
                .store = world.store,
                .limits = &LIMITS_DEFAULT,
                .n_connections_max = 8,
        };
        cr_assert_eq(net_new(&world.net, &config), 0);
}

static void teardown(void)
{
        net_drain(world.net, on_drained, NULL);
        while (!world.drained) {
                uv_run(&world.loop.uv, UV_RUN_ONCE);
        }
        net_free(world.net);
        loop_end(&world.loop);
        loop_run(&world.loop);
        loop_deinit(&world.loop);
        gc_enter(world.mutator);
        store_free(world.store);
        gc_leave(world.mutator);
        gc_detach(world.mutator);
        gc_free(world.gc);
        heap_free(world.heap);
}

/* The client's end; a message of `type` SOCK_SEQPACKET is one write. */
static int dial(int type)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        conn_open(world.net, fds[1]);
        return fds[0];
}

static struct conn *last_conn(void)
{
        return list_entry(world.net->conns.prev, struct conn, node);
}

static void turn(void)
{
        uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

/* `n` requests without parameters in one write. */
static void ask(int fd, const char *method, unsigned n)
{
        struct writer writer;

        writer_init(&writer, 1 << 20);
        for (unsigned i = 0; i < n; i++) {
                envelope_request(&writer, i, method, 0);
        }
        cr_assert_eq(write(fd, writer.bytes, writer.n), (ssize_t)writer.n);
        writer_deinit(&writer);
}

/* How many responses the next read has, or 0 if there is nothing yet. */
static unsigned answers(int fd)
{
        static uint8_t bytes[4 << 20];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        struct reader reader;
        struct wire_value value;
        unsigned n_answers = 0;

        if (n < 0) {
                cr_assert_eq(errno, EAGAIN);
                return 0;
        }
        reader_init(&reader, bytes, (size_t)n);
        while (reader_take(&reader, &value)) {
                n_answers++;
        }
        return n_answers;
}

Test(net_conn, all_requests_of_one_read_are_answered_in_one_write, .init = setup, .fini = teardown)
{
        int fd = dial(SOCK_SEQPACKET);

        ask(fd, "ping", 100);
        turn();
        cr_assert_eq(answers(fd), 100);
        cr_assert_null(last_conn()->inbox.bytes);
        cr_assert_null(last_conn()->flight.bytes);
        cr_assert_null(last_conn()->queued.bytes);
        close(fd);
}

Test(net_conn, a_turn_ends_after_its_requests_and_others_come_first, .init = setup,
     .fini = teardown)
{
        int deep = dial(SOCK_SEQPACKET), other = dial(SOCK_SEQPACKET);
        unsigned n_left = 3 * TURN_REQUESTS_MAX + 10;

        ask(deep, "ping", n_left);
        turn();
        cr_assert_eq(answers(deep), TURN_REQUESTS_MAX);
        ask(other, "ping", 1);
        turn();
        cr_assert_eq(answers(other), 1, "the other waited for the deep pipeline");
        n_left -= TURN_REQUESTS_MAX;
        while (n_left > 0) {
                unsigned n = answers(deep);

                cr_assert_le(n, TURN_REQUESTS_MAX);
                n_left -= n;
                turn();
        }
        cr_assert(list_empty(&world.net->turns));
        cr_assert_null(list_entry(world.net->conns.next, struct conn, node)->inbox.bytes);
        close(deep);
        close(other);
}

/* obj.get "big" nil: as many units as the array has elements. */
static void ask_big(int fd, unsigned n)
{
        struct writer writer;

        writer_init(&writer, 1 << 20);
        for (unsigned i = 0; i < n; i++) {
                envelope_request(&writer, i, "obj.get", 2);
                writer_text(&writer, "big");
                writer_nil(&writer);
        }
        cr_assert_eq(write(fd, writer.bytes, writer.n), (ssize_t)writer.n);
        writer_deinit(&writer);
}

static void make_big(int fd, unsigned n_slots)
{
        struct writer writer;

        writer_init(&writer, 1 << 20);
        envelope_request(&writer, 0, "obj.new", 3);
        writer_text(&writer, "record");
        writer_uint(&writer, n_slots);
        writer_map(&writer, 1);
        writer_text(&writer, "name");
        writer_text(&writer, "big");
        cr_assert_eq(write(fd, writer.bytes, writer.n), (ssize_t)writer.n);
        writer_deinit(&writer);
        turn();
        cr_assert_eq(answers(fd), 1);
}

Test(net_conn, a_turn_ends_after_its_units_of_work, .init = setup, .fini = teardown)
{
        int deep = dial(SOCK_SEQPACKET);
        unsigned n_turns = 0, n_answers = 0;

        make_big(deep, 2 * TURN_UNITS_MAX);
        ask_big(deep, 20);
        while (n_answers < 20 && n_turns < 100) {
                unsigned n;

                turn();
                n = answers(deep);
                cr_assert_le(n, 1, "%u requests of two turns' work in one turn", n);
                n_answers += n;
                n_turns++;
        }
        cr_assert_eq(n_answers, 20);
        close(deep);
}

Test(net_conn, a_peer_that_does_not_read_is_not_read_from, .init = setup, .fini = teardown)
{
        int lazy = dial(SOCK_STREAM);
        struct conn *conn = last_conn();
        unsigned n = 300, n_turns = 0;
        uint64_t n_requests;
        size_t n_bytes = 0;
        static uint8_t bytes[1 << 16];

        make_big(lazy, 60000);
        ask_big(lazy, n);
        for (unsigned i = 0; i < 200; i++) {
                turn();
                cr_assert_le(conn_out_bytes(conn), CONN_OUT_HIGH + 61000);
        }
        cr_assert(conn->blocked);
        cr_assert_not(conn->reading);
        n_requests = world.net->n_requests;
        cr_assert_lt(n_requests, 100);
        for (unsigned i = 0; i < 50; i++) {
                turn();
        }
        cr_assert_eq(world.net->n_requests, n_requests, "executed for a peer that does not read");
        while (n_bytes < n * 60000 && n_turns++ < 1000000) {
                ssize_t r = read(lazy, bytes, sizeof(bytes));

                n_bytes += r > 0 ? (size_t)r : 0;
                turn();
        }
        cr_assert_ge(n_bytes, n * 60000);
        cr_assert_eq(world.net->n_requests, n + 1);
        turn();
        cr_assert_not(conn->blocked);
        cr_assert(conn->reading);
        close(lazy);
}

Test(net_conn, a_message_waits_in_memory_of_the_size_that_has_arrived, .init = setup,
     .fini = teardown)
{
        int slow = dial(SOCK_STREAM);
        struct conn *conn = last_conn();
        static const uint8_t claim[] = "\x94\x00\x01\xa9"
                                       "blob.open\x91\x81\xa5"
                                       "bytes\xc6\x00\x0f\x00\x00";
        static uint8_t part[4096];

        cr_assert_eq(write(slow, claim, sizeof(claim) - 1), sizeof(claim) - 1);
        turn();
        cr_assert_eq(conn->inbox.n, sizeof(claim) - 1);
        cr_assert_eq(conn->inbox.n_cap, sizeof(claim) - 1);
        for (unsigned i = 0; i < 0xf0000 / sizeof(part); i++) {
                cr_assert_le(conn->inbox.n_cap, conn->inbox.n * 2 + sizeof(part));
                cr_assert_eq(write(slow, part, sizeof(part)), sizeof(part));
                turn();
        }
        cr_assert_eq(answers(slow), 1);
        cr_assert_null(conn->inbox.bytes);
        close(slow);
}

Test(net_conn, the_end_of_a_connection_ends_its_session_whatever_it_was_doing, .init = setup,
     .fini = teardown)
{
        struct store_stats stats;

        for (unsigned i = 0; i < 6; i++) {
                int fd = dial(SOCK_STREAM);

                if (i >= 1) {
                        ask(fd, "ping", i * 200);
                }
                if (i >= 2) {
                        turn();
                }
                close(fd);
        }
        for (unsigned i = 0; i < 200; i++) {
                turn();
        }
        store_get_stats(world.store, &stats);
        cr_assert_eq(stats.n_sessions_begun, 6);
        cr_assert_eq(stats.n_sessions, 0);
        cr_assert_eq(world.net->n_connections, 0);
        cr_assert(list_empty(&world.net->conns) && list_empty(&world.net->turns));
}
