/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Console: a line-by-line debug console on a UNIX socket, for socat, telnet and people.
 *
 * It lives on the service loop. A command that must look into the store is a letter to the
 * executor, which runs it between two requests and mails the answer back; a person has one command
 * under way.
 *
 * Owns:     its listener and peers, at most CONSOLE_PEERS_MAX; borrows loops and sources.
 * Threads:  the service loop's. The executor's mailbox must close before this loop's does.
 * Failure:  ends the connection of that person.
 */

#include "base/list.h"
#include "console/command.h"
#include "loop/listener.h"
#include "loop/loop.h"

#define CONSOLE_PEERS_MAX 8u

struct console {
        struct listener listener;
        struct loop *loop;
        struct loop *executor;
        struct console_sources sources;
        struct list peers;
        unsigned n_peers;
};

/* Takes the listening `fd`. */
int console_open(struct console *console, struct loop *loop, struct loop *executor, int fd,
                 const struct console_sources *sources);
/* The memory is free once the loop has ended. */
void console_close(struct console *console);

/* Answers those who wait for a cycle up to this one. */
void console_cycle_ended(struct console *console, uint64_t cycle);
