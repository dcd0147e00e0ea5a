/* SPDX-License-Identifier: MIT */

/*
 * The load of `heapctl bench` for peers that do not speak heapd's protocol:
 *
 *   bench_load resp|echo SOCKET [OPTION=NUMBER...]      options: client/heapctl/bench_options.def
 *
 * resp: GET and SET of a Redis that has the keys 0, 1, ... echo: 8 bytes come back, from
 * peers/echo.c: the machine's floor.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "client/heapctl/bench.h"

enum { ECHO_BYTES = 8 };

/* --- RESP --- */

static void resp_put_bulk(struct writer *writer, const char *bytes, size_t n)
{
        char head[24];

        writer_raw(writer, head, (size_t)snprintf(head, sizeof(head), "$%zu\r\n", n));
        writer_raw(writer, bytes, n);
        writer_raw(writer, "\r\n", 2);
}

static void resp_put(struct writer *writer, const struct bench_request *request)
{
        const char *key = strrchr(request->key, '/') + 1; /* a record's number ends its name */

        writer_raw(writer, request->get ? "*2\r\n" : "*3\r\n", 4);
        resp_put_bulk(writer, request->get ? "GET" : "SET", 3);
        resp_put_bulk(writer, key, strlen(key));
        if (!request->get) {
                resp_put_bulk(writer, request->value, request->n_value);
        }
}

static ssize_t resp_take(const uint8_t *bytes, size_t n, uint32_t number, char refusal[64])
{
        const uint8_t *end = memchr(bytes, '\n', n);
        size_t n_line = end ? (size_t)(end - bytes) + 1 : 0, n_bulk;

        if (!end) {
                return 0;
        }
        switch (bytes[0]) {
        case '-':
                snprintf(refusal, 64, "%.*s", (int)strcspn((const char *)bytes + 1, " \r"),
                         (const char *)bytes + 1);
                return (ssize_t)n_line;
        case '$':
                n_bulk = strtoul((const char *)bytes + 1, NULL, 10) + 2;
                if (bytes[1] == '-') {
                        snprintf(refusal, 64, "no such key");
                        return (ssize_t)n_line;
                }
                return n - n_line < n_bulk ? 0 : (ssize_t)(n_line + n_bulk);
        case '+':
                return (ssize_t)n_line;
        default:
                return -EPROTO;
        }
}

/* --- echo --- */

static void echo_put(struct writer *writer, const struct bench_request *request)
{
        uint64_t number = request->number;

        writer_raw(writer, &number, ECHO_BYTES);
}

static ssize_t echo_take(const uint8_t *bytes, size_t n, uint32_t number, char refusal[64])
{
        uint64_t got;

        if (n < ECHO_BYTES) {
                return 0;
        }
        memcpy(&got, bytes, ECHO_BYTES);
        return got == number ? ECHO_BYTES : -EPROTO;
}

static const struct {
        const char *name;
        struct bench_protocol protocol;
} protocols[] = {
        {"resp", {.put = resp_put, .take = resp_take}},
        {"echo", {.put = echo_put, .take = echo_take}},
};

static const struct {
        const char *name;
        size_t at;
} numbers[] = {
#define BENCH_OPTION(field, name, least, most, normal, help) \
        {name, offsetof(struct bench_options, field)},
#include "client/heapctl/bench_options.def"
#undef BENCH_OPTION
};

static bool parse_option(const char *argument, struct bench_options *options)
{
        const char *equals = strchr(argument, '=');

        for (size_t i = 0; equals && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                if (strncmp(argument, numbers[i].name, (size_t)(equals - argument)) == 0) {
                        uint32_t *number = (uint32_t *)((char *)options + numbers[i].at);

                        *number = (uint32_t)strtoul(equals + 1, NULL, 10);
                        return true;
                }
        }
        return false;
}

static const struct bench_protocol *parse_protocol(const char *name)
{
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
                if (strcmp(name, protocols[i].name) == 0) {
                        return &protocols[i].protocol;
                }
        }
        return NULL;
}

int main(int argc, char **argv)
{
        struct bench_options options = BENCH_OPTIONS_DEFAULT;
        const struct bench_protocol *protocol = argc > 2 ? parse_protocol(argv[1]) : NULL;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct bench_result *result = calloc(1, sizeof(*result));
        static const volatile sig_atomic_t never;
        bool good = protocol && strlen(argv[2]) < sizeof(address.sun_path);
        int r;

        for (int i = 3; i < argc; i++) {
                good = good && parse_option(argv[i], &options);
        }
        if (!good || !result) {
                fprintf(stderr, "usage: bench_load resp|echo SOCKET [OPTION=NUMBER...]\n");
                return 64;
        }
        strcpy(address.sun_path, argv[2]);
        r = bench_run(&options, protocol, (struct sockaddr *)&address, sizeof(address), &never,
                      result);
        if (r < 0) {
                fprintf(stderr, "bench_load: %s\n", strerror(-r));
                return 1;
        }
        bench_print_json(&options, result);
        return result->n_refused == 0 && result->n_unanswered == 0 ? 0 : 1;
}
