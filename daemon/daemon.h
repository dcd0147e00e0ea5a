/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Daemon: owns every part; start order and stop order on one page.
 *
 * Threads:  daemon_run() is the process: its thread becomes the service loop.
 * Failure:  is logged and becomes the exit status: 0 after SIGTERM or SIGINT, else as sysexits(3h).
 */

struct options;

int daemon_run(const struct options *options);
