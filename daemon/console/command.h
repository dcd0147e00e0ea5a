/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Command: what can be said at the console, from commands.def, and what is answered.
 *
 * Threads:  as its place in the table says. Private to console/.
 * Failure:  is part of the answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "console/text.h"

struct gc;
struct heap;
struct mutator;
struct net;
struct store;

#define COMMAND_WORDS_MAX 4u
#define COMMAND_ROWS_MAX  1000u

struct console_sources {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct store *store;
        const struct net *net;
        uint64_t start_ns; /* monotonic */
};

struct command_call {
        const struct console_sources *sources;
        const char *argument; /* "" if none was given */
        struct text *out;
        uint64_t cycle; /* set: answered further when this cycle has ended */
        bool quit;      /* set: the answer is the last */
};

enum command_place { COMMAND_HERE, COMMAND_EXECUTOR };

struct command {
        const char *name;
        const char *syntax;
        unsigned n_arguments_max;
        enum command_place place;
        const char *help;
        void (*run)(struct command_call *call);
};

/* NULL if there is no such command. */
const struct command *command_find(const char *name);

/* What is said when the cycle that `gc` waited for has ended. */
void command_gc_ended(const struct console_sources *sources, struct text *out);
