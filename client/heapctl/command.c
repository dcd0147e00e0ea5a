/* SPDX-License-Identifier: MIT */
#include "client/heapctl/command.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static int command_status(int code)
{
        switch (code) {
        case -EACCES:
        case -EPERM:
        case HEAPD_E_DENIED:
        case HEAPD_E_AUTH:
                return EX_NOPERM;
        case -ETIMEDOUT:
        case HEAPD_E_BUSY:
        case HEAPD_E_TIMEOUT:
                return EX_TEMPFAIL;
        case -ECONNRESET:
        case -ECONNREFUSED:
        case -ENOENT:
        case HEAPD_E_SHUTDOWN:
                return EX_UNAVAILABLE;
        default:
                return EXIT_FAILURE;
        }
}

int command_failed(const struct invocation *invocation, int code, const char *what)
{
        const char *text = heapd_error_text(invocation->conn);

        if (code > 0) {
                fprintf(stderr, "heapctl: %s: %s (%s)\n", what, text, heapd_error_name(code));
        } else {
                fprintf(stderr, "heapctl: %s: %s\n", what, text);
        }
        return command_status(code);
}

int command_connect(struct invocation *invocation)
{
        const char *where = invocation->socket ? invocation->socket : getenv("HEAPD_SOCKET");
        int r = heapd_connect(&invocation->conn, where);

        if (r < 0) {
                fprintf(stderr,
                        "heapctl: cannot reach heapd at %s: %s\n"
                        "Is it running? Name its socket with --socket or in HEAPD_SOCKET.\n",
                        where ? where : "/run/heapd/heapd.sock or $XDG_RUNTIME_DIR/heapd.sock",
                        heapd_error_name(r));
                return command_status(r);
        }
        r = heapd_hello(invocation->conn, "heapctl", NULL);
        return r == 0 ? 0 : command_failed(invocation, r, "hello");
}

uint64_t command_stat(const struct heapd_result *stats, const char *section, const char *name)
{
        struct heapd_value map, value;
        uint64_t number = 0;

        if (heapd_find(heapd_result_value(stats), section, &map) &&
            heapd_find(&map, name, &value)) {
                heapd_as_uint(&value, &number);
        }
        return number;
}
