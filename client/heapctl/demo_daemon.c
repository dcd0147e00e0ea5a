/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include "client/heapctl/demo.h"

enum { DEMO_START_MS = 10000, DEMO_STEP_MS = 10 };

/* Where heapd stands when nobody says: beside heapctl, as installed, or in the build tree. */
static const char *demo_daemon_find(char *buffer, size_t size)
{
        static const char *const PLACES[] = {"heapd", "../sbin/heapd", "../../daemon/heapd"};
        const char *named = getenv("HEAPD_DAEMON");
        char self[512];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (named) {
                return named;
        }
        self[n > 0 ? n : 0] = '\0';
        for (size_t i = 0; n > 0 && i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
                char directory[sizeof(self)];

                memcpy(directory, self, sizeof(self));
                snprintf(buffer, size, "%s/%s", dirname(directory), PLACES[i]);
                if (access(buffer, X_OK) == 0) {
                        return buffer;
                }
        }
        return "heapd"; /* from PATH */
}

/* The one that a signal must clean up after. */
static const struct demo_daemon *demo_daemon_running;

static void demo_daemon_remove(const struct demo_daemon *daemon)
{
        unlink(daemon->socket);
        unlink(daemon->lock);
        rmdir(daemon->directory);
}

static void demo_daemon_on_signal(int number)
{
        demo_daemon_remove(demo_daemon_running);
        raise(number); /* its disposition is the default again; the daemon follows by itself */
}

static void demo_daemon_watch(const struct demo_daemon *daemon)
{
        static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
        struct sigaction action = {.sa_flags = (int)SA_RESETHAND};

        action.sa_handler = daemon ? demo_daemon_on_signal : SIG_DFL;
        if (daemon) {
                demo_daemon_running = daemon;
        }
        for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
                sigaction(ENDS[i], &action, NULL);
        }
}

static _Noreturn void demo_daemon_exec(const struct demo_daemon *daemon, const char *path)
{
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(daemon->trace, STDERR_FILENO);
        execlp(path, "heapd", "--socket", daemon->socket, "--gctrace", (char *)NULL);
        dprintf(STDERR_FILENO, "cannot run %s: %s\n", path, heapd_error_name(-errno));
        _exit(127);
}

static void demo_daemon_print(const struct demo_daemon *daemon, FILE *to, const char *start,
                              const char *indent)
{
        char line[512], path[32];
        FILE *trace;

        /* Opened anew: the daemon's descriptor shares its position with ours. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", daemon->trace);
        trace = fopen(path, "r");
        if (!trace) {
                return;
        }
        while (fgets(line, sizeof(line), trace)) {
                if (strncmp(line, start, strlen(start)) == 0) {
                        fprintf(to, "%s%s", indent, line);
                }
        }
        fclose(trace);
}

void demo_daemon_print_trace(const struct demo_daemon *daemon, const char *indent)
{
        demo_daemon_print(daemon, stdout, "gc ", indent);
}

/* Waits until something answers on the socket; false if the daemon ended instead. */
static bool demo_daemon_await(struct demo_daemon *daemon)
{
        for (int waited_ms = 0; waited_ms < DEMO_START_MS; waited_ms += DEMO_STEP_MS) {
                struct heapd *conn;

                if (heapd_connect(&conn, daemon->socket) == 0) {
                        heapd_close(conn);
                        return true;
                }
                if (waitpid(daemon->pid, NULL, WNOHANG) == daemon->pid) {
                        daemon->pid = -1;
                        return false;
                }
                poll(NULL, 0, DEMO_STEP_MS);
        }
        return false;
}

int demo_daemon_start(struct demo_daemon *daemon, const char *path)
{
        char found[600];

        strcpy(daemon->directory, "/tmp/heapctl-demo-XXXXXX");
        if (!mkdtemp(daemon->directory)) {
                daemon->directory[0] = '\0';
                fprintf(stderr, "heapctl: demo: no directory in /tmp: %s\n",
                        heapd_error_name(-errno));
                return EX_CANTCREAT;
        }
        snprintf(daemon->socket, sizeof(daemon->socket), "%s/heapd.sock", daemon->directory);
        snprintf(daemon->lock, sizeof(daemon->lock), "%s.lock", daemon->socket);
        demo_daemon_watch(daemon);
        daemon->trace = memfd_create("gctrace", MFD_CLOEXEC);
        path = path ? path : demo_daemon_find(found, sizeof(found));
        daemon->pid = daemon->trace < 0 ? -1 : fork();
        if (daemon->pid == 0) {
                demo_daemon_exec(daemon, path);
        }
        if (daemon->pid < 0) {
                fprintf(stderr, "heapctl: demo: %s\n", heapd_error_name(-errno));
                return EX_OSERR;
        }
        if (!demo_daemon_await(daemon)) {
                fprintf(stderr, "heapctl: demo: heapd did not start; it said:\n");
                demo_daemon_print(daemon, stderr, "", "  ");
                return EX_UNAVAILABLE;
        }
        return 0;
}

int demo_daemon_stop(struct demo_daemon *daemon)
{
        int status = 0;

        if (daemon->pid > 0) {
                kill(daemon->pid, SIGTERM);
                waitpid(daemon->pid, &status, 0);
        }
        if (daemon->trace >= 0) {
                if (status != 0) {
                        fprintf(stderr, "heapctl: demo: heapd ended badly; it said:\n");
                        demo_daemon_print(daemon, stderr, "", "  ");
                }
                close(daemon->trace);
        }
        if (daemon->directory[0]) {
                demo_daemon_watch(NULL);
                demo_daemon_remove(daemon);
        }
        *daemon = DEMO_DAEMON_NULL;
        return status == 0 ? 0 : EX_SOFTWARE;
}
