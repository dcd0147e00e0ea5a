/* SPDX-License-Identifier: MIT */

/* echo SOCKET: sends back what it reads, with epoll and nothing else: what the machine itself costs
 * a request. Says READY on its standard error. */

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { N_EVENTS = 64 };

static void echo(int fd)
{
        char bytes[65536];
        ssize_t n = read(fd, bytes, sizeof(bytes));

        if (n <= 0 || write(fd, bytes, (size_t)n) != n) {
                close(fd);
        }
}

static void serve(int listener)
{
        struct epoll_event events[N_EVENTS], event = {.events = EPOLLIN, .data.fd = listener};
        int epoll = epoll_create1(0);

        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
        fprintf(stderr, "READY\n");
        for (;;) {
                int n = epoll_wait(epoll, events, N_EVENTS, -1);

                for (int i = 0; i < n; i++) {
                        if (events[i].data.fd != listener) {
                                echo(events[i].data.fd);
                                continue;
                        }
                        event.data.fd = accept(listener, NULL, NULL);
                        epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
                }
        }
}

int main(int argc, char **argv)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);

        if (argc < 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
                fprintf(stderr, "usage: echo SOCKET\n");
                return 64;
        }
        strcpy(address.sun_path, argv[1]);
        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(listener, 128) < 0) {
                perror("echo");
                return 1;
        }
        serve(listener);
}
