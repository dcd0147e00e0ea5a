/* SPDX-License-Identifier: MIT */
#include "doors.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "service/options.h"
#include "service/systemd.h"

static const struct {
        const char *name; /* of the socket that a service manager hands over */
        const char *what;
        mode_t mode;
        bool inet;
} doors_table[_DOOR_N] = {
        [DOOR_RPC] = {"rpc", "clients", 0660, false},
        [DOOR_STATS] = {"stats", "statistics", 0660, true},
        [DOOR_CONSOLE] = {"console", "the console", 0600, false},
};

static int doors_open_one(struct doors *doors, enum door door, const char *address)
{
        int r;

        if (!address || doors->endpoints[door].fd >= 0) {
                return 0; /* not wanted, or handed over */
        }
        r = endpoint_open(&doors->endpoints[door], address, doors_table[door].mode,
                          doors_table[door].inet);
        if (r == 0) {
                log_info("Serving %s on '%s'", doors_table[door].what, address);
                return 0;
        }
        log_error("Cannot serve %s on '%s': %s", doors_table[door].what, address,
                  r < 0 ? strerror(-r) : endpoint_explain((enum endpoint_outcome)r));
        if (r == ENDPOINT_E_IN_USE) {
                return EX_UNAVAILABLE;
        }
        return r > 0 ? EX_USAGE : r == -EACCES || r == -EPERM ? EX_NOPERM : 1;
}

/* A socket without a name of its own is the one for clients. */
static int doors_on_socket(void *user, const char *name, int fd)
{
        struct doors *doors = user;

        for (unsigned i = 0; i < _DOOR_N; i++) {
                bool mine = strcmp(name, doors_table[i].name) == 0 ||
                            (i == DOOR_RPC && strcmp(name, "unknown") == 0);

                if (mine && doors->endpoints[i].fd < 0) {
                        log_info("Serving %s on the socket handed over", doors_table[i].what);
                        return endpoint_adopt(&doors->endpoints[i], fd);
                }
        }
        log_warning("A socket named '%s' was handed over, ignoring it", name);
        close(fd);
        return 0;
}

int doors_open(struct doors *doors, const struct options *options)
{
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
        const char *socket = options->socket;
        int r = systemd_take_sockets(doors_on_socket, doors);

        if (r < 0) {
                log_error("Cannot take over sockets: %s", strerror(-r));
                return 1;
        }
        if (!socket && doors->endpoints[DOOR_RPC].fd < 0) {
                if (!options_default_socket(path)) {
                        log_error("Nowhere to put the socket: give --socket");
                        return EX_USAGE;
                }
                if (strncmp(path, OPTIONS_RUN_FOLDER "/", sizeof(OPTIONS_RUN_FOLDER)) == 0) {
                        mkdir(OPTIONS_RUN_FOLDER, 0755); /* else opening says what is wrong */
                }
                socket = path;
        }
        r = doors_open_one(doors, DOOR_RPC, socket);
        r = r ? r : doors_open_one(doors, DOOR_STATS, options->stats);
        return r ? r : doors_open_one(doors, DOOR_CONSOLE, options->console);
}

void doors_init(struct doors *doors)
{
        for (unsigned i = 0; i < _DOOR_N; i++) {
                doors->endpoints[i] = ENDPOINT_NULL;
        }
}

void doors_close(struct doors *doors)
{
        for (unsigned i = 0; i < _DOOR_N; i++) {
                endpoint_close(&doors->endpoints[i]);
        }
}
