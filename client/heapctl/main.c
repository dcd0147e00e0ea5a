/* SPDX-License-Identifier: MIT */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "client/heapctl/command.h"

/*
 * heapctl COMMAND: options may stand before or behind the command. The first argument that is no
 * option is the command; its own arguments are checked against the table when all are known.
 */

struct command {
        const char *name;
        int n_args_min;
        int n_args_max;
        const char *args;
        const char *help;
        const char *examples;
        int (*run)(struct invocation *invocation);
};

static const struct command COMMANDS[] = {
#define COMMAND(symbol, name, n_min, n_max, args, help, examples) \
        {name, n_min, n_max, args, help, examples, command_##symbol},
#include "client/heapctl/commands.def"
#undef COMMAND
};

enum { N_COMMANDS = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

enum {
        OPTION_DAEMON = 256,
        OPTION_KEEP,
        OPTION_JSON,
        OPTION_MIX,
#define BENCH_OPTION(field, name, least, most, normal, help) OPTION_BENCH_##field,
#include "client/heapctl/bench_options.def"
#undef BENCH_OPTION
};

#define OPTIONS_ALL                                                                                \
        {"socket",                                                                                 \
         's',                                                                                      \
         "PATH",                                                                                   \
         0,                                                                                        \
         "where heapd listens (default: $HEAPD_SOCKET, "                                           \
         "/run/heapd/heapd.sock, $XDG_RUNTIME_DIR/heapd.sock)",                                    \
         0},                                                                                       \
        {                                                                                          \
                "json", OPTION_JSON, NULL, 0, "print JSON, as is done when stdout is no terminal", \
                        0                                                                          \
        }

static const struct argp_option OPTIONS[] = {OPTIONS_ALL, {0}};

static const struct argp_option OPTIONS_DEMO[] = {
        {"keep", OPTION_KEEP, "NAME...", 0, "name these packages, and no others", 0},
        {"daemon", OPTION_DAEMON, "PATH", 0,
         "the heapd to start when --socket is not given (default: $HEAPD_DAEMON, else looked for)",
         0},
        OPTIONS_ALL,
        {0},
};

static const struct argp_option OPTIONS_BENCH[] = {
#define BENCH_OPTION(field, name, least, most, normal, help) \
        {name, OPTION_BENCH_##field, "N", 0, help, 0},
#include "client/heapctl/bench_options.def"
#undef BENCH_OPTION
        {"mix", OPTION_MIX, "GET:SET", 0, "reads and writes in this proportion (1:1)", 0},
        OPTIONS_ALL,
        {0},
};

static const char DOC[] = "Talk to heapd, the shared garbage-collected heap of this host.\v"
                          "Commands:\n"
#define COMMAND(symbol, name, n_min, n_max, args, help, examples) \
        "  " name " " args "\n        " help "\n"
#include "client/heapctl/commands.def"
#undef COMMAND
                          "\n`heapctl COMMAND --help` shows examples.\n"
                          "Exit status: 0, or 1 when heapd refused, 64 usage, 69 no daemon, 75 try "
                          "again, 77 no permission.";

static const struct command *command;

static void invocation_argument(struct invocation *invocation, char *arg, struct argp_state *state)
{
        if (invocation->n_keep > 0) { /* --keep NAME... takes all that follow */
                invocation->keep[invocation->n_keep++] = arg;
        } else {
                invocation->args[invocation->n_args++] = arg;
        }
        if (invocation->n_args > command->n_args_max) {
                argp_error(state, "too many arguments");
        }
}

static void invocation_number(const char *arg, uint32_t least, uint32_t most, uint32_t *ret_number,
                              struct argp_state *state)
{
        char *end;
        unsigned long number = strtoul(arg, &end, 10);

        if (*arg < '0' || *arg > '9' || *end != '\0' || number < least || number > most) {
                argp_error(state, "'%s' is no number from %u to %u", arg, least, most);
                return;
        }
        *ret_number = (uint32_t)number;
}

static void invocation_mix(const char *arg, struct bench_options *bench, struct argp_state *state)
{
        unsigned gets, sets;
        int n_used = 0;

        if (sscanf(arg, "%4u:%4u%n", &gets, &sets, &n_used) != 2 || arg[n_used] != '\0' ||
            gets + sets == 0) {
                argp_error(state, "'%s' is not like 9:1", arg);
                return;
        }
        bench->n_gets = gets;
        bench->n_sets = sets;
}

static error_t invocation_parse(int key, char *arg, struct argp_state *state)
{
        struct invocation *invocation = state->input;

        switch (key) {
        case 's':
                invocation->socket = arg;
                return 0;
        case OPTION_JSON:
                invocation->json = invocation->json_asked = true;
                return 0;
        case OPTION_DAEMON:
                invocation->daemon = arg;
                return 0;
        case OPTION_KEEP:
                invocation->keep[invocation->n_keep++] = arg;
                return 0;
        case OPTION_MIX:
                invocation_mix(arg, &invocation->bench, state);
                return 0;
#define BENCH_OPTION(field, name, least, most, normal, help)                          \
        case OPTION_BENCH_##field:                                                    \
                invocation_number(arg, least, most, &invocation->bench.field, state); \
                return 0;
#include "client/heapctl/bench_options.def"
#undef BENCH_OPTION
        case ARGP_KEY_ARG:
                if (!command) { /* the rest is the command's */
                        invocation->command = arg;
                        state->next = state->argc;
                        return 0;
                }
                invocation_argument(invocation, arg, state);
                return 0;
        case ARGP_KEY_END:
                if (command && invocation->n_args < command->n_args_min) {
                        argp_error(state, "it needs %s", command->args);
                } else if (!command && !invocation->command) {
                        argp_error(state, "which command?");
                }
                return 0;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

static int find_command(const char *name)
{
        for (size_t i = 0; i < N_COMMANDS; i++) {
                if (strcmp(COMMANDS[i].name, name) == 0) {
                        command = &COMMANDS[i];
                        return 0;
                }
        }
        return -1;
}

/* Where the command stands: argp went through what is before it. */
static int find_position(int argc, char **argv, const char *name)
{
        for (int i = 1; i < argc; i++) {
                if (argv[i] == name) {
                        return i;
                }
        }
        return argc;
}

static const struct argp_option *command_options(void)
{
        return command->run == command_demo    ? OPTIONS_DEMO
               : command->run == command_bench ? OPTIONS_BENCH
                                               : OPTIONS;
}

static int run(struct invocation *invocation, int argc, char **argv)
{
        struct argp argp = {.options = OPTIONS,
                            .parser = invocation_parse,
                            .doc = DOC,
                            .args_doc = "COMMAND [ARGUMENT...]"};
        char doc[2048], title[128];
        int at, r;

        argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, invocation);
        if (find_command(invocation->command) < 0) {
                fprintf(stderr, "heapctl: there is no command '%s'; `heapctl --help` lists them\n",
                        invocation->command);
                return EX_USAGE;
        }
        at = find_position(argc, argv, invocation->command);
        snprintf(doc, sizeof(doc), "%s\vExamples:\n%s", command->help, command->examples);
        snprintf(title, sizeof(title), "heapctl %s", command->name);
        argp.doc = doc;
        argp.args_doc = command->args;
        argp.options = command_options();
        argv[at] = title;
        argp_parse(&argp, argc - at, argv + at, ARGP_IN_ORDER, NULL, invocation);
        r = command->run(invocation);
        heapd_close(invocation->conn);
        return r;
}

int main(int argc, char **argv)
{
        struct invocation invocation = {
                .json = !isatty(STDOUT_FILENO),
                .bench = BENCH_OPTIONS_DEFAULT,
                .args = calloc((size_t)argc + 1, sizeof(char *)),
                .keep = calloc((size_t)argc + 1, sizeof(char *)),
        };
        int r = EX_OSERR;

        argp_program_version = "heapctl " HEAPD_VERSION;
        if (invocation.args && invocation.keep) {
                r = run(&invocation, argc, argv);
        }
        free(invocation.args);
        free(invocation.keep);
        return r;
}
