/* SPDX-License-Identifier: MIT */
#include "service/options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_WORKERS_MAX 64u
#define OPTIONS_PERCENT_MAX 100000u

/* libc's argp looks for it by this name, so it must be seen from there. */
__attribute__((visibility("default"))) const char *argp_program_version = "heapd " HEAPD_VERSION;

static const char options_doc[] =
        "Serve one shared, garbage-collected heap to the processes of this host."
        "\vClients connect to the socket, create objects, link them and hand them on. An object "
        "lives as long as somebody can reach it: a connected client, or a name. When a client "
        "ends, however it ends, what only it could reach is collected.\n\n"
        "Without --socket: $HEAPD_SOCKET, else " OPTIONS_RUN_FOLDER "/heapd.sock where that may "
        "be written, else $XDG_RUNTIME_DIR/heapd.sock. A service manager may hand over listening "
        "sockets named rpc, stats and console instead.\n\n"
        "Try it:\n"
        "  heapd --socket /tmp/heapd.sock --gctrace &\n"
        "  heapctl --socket /tmp/heapd.sock ping\n\n"
        "SIGTERM and SIGINT finish the requests that were read, and exit with 0. Other exit "
        "codes: 1 failure, 64 wrong usage, 69 the socket is served already, 77 no permission.";

bool options_parse_bytes(const char *text, uint64_t *ret_bytes)
{
        static const char units[] = "KMGT";
        unsigned shift = 0;
        uint64_t n = 0;

        if (*text < '0' || *text > '9') {
                return false;
        }
        for (; *text >= '0' && *text <= '9'; text++) {
                if (__builtin_mul_overflow(n, UINT64_C(10), &n) ||
                    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n)) {
                        return false;
                }
        }
        if (*text) {
                const char *unit = strchr(units, *text >= 'a' ? *text - 'a' + 'A' : *text);

                if (!unit || text[1]) {
                        return false;
                }
                shift = 10 * (unsigned)(unit - units + 1);
        }
        if (n > UINT64_MAX >> shift) {
                return false;
        }
        *ret_bytes = n << shift;
        return true;
}

static bool options_parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
        size_t n = strspn(text, "0123456789");

        return n > 0 && !text[n] && options_parse_bytes(text, ret_number) && *ret_number <= max;
}

static void parse_TEXT(const char *text, const char **ret_field, struct argp_state *state)
{
        if (!*text) {
                argp_error(state, "an address may not be empty");
        }
        *ret_field = text;
}

static void parse_OPTIONAL(const char *text, const char **ret_field, struct argp_state *state)
{
        *ret_field = text ? text : "";
}

static void parse_FLAG(const char *text, bool *ret_field, struct argp_state *state)
{
        *ret_field = true;
}

static void parse_BYTES(const char *text, uint64_t *ret_field, struct argp_state *state)
{
        if (!options_parse_bytes(text, ret_field) || *ret_field == 0) {
                argp_error(state, "'%s' is no number of bytes such as 512M", text);
        }
}

static void parse_PERCENT(const char *text, int *ret_field, struct argp_state *state)
{
        uint64_t percent = 0;

        if (strcmp(text, "off") == 0) {
                *ret_field = -1;
                return;
        }
        if (!options_parse_number(text, OPTIONS_PERCENT_MAX, &percent)) {
                argp_error(state, "'%s' is neither a percentage up to %u nor off", text,
                           OPTIONS_PERCENT_MAX);
        }
        *ret_field = (int)percent;
}

static void parse_WORKERS(const char *text, unsigned *ret_field, struct argp_state *state)
{
        uint64_t n = 0;

        if (!options_parse_number(text, OPTIONS_WORKERS_MAX, &n) || n == 0) {
                argp_error(state, "'%s' is no number of threads from 1 to %u", text,
                           OPTIONS_WORKERS_MAX);
        }
        *ret_field = (unsigned)n;
}

enum {
        FLAGS_TEXT = 0,
        FLAGS_OPTIONAL = OPTION_ARG_OPTIONAL,
        FLAGS_FLAG = 0,
        FLAGS_BYTES = 0,
        FLAGS_PERCENT = 0,
        FLAGS_WORKERS = 0,
};

static error_t options_on_key(int key, char *text, struct argp_state *state)
{
        struct options *options = state->input;

        switch (key) {
#define OPTION(key_, name, argument, parser, field, help)     \
        case key_:                                            \
                parse_##parser(text, &options->field, state); \
                return 0;
#include "service/options.def"
#undef OPTION
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

void options_parse(struct options *ret_options, int argc, char **argv)
{
        static const struct argp_option table[] = {
#define OPTION(key_, name_, argument, parser, field, help) \
        {.name = name_, .key = key_, .arg = argument, .flags = FLAGS_##parser, .doc = help},
#include "service/options.def"
#undef OPTION
                {0},
        };
        static const struct argp argp = {
                .options = table, .parser = options_on_key, .doc = options_doc};

        *ret_options = (struct options){.gc_percent = OPTIONS_GC_PERCENT};
        argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}

bool options_default_socket(char ret_path[static sizeof(((struct sockaddr_un *)0)->sun_path)])
{
        const size_t n_max = sizeof(((struct sockaddr_un *)0)->sun_path);
        const char *given = getenv("HEAPD_SOCKET"), *folder = OPTIONS_RUN_FOLDER;
        int n;

        if (given && *given) {
                n = snprintf(ret_path, n_max, "%s", given);
                return n > 0 && (size_t)n < n_max;
        }
        if (geteuid() != 0 && access(folder, W_OK) < 0) {
                folder = getenv("XDG_RUNTIME_DIR");
        }
        if (!folder || !*folder) {
                return false;
        }
        n = snprintf(ret_path, n_max, "%s/heapd.sock", folder);
        return n > 0 && (size_t)n < n_max;
}
