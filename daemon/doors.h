/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Doors: the listening sockets of the daemon, from the command line or from the service manager.
 *
 * Owns:     the endpoints; who serves one takes its descriptor and leaves the name here.
 * Threads:  the first one.
 * Failure:  is logged; doors_open() returns the exit status that it means. What was opened until
 * then wants doors_close().
 */

#include "loop/endpoint.h"

struct options;

enum door { DOOR_RPC, DOOR_STATS, DOOR_CONSOLE, _DOOR_N };

struct doors {
        struct endpoint endpoints[_DOOR_N]; /* fd < 0: not wanted */
};

void doors_init(struct doors *doors);
int doors_open(struct doors *doors, const struct options *options);
void doors_close(struct doors *doors);
