/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Endpoint: a listening socket of ours: a UNIX path, a loopback address, or a descriptor that the
 * service manager handed over.
 *
 * A UNIX path is guarded by an flock on PATH.lock, held for the endpoint's life: two daemons
 * started at once cannot both take the path, and a socket file whose lock is free has no owner any
 * more and is replaced. Its mode is right before the name exists, so there is no moment at which a
 * wider circle could connect. What we created is removed at the end, unless somebody replaced it.
 *
 * Owns:     the descriptor (until endpoint_take_fd()), the lock, the name in the file system.
 * Threads:  one at a time.
 * Failure:  an enum endpoint_outcome for what the operator can mend, else negative errno.
 */

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

enum endpoint_outcome {
        _ENDPOINT_E_SUCCESS,
        ENDPOINT_E_IN_USE,
        ENDPOINT_E_NOT_SOCKET,
        ENDPOINT_E_TOO_LONG,
        ENDPOINT_E_ADDRESS,
        ENDPOINT_E_NOT_LOOPBACK,
        _ENDPOINT_N,
};

struct endpoint {
        int fd;
        int lock_fd;
        dev_t device; /* of the socket file, to know it again */
        ino_t inode;
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": no path of ours */
};

#define ENDPOINT_NULL                   \
        (struct endpoint)               \
        {                               \
                .fd = -1, .lock_fd = -1 \
        }

/* "/path" or "unix:path", created with `mode`; with `inet` also "127.0.0.1:port" and "[::1]:port".
 */
int endpoint_open(struct endpoint *endpoint, const char *address, mode_t mode, bool inet);
/* Takes over a listening descriptor. */
int endpoint_adopt(struct endpoint *endpoint, int fd);
/* Removes name and lock; the descriptor is closed if it was not taken. Safe on ENDPOINT_NULL. */
void endpoint_close(struct endpoint *endpoint);

/* The descriptor becomes the caller's; the name stays ours. */
int endpoint_take_fd(struct endpoint *endpoint);

const char *endpoint_explain(enum endpoint_outcome outcome);
