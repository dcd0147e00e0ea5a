/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Systemd: sockets that the service manager hands over, and what it wants to hear. Outside a
 * service, and in builds without libsystemd, there are none, and nobody listens.
 *
 * Owns:     nothing; descriptors become the caller's.
 * Threads:  systemd_take_sockets() the first one, the rest the service loop's.
 * Failure:  negative errno; a message that nobody hears is no failure.
 */

#include <stdint.h>

typedef int systemd_socket_fn(void *user, const char *name, int fd);

/* Calls `take` for each; a failure of it is returned at once. */
int systemd_take_sockets(systemd_socket_fn *take, void *user);

/* "READY=1", "STATUS=…", several lines in one call. */
void systemd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often to send WATCHDOG=1; 0: nobody asks. */
uint64_t systemd_watchdog_ms(void);
