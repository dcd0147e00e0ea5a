/* SPDX-License-Identifier: MIT */
/* Listening sockets: whose path it is, with which mode, and which addresses are served at all. */
#include "loop/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/unit.h"

static char folder[64];
static char path[96];

static void setup(void)
{
        snprintf(folder, sizeof(folder), "/tmp/heapd-test-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/sock", folder);
}

static void teardown(void)
{
        cr_assert_eq(rmdir(folder), 0, "something was left in %s", folder);
}

static int try_connect(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        r = connect(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        return r;
}

Test(loop_endpoint, a_path_is_made_with_its_mode_whatever_the_umask, .init = setup,
     .fini = teardown)
{
        mode_t modes[] = {0600, 0660, 0666};
        mode_t umasks[] = {0, 022, 077, 0777};

        for (unsigned i = 0; i < 12; i++) {
                struct endpoint endpoint;
                struct stat st;
                mode_t old = umask(umasks[i % 4]);

                cr_assert_eq(endpoint_open(&endpoint, path, modes[i / 4], false), 0);
                umask(old);
                cr_assert_eq(stat(path, &st), 0);
                cr_assert_eq(st.st_mode & 0777, modes[i / 4]);
                cr_assert_eq(try_connect(), 0);
                endpoint_close(&endpoint);
                cr_assert_eq(stat(path, &st), -1);
        }
}

Test(loop_endpoint, a_second_owner_is_refused_until_the_first_is_gone, .init = setup,
     .fini = teardown)
{
        struct endpoint first, second;
        char address[128];

        snprintf(address, sizeof(address), "unix:%s", path);
        cr_assert_eq(endpoint_open(&first, path, 0600, false), 0);
        cr_assert_eq(endpoint_open(&second, address, 0600, true), ENDPOINT_E_IN_USE);
        cr_assert_eq(try_connect(), 0, "the refused one has broken the first");
        endpoint_close(&first);
        cr_assert_eq(endpoint_open(&second, address, 0600, true), 0);
        endpoint_close(&second);
}

static int bind_without_lock(int backlog)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (backlog >= 0) {
                cr_assert_eq(listen(fd, backlog), 0);
        }
        return fd;
}

Test(loop_endpoint, a_stale_socket_is_replaced, .init = setup, .fini = teardown)
{
        struct endpoint endpoint;

        close(bind_without_lock(8));
        cr_assert_eq(try_connect(), -1);
        cr_assert_eq(endpoint_open(&endpoint, path, 0660, false), 0);
        cr_assert_eq(try_connect(), 0);
        endpoint_close(&endpoint);
}

Test(loop_endpoint, a_listener_that_knows_no_lock_is_respected, .init = setup, .fini = teardown)
{
        struct endpoint endpoint;
        int fd = bind_without_lock(8);

        cr_assert_eq(endpoint_open(&endpoint, path, 0660, false), ENDPOINT_E_IN_USE);
        cr_assert_eq(try_connect(), 0);
        close(fd);
        unlink(path);
}

Test(loop_endpoint, a_file_that_is_no_socket_is_never_removed, .init = setup, .fini = teardown)
{
        struct endpoint endpoint;

        close(open(path, O_CREAT | O_WRONLY, 0600));
        cr_assert_eq(endpoint_open(&endpoint, path, 0660, false), ENDPOINT_E_NOT_SOCKET);
        cr_assert_eq(unlink(path), 0);
}

Test(loop_endpoint, a_successor_at_the_path_is_not_removed, .init = setup, .fini = teardown)
{
        struct endpoint endpoint;
        int fd;

        cr_assert_eq(endpoint_open(&endpoint, path, 0660, false), 0);
        unlink(path);
        fd = bind_without_lock(8);
        endpoint_close(&endpoint);
        cr_assert_eq(try_connect(), 0);
        close(fd);
        unlink(path);
}

Test(loop_endpoint, a_path_has_a_longest_length)
{
        struct endpoint endpoint;
        char longest[109];

        memset(longest, 'x', sizeof(longest));
        longest[0] = '/';
        longest[108] = '\0';
        cr_assert_eq(endpoint_open(&endpoint, longest, 0600, false), ENDPOINT_E_TOO_LONG);
        cr_assert_eq(endpoint_open(&endpoint, "", 0600, false), ENDPOINT_E_ADDRESS);
        cr_assert_eq(endpoint_open(&endpoint, "/nowhere/at/all", 0600, false), -ENOENT);
}

Test(loop_endpoint, only_loopback_addresses_are_served)
{
        static const struct {
                const char *address;
                int outcome;
        } cases[] = {
                {"127.0.0.1:0", 0},
                {"127.9.9.9:0", 0},
                {"0.0.0.0:0", ENDPOINT_E_NOT_LOOPBACK},
                {"192.0.2.1:80", ENDPOINT_E_NOT_LOOPBACK},
                {"128.0.0.1:0", ENDPOINT_E_NOT_LOOPBACK},
                {"[::]:0", ENDPOINT_E_NOT_LOOPBACK},
                {"[2001:db8::1]:0", ENDPOINT_E_NOT_LOOPBACK},
                {"localhost:80", ENDPOINT_E_ADDRESS},
                {"127.0.0.1", ENDPOINT_E_ADDRESS},
                {"127.0.0.1:", ENDPOINT_E_ADDRESS},
                {"127.0.0.1:65536", ENDPOINT_E_ADDRESS},
                {"127.0.0.1:+1", ENDPOINT_E_ADDRESS},
                {"127.0.0.1:1x", ENDPOINT_E_ADDRESS},
                {"::1:80", ENDPOINT_E_ADDRESS},
                {"[::1:80", ENDPOINT_E_ADDRESS},
                {":80", ENDPOINT_E_ADDRESS},
                {"[]:80", ENDPOINT_E_ADDRESS},
        };

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct endpoint endpoint;
                int r = endpoint_open(&endpoint, cases[i].address, 0600, true);

                cr_assert_eq(r, cases[i].outcome, "%s gave %d", cases[i].address, r);
                if (r == 0) {
                        endpoint_close(&endpoint);
                }
        }
}
