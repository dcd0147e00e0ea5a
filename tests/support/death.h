/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Death: whether a call aborts, seen from outside: it runs in a child of its own, whose complaint
 * on stderr is swallowed. Works with both runners of unit.h.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool death_aborts(void (*call)(void *), void *user)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int fd = open("/dev/null", O_WRONLY);

                dup2(fd, STDERR_FILENO);
                signal(SIGABRT, SIG_DFL);
                call(user);
                _exit(0);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
               WTERMSIG(status) == SIGABRT;
}
