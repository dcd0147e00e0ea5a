/* SPDX-License-Identifier: MIT */
/*
 * A connection with everything behind it: bytes to a socket, through scanner, dispatch and store.
 * The first byte chooses how the rest is cut and whether the peer reads. Whatever came, the session
 * is over at the end, its connection is gone, and the heap is whole.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gc/gc.h"
#include "heap/heap.h"
#include "net/conn.h"
#include "store/store.h"

enum { TURNS_MAX = 10000, BYTES_MAX = 60000, VERIFY_EVERY = 64 };

static struct world {
        struct loop loop;
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        struct net *net;
        unsigned n_runs;
} world;

static void demand(int holds)
{
        if (!holds) {
                abort();
        }
}

static void world_make(void)
{
        const struct heap_config heap_config = {
                .reserve_bytes = HEAP_RESERVE_MIN,
                .limit_bytes = 256u << 20,
        };
        const struct gc_config gc_config = {.percent = 100, .n_workers = 1};
        const struct store_config store_config = {.names_max = 1000, .key = {1, 2}};
        struct net_config config;

        signal(SIGPIPE, SIG_IGN);
        demand(loop_init(&world.loop, "fuzz") == 0);
        demand(heap_new(&world.heap, &heap_config) == 0);
        demand(gc_new(&world.gc, world.heap, &gc_config) == 0);
        demand(gc_attach(world.gc, "fuzz", &world.mutator) == 0);
        gc_enter(world.mutator);
        demand(store_new(&world.store, world.gc, world.mutator, &store_config) == 0);
        gc_leave(world.mutator);
        config = (struct net_config){
                .loop = &world.loop,
                .heap = world.heap,
                .gc = world.gc,
                .mutator = world.mutator,
                .store = world.store,
                .limits = &LIMITS_DEFAULT,
        };
        demand(net_new(&world.net, &config) == 0);
}

static void world_turn(void)
{
        uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

static void take_answers(int fd)
{
        static uint8_t bytes[1 << 16];

        while (read(fd, bytes, sizeof(bytes)) > 0) {
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        size_t n_piece;
        int fds[2];

        if (!world.net) {
                world_make();
        }
        if (n < 2 || n > BYTES_MAX) {
                return 0;
        }
        demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
        conn_open(world.net, fds[1]);
        n_piece = bytes[0] & 0x7f ? bytes[0] & 0x7f : n;
        for (size_t at = 1; at < n; at += n_piece) {
                size_t n_now = n - at < n_piece ? n - at : n_piece;

                if (write(fds[0], bytes + at, n_now) != (ssize_t)n_now) {
                        break; /* closed, or full: nobody reads on the other side */
                }
                world_turn();
                if (bytes[0] & 0x80) {
                        take_answers(fds[0]);
                }
        }
        close(fds[0]);
        for (unsigned i = 0; i < TURNS_MAX && !list_empty(&world.net->conns); i++) {
                world_turn();
        }
        demand(list_empty(&world.net->conns) && list_empty(&world.net->turns));
        demand(list_empty(&world.net->parked));
        world_turn();
        if (++world.n_runs % VERIFY_EVERY == 0) {
                gc_wait(world.gc, gc_request(world.gc, GC_REASON_FORCED));
        }
        return 0;
}
