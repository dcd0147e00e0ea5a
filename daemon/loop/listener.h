/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Listener: accepts connections from a listening socket, and survives a machine without
 * descriptors.
 *
 * It polls and accepts by itself instead of through uv_listen(), because it must be able to pause:
 * with descriptors used up the socket stays readable for ever, and libuv would report it for ever.
 * A spare descriptor is kept to let one peer in and tell it why it cannot stay.
 *
 * Owns:     the listening descriptor and the spare; an accepted one is its owner's.
 * Threads:  the loop's.
 * Failure:  negative errno from listener_open(); later failures pause for LISTENER_PAUSE_MS.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define LISTENER_PAUSE_MS  100u
#define LISTENER_BURST_MAX 64u /* accepted in one turn of the loop */

/* Takes `fd`. `crowded`: descriptors are used up; say so to the peer and close it. */
typedef void listener_accept_fn(void *user, int fd, bool crowded);
typedef void listener_closed_fn(void *user);

struct listener {
        uv_poll_t poll;
        uv_timer_t timer;
        int fd; /* -1: not open */
        int spare_fd;
        unsigned n_open; /* uv handles not closed yet */
        _Atomic uint64_t n_pauses;
        listener_accept_fn *accept;
        listener_closed_fn *closed;
        void *user;
};

#define LISTENER_NULL                    \
        (struct listener)                \
        {                                \
                .fd = -1, .spare_fd = -1 \
        }

/* Takes `fd`, also when it fails. */
int listener_open(struct listener *listener, uv_loop_t *uv, int fd, listener_accept_fn *accept,
                  void *user);
/* Accepts nothing more; `closed` says when the memory is free. At once if it was not open. */
void listener_close(struct listener *listener, listener_closed_fn *closed);
