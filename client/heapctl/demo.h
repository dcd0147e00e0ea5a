/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Demo: the parts of `heapctl demo packages`.
 *
 * A package is a record [label, version, size in KiB, reference...], a reference for each package
 * it depends on. The map {label: package} leads to all of them, and only the loader holds it.
 * Packages to keep bear the name DEMO_PREFIX + label.
 *
 * Owns:     a struct demo_daemon its process and directory; a struct demo_loader its process.
 * Threads:  one.
 * Failure:  told on stderr where it happens; the functions return 0 or the exit status.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "client/heapctl/command.h"
#include "client/heapctl/dpkg.h"

#define DEMO_PREFIX "packages/"

enum { DEMO_LABEL, DEMO_VERSION, DEMO_SIZE, DEMO_FIRST_REFERENCE };

/* A heapd of our own, on a socket in a directory of its own. */
struct demo_daemon {
        pid_t pid;
        int trace; /* what it says on stderr, in memory */
        char directory[32];
        char socket[64];
        char lock[80];
};

#define DEMO_DAEMON_NULL ((struct demo_daemon){.pid = -1, .trace = -1})

/*
 * Starts `path`, or the heapd that is found, and waits until it listens. Until demo_daemon_stop() a
 * signal that ends this process removes the directory too, so `daemon` must stay where it is.
 */
int demo_daemon_start(struct demo_daemon *daemon, const char *path);

/* Ends it by SIGTERM; it must exit with 0. Stopping one that was never started is fine. */
int demo_daemon_stop(struct demo_daemon *daemon);

/* Prints the lines of the collector's trace, each behind `indent`. */
void demo_daemon_print_trace(const struct demo_daemon *daemon, const char *indent);

struct demo_loader {
        pid_t pid;
        uint32_t n_requests;
};

/* Starts a process that connects to `socket`, loads all packages, names those to keep, and waits.
 */
int demo_loader_start(struct demo_loader *loader, const char *socket, const struct dpkg *dpkg,
                      const bool *keep);

/* SIGKILL. */
void demo_loader_kill(struct demo_loader *loader);

/* What can be reached from the names, as read back over the socket. */
struct demo_survivors {
        bool *alive;      /* by package */
        int64_t *through; /* the package through which it was reached first; -1: by its name */
        uint32_t *distance;
        uint32_t n_alive;
};

int demo_survivors_read(struct demo_survivors *survivors, struct heapd *conn,
                        const struct dpkg *dpkg);
void demo_survivors_deinit(struct demo_survivors *survivors);
