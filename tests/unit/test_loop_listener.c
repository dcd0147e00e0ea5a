/* SPDX-License-Identifier: MIT */
/* Accepting: in order, in bursts, and without a single descriptor left. */
#include "loop/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/unit.h"

struct door {
        struct listener listener;
        unsigned n_accepted, n_crowded, n_closed;
        int fds[256];
};

static void on_accept(void *user, int fd, bool crowded)
{
        struct door *door = user;

        if (crowded) {
                door->n_crowded++;
                close(fd);
        } else {
                door->fds[door->n_accepted++] = fd;
        }
}

static void on_closed(void *user)
{
        ((struct door *)user)->n_closed++;
}

/* An abstract address: nothing to clean up. */
static int listening(struct sockaddr_un *address, socklen_t *length)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        *length = sizeof(sa_family_t) + 1 +
                  (socklen_t)snprintf(address->sun_path + 1, 64, "heapd-test-%d", (int)getpid());
        cr_assert_eq(bind(fd, (struct sockaddr *)address, *length), 0);
        cr_assert_eq(listen(fd, 256), 0);
        return fd;
}

static int dial(const struct sockaddr_un *address, socklen_t length)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_ge(fd, 0);
        cr_assert_eq(connect(fd, (const struct sockaddr *)address, length), 0);
        return fd;
}

Test(loop_listener, every_connection_arrives_and_close_says_when_it_is_done)
{
        static struct door door;
        struct sockaddr_un address;
        socklen_t length;
        uv_loop_t uv;
        int clients[200];

        door = (struct door){0};
        uv_loop_init(&uv);
        cr_assert_eq(
                listener_open(&door.listener, &uv, listening(&address, &length), on_accept, &door),
                0);
        for (unsigned i = 0; i < 200; i++) {
                clients[i] = dial(&address, length);
        }
        for (unsigned i = 0; i < 100 && door.n_accepted < 200; i++) {
                uv_run(&uv, UV_RUN_NOWAIT);
        }
        cr_assert_eq(door.n_accepted, 200);
        for (unsigned i = 0; i < 200; i++) {
                close(clients[i]);
                close(door.fds[i]);
        }
        listener_close(&door.listener, on_closed);
        cr_assert_eq(door.n_closed, 0);
        uv_run(&uv, UV_RUN_DEFAULT);
        cr_assert_eq(door.n_closed, 1);
        cr_assert_eq(uv_loop_close(&uv), 0);
}

Test(loop_listener, without_descriptors_it_tells_a_peer_pauses_and_recovers)
{
        static struct door door;
        struct rlimit limit, old;
        struct sockaddr_un address;
        socklen_t length;
        uv_loop_t uv;
        int clients[8], hog[1024], n_hog = 0;
        unsigned n_turns = 0;

        door = (struct door){0};
        getrlimit(RLIMIT_NOFILE, &old);
        limit = old;
        limit.rlim_cur = 64;
        uv_loop_init(&uv);
        cr_assert_eq(
                listener_open(&door.listener, &uv, listening(&address, &length), on_accept, &door),
                0);
        for (unsigned i = 0; i < 8; i++) {
                clients[i] = dial(&address, length);
        }
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        while (n_hog < 1024 && (hog[n_hog] = dup(0)) >= 0) {
                n_hog++;
        }
        while (door.n_crowded == 0 && n_turns++ < 100) {
                uv_run(&uv, UV_RUN_ONCE);
        }
        cr_assert_eq(door.n_accepted, 0);
        cr_assert_eq(door.n_crowded, 1);
        n_turns = 0;
        while (door.n_crowded < 3) { /* each costs a pause, not a spin */
                uv_run(&uv, UV_RUN_ONCE);
                n_turns++;
        }
        cr_assert_lt(n_turns, 20);
        while (n_hog > 0) {
                close(hog[--n_hog]);
        }
        while (door.n_accepted < 5) {
                uv_run(&uv, UV_RUN_ONCE);
        }
        cr_assert_eq(door.n_crowded, 3);
        setrlimit(RLIMIT_NOFILE, &old);
        for (unsigned i = 0; i < 8; i++) {
                close(clients[i]);
        }
        for (unsigned i = 0; i < 5; i++) {
                close(door.fds[i]);
        }
        listener_close(&door.listener, on_closed);
        uv_run(&uv, UV_RUN_DEFAULT);
        cr_assert_eq(uv_loop_close(&uv), 0);
}
