/* SPDX-License-Identifier: MIT */
#include "loop/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

static int listener_spare(void)
{
        return open("/", O_RDONLY | O_CLOEXEC);
}

static void listener_on_poll(uv_poll_t *poll, int status, int events);

static void listener_on_timer(uv_timer_t *timer)
{
        struct listener *listener = timer->data;

        if (listener->spare_fd < 0) {
                listener->spare_fd = listener_spare();
        }
        uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
}

static void listener_pause(struct listener *listener, int error)
{
        uint64_t n = atomic_fetch_add_explicit(&listener->n_pauses, 1, memory_order_relaxed);

        if (n % 100 == 0) { /* ten seconds of it a line */
                log_warning("Cannot accept connections (%s), pausing", strerror(error));
        }
        uv_poll_stop(&listener->poll);
        uv_timer_start(&listener->timer, listener_on_timer, LISTENER_PAUSE_MS, 0);
}

/* Lets one peer in on the spare descriptor. */
static void listener_refuse(struct listener *listener)
{
        int fd;

        if (listener->spare_fd < 0) {
                return;
        }
        close(listener->spare_fd);
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
                listener->accept(listener->user, fd, true);
        }
        listener->spare_fd = listener_spare();
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
        struct listener *listener = poll->data;

        if (status < 0) {
                listener_pause(listener, -status);
                return;
        }
        for (unsigned i = 0; i < LISTENER_BURST_MAX && !uv_is_closing((uv_handle_t *)poll); i++) {
                int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                int error = errno;

                if (fd >= 0) {
                        listener->accept(listener->user, fd, false);
                } else if (error == EAGAIN || error == EWOULDBLOCK) {
                        break;
                } else if (error != EINTR && error != ECONNABORTED) {
                        listener_refuse(listener);
                        listener_pause(listener, error);
                        break;
                }
        }
}

int listener_open(struct listener *listener, uv_loop_t *uv, int fd, listener_accept_fn *accept,
                  void *user)
{
        int r;

        *listener = LISTENER_NULL;
        r = uv_poll_init(uv, &listener->poll, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = uv_timer_init(uv, &listener->timer);
        hd_assert(r == 0);
        listener->fd = fd;
        listener->spare_fd = listener_spare();
        listener->n_open = 2;
        listener->accept = accept;
        listener->user = user;
        listener->poll.data = listener->timer.data = listener;
        r = uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
        hd_assert(r == 0);
        return 0;
}

static void listener_on_close(uv_handle_t *handle)
{
        struct listener *listener = handle->data;

        if (--listener->n_open > 0) {
                return;
        }
        close(listener->fd);
        if (listener->spare_fd >= 0) {
                close(listener->spare_fd);
        }
        listener->fd = listener->spare_fd = -1;
        if (listener->closed) {
                listener->closed(listener->user);
        }
}

void listener_close(struct listener *listener, listener_closed_fn *closed)
{
        if (listener->fd < 0) {
                if (closed) {
                        closed(listener->user);
                }
                return;
        }
        listener->closed = closed;
        uv_close((uv_handle_t *)&listener->poll, listener_on_close);
        uv_close((uv_handle_t *)&listener->timer, listener_on_close);
}
