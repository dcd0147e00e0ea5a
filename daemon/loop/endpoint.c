/* SPDX-License-Identifier: MIT */
#include "loop/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

#define ENDPOINT_BACKLOG 4096

const char *endpoint_explain(enum endpoint_outcome outcome)
{
        static const char *const text[_ENDPOINT_N] = {
                [ENDPOINT_E_IN_USE] = "another daemon is serving it",
                [ENDPOINT_E_NOT_SOCKET] = "it exists and is not a socket",
                [ENDPOINT_E_TOO_LONG] = "the path is too long for a socket",
                [ENDPOINT_E_ADDRESS] = "it is neither a path nor ADDRESS:PORT",
                [ENDPOINT_E_NOT_LOOPBACK] = "only loopback addresses are served",
        };

        hd_assert(outcome < _ENDPOINT_N && text[outcome]);
        return text[outcome];
}

/* The lock file may be removed by its last owner between our open and our lock: look again. */
static int endpoint_lock(const char *path, int *ret_fd)
{
        char name[sizeof(((struct endpoint *)0)->path) + sizeof(".lock")];

        snprintf(name, sizeof(name), "%s.lock", path);
        for (;;) {
                _cleanup_close_ int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
                                              0600);
                struct stat held, named;

                if (fd < 0) {
                        return -errno;
                }
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        return errno == EWOULDBLOCK ? ENDPOINT_E_IN_USE : -errno;
                }
                if (fstat(fd, &held) == 0 && stat(name, &named) == 0 &&
                    held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
                        *ret_fd = steal_fd(&fd);
                        return 0;
                }
        }
}

/* With the lock held: what lies at the path is left over, or is not ours to touch. */
static int endpoint_clear_stale(const struct sockaddr_un *address)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (lstat(address->sun_path, &st) < 0) {
                return errno == ENOENT ? 0 : -errno;
        }
        if (!S_ISSOCK(st.st_mode)) {
                return ENDPOINT_E_NOT_SOCKET;
        }
        /* Somebody who knows nothing of our lock may listen there. */
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
                return -errno;
        }
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
            errno == EAGAIN) {
                return ENDPOINT_E_IN_USE;
        }
        if (errno != ECONNREFUSED) {
                return -errno;
        }
        return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/*
 * Linux gives the name in the file system the mode of the socket's own inode, less the umask: set
 * before bind() there is no window. What the umask took away is put back afterwards.
 */
static int endpoint_bind_unix(int fd, const struct sockaddr_un *address, mode_t mode)
{
        if (fchmod(fd, mode) < 0 ||
            bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
                return -errno;
        }
        if (chmod(address->sun_path, mode) < 0 || listen(fd, ENDPOINT_BACKLOG) < 0) {
                int r = -errno;

                unlink(address->sun_path);
                return r;
        }
        return 0;
}

static int endpoint_open_unix(struct endpoint *endpoint, const char *path, mode_t mode)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct endpoint opened = ENDPOINT_NULL;
        struct stat st;
        int r;

        if (strlen(path) >= sizeof(address.sun_path)) {
                return ENDPOINT_E_TOO_LONG;
        }
        memcpy(address.sun_path, path, strlen(path) + 1);
        r = endpoint_lock(path, &opened.lock_fd);
        if (r == 0) {
                memcpy(opened.path, address.sun_path, sizeof(opened.path));
                r = endpoint_clear_stale(&address);
        }
        if (r == 0) {
                opened.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                r = opened.fd < 0 ? -errno : endpoint_bind_unix(opened.fd, &address, mode);
        }
        if (r == 0 && lstat(path, &st) == 0) {
                opened.device = st.st_dev;
                opened.inode = st.st_ino;
        }
        if (r != 0) {
                endpoint_close(&opened);
                return r;
        }
        *endpoint = opened;
        return 0;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT"; no names, so that nothing outside decides what loopback is.
 */
static int endpoint_parse_inet(const char *text, struct sockaddr_storage *ret_address,
                               socklen_t *ret_length)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN + 2], *end;
        unsigned long port;
        size_t n;

        if (!colon || (size_t)(colon - text) >= sizeof(host) || colon[1] < '0' || colon[1] > '9') {
                return ENDPOINT_E_ADDRESS;
        }
        n = (size_t)(colon - text);
        memcpy(host, text, n);
        host[n] = '\0';
        port = strtoul(colon + 1, &end, 10);
        if (*end || port > 65535) {
                return ENDPOINT_E_ADDRESS;
        }
        memset(ret_address, 0, sizeof(*ret_address));
        if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons((uint16_t)port);
                *ret_length = sizeof(*v4);
                return ntohl(v4->sin_addr.s_addr) >> 24 == 127 ? 0 : ENDPOINT_E_NOT_LOOPBACK;
        }
        if (n < 3 || host[0] != '[' || host[n - 1] != ']') {
                return ENDPOINT_E_ADDRESS;
        }
        host[n - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1) {
                return ENDPOINT_E_ADDRESS;
        }
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *ret_length = sizeof(*v6);
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ? 0 : ENDPOINT_E_NOT_LOOPBACK;
}

static int endpoint_open_inet(struct endpoint *endpoint, const char *text)
{
        struct sockaddr_storage address;
        _cleanup_close_ int fd = -1;
        socklen_t length;
        int r, on = 1;

        r = endpoint_parse_inet(text, &address, &length);
        if (r != 0) {
                return r;
        }
        fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
                return -errno;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, ENDPOINT_BACKLOG) < 0) {
                return errno == EADDRINUSE ? ENDPOINT_E_IN_USE : -errno;
        }
        *endpoint = ENDPOINT_NULL;
        endpoint->fd = steal_fd(&fd);
        return 0;
}

int endpoint_open(struct endpoint *endpoint, const char *address, mode_t mode, bool inet)
{
        if (strncmp(address, "unix:", 5) == 0) {
                address += 5;
        } else if (inet && address[0] != '/') {
                return endpoint_open_inet(endpoint, address);
        }
        return address[0] ? endpoint_open_unix(endpoint, address, mode) : ENDPOINT_E_ADDRESS;
}

int endpoint_adopt(struct endpoint *endpoint, int fd)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
                return -errno;
        }
        *endpoint = ENDPOINT_NULL;
        endpoint->fd = fd;
        return 0;
}

void endpoint_close(struct endpoint *endpoint)
{
        struct stat st;

        if (endpoint->fd >= 0) {
                close(endpoint->fd);
        }
        if (endpoint->inode && lstat(endpoint->path, &st) == 0 && st.st_ino == endpoint->inode &&
            st.st_dev == endpoint->device) {
                unlink(endpoint->path);
        }
        if (endpoint->lock_fd >= 0) {
                char name[sizeof(endpoint->path) + sizeof(".lock")];

                snprintf(name, sizeof(name), "%s.lock", endpoint->path);
                unlink(name); /* while it is locked: endpoint_lock() looks again */
                close(endpoint->lock_fd);
        }
        *endpoint = ENDPOINT_NULL;
}

int endpoint_take_fd(struct endpoint *endpoint)
{
        return steal_fd(&endpoint->fd);
}
