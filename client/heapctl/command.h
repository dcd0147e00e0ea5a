/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Command: one invocation of heapctl and what every command needs for it.
 *
 * A command prints data on stdout, messages on stderr, and returns the exit status: 0, or one of
 * <sysexits.h> that fits, else 1. Main opens nothing: a command that talks to the daemon connects,
 * and main closes.
 */

#include <stdbool.h>
#include <stddef.h>
#include "client/heapctl/bench.h"
#include "heapd.h"

struct invocation {
        const char *command;
        const char *socket; /* NULL: libheapd's default */
        bool json;          /* asked for, or stdout is no terminal */
        bool json_asked;    /* by --json */
        char **args;        /* what follows the command, options taken out */
        int n_args;
        char **keep; /* demo: the names behind --keep */
        int n_keep;
        const char *daemon; /* demo: --daemon */
        struct bench_options bench;
        struct heapd *conn;
};

#define COMMAND(symbol, name, n_min, n_max, args, help, examples) \
        int command_##symbol(struct invocation *invocation);
#include "client/heapctl/commands.def"
#undef COMMAND

/* Connects and says hello; 0 or the exit status, with the reason told. */
int command_connect(struct invocation *invocation);

/* Tells why a call failed with `code`, `what` being what was tried; returns the exit status. */
int command_failed(const struct invocation *invocation, int code, const char *what);

/* One number of what heapd_stats() returned; 0 if it is not there. */
uint64_t command_stat(const struct heapd_result *stats, const char *section, const char *name);
