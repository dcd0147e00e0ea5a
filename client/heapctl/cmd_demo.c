/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "client/heapctl/command.h"
#include "client/heapctl/demo.h"
#include "client/heapctl/render.h"

/* heapctl demo packages: the story of heapd in six steps, told while it happens. */

enum { DEMO_END_MS = 2000, DEMO_POLL_MS = 2, DEMO_DIFFERENCES = 5 };

/* The heap at one moment. */
struct level {
        uint64_t n_objects;
        uint64_t size_bytes;
        uint64_t n_sessions;
};

struct demo {
        struct invocation *invocation;
        const char *path;
        struct dpkg dpkg;
        bool *keep;     /* by package */
        bool *expected; /* what they reach, by the file alone */
        uint32_t n_keep;
        uint32_t n_expected;
        bool quiet; /* --json: nothing but the summary */
        struct demo_daemon daemon;
        struct demo_loader loader;
        struct demo_survivors survivors;
        struct level empty, loaded, survived, left;
};

__attribute__((format(printf, 2, 3))) static void say(const struct demo *demo, const char *format,
                                                      ...)
{
        va_list args;

        if (!demo->quiet) {
                va_start(args, format);
                vprintf(format, args);
                va_end(args);
                fflush(stdout);
        }
}

/* Reads the file, and finds out by itself what ought to survive. */
static int demo_prepare(struct demo *demo)
{
        const struct invocation *invocation = demo->invocation;
        struct dpkg *dpkg = &demo->dpkg;
        struct dpkg_flaw flaw;
        int r = dpkg_load(dpkg, demo->path, &flaw);

        if (r != 0) {
                if (r < 0) {
                        fprintf(stderr, "heapctl: demo: %s: %s\n", demo->path, heapd_error_name(r));
                } else {
                        fprintf(stderr, "heapctl: demo: %s:%zu: %s\n", demo->path, flaw.line,
                                flaw.reason);
                }
                return EX_DATAERR;
        }
        demo->keep = calloc(dpkg->n_packages, sizeof(bool));
        demo->expected = calloc(dpkg->n_packages, sizeof(bool));
        if (!demo->keep || !demo->expected) {
                return EX_OSERR;
        }
        for (uint32_t i = 0; i < dpkg->n_packages; i++) {
                demo->keep[i] = invocation->n_keep == 0 && dpkg->packages[i].essential;
        }
        for (int i = 0; i < invocation->n_keep; i++) {
                int64_t at = dpkg_find(dpkg, invocation->keep[i], strlen(invocation->keep[i]));

                if (at < 0) {
                        fprintf(stderr, "heapctl: demo: package '%s' is not installed\n",
                                invocation->keep[i]);
                        return EX_DATAERR;
                }
                demo->keep[at] = true;
        }
        for (uint32_t i = 0; i < dpkg->n_packages; i++) {
                demo->expected[i] = demo->keep[i];
                demo->n_keep += demo->keep[i];
        }
        return dpkg_closure(dpkg, demo->expected, &demo->n_expected) == 0 ? 0 : EX_OSERR;
}

static int demo_level(struct demo *demo, bool collect, struct level *ret_level)
{
        heapd_auto_result struct heapd_result *stats = NULL;
        struct heapd *conn = demo->invocation->conn;
        int r = collect ? heapd_gc(conn, true, NULL) : 0;

        r = r == 0 ? heapd_stats(conn, &stats) : r;
        if (r != 0) {
                return command_failed(demo->invocation, r, "demo");
        }
        *ret_level = (struct level){
                .n_objects = command_stat(stats, "memory", "objects"),
                .size_bytes = command_stat(stats, "memory", "alloc_bytes"),
                .n_sessions = command_stat(stats, "sessions", "sessions"),
        };
        return 0;
}

static int demo_connect(struct demo *demo)
{
        struct invocation *invocation = demo->invocation;
        int r = 0;

        if (!invocation->socket) {
                r = demo_daemon_start(&demo->daemon, invocation->daemon);
                invocation->socket = demo->daemon.socket;
        }
        r = r == 0 ? command_connect(invocation) : r;
        r = r == 0 ? demo_level(demo, true, &demo->empty) : r;
        if (r == 0) {
                say(demo, "1. heapd serves %s heap on %s\n",
                    demo->daemon.pid > 0 ? "an empty" : "its", invocation->socket);
        }
        return r;
}

/* "1,234 objects, 56.7 KiB": the difference between two moments. */
static const char *demo_difference(char buffer[96], const struct level *more,
                                   const struct level *less)
{
        struct heapd_value unit = heapd_text("bytes");
        char count[RENDER_NUMBER_BYTES], size[RENDER_NUMBER_BYTES];
        uint64_t n = more->n_objects > less->n_objects ? more->n_objects - less->n_objects : 0;
        uint64_t bytes = more->size_bytes > less->size_bytes ? more->size_bytes - less->size_bytes
                                                             : 0;

        snprintf(buffer, 96, "%s objects, %s", render_count(count, n),
                 render_quantity(size, &unit, bytes));
        return buffer;
}

static const char *demo_first_named(const struct demo *demo)
{
        for (uint32_t i = 0; i < demo->dpkg.n_packages; i++) {
                if (demo->keep[i]) {
                        return demo->dpkg.packages[i].label;
                }
        }
        return "";
}

static int demo_load(struct demo *demo)
{
        char packages[RENDER_NUMBER_BYTES], references[RENDER_NUMBER_BYTES];
        char requests[RENDER_NUMBER_BYTES], difference[96];
        int r;

        say(demo, "2. A process of its own loads %s:\n", demo->path);
        r = demo_loader_start(&demo->loader, demo->invocation->socket, &demo->dpkg, demo->keep);
        r = r == 0 ? demo_level(demo, true, &demo->loaded) : r;
        if (r != 0) {
                return r;
        }
        say(demo,
            "   %s packages that refer to each other %s times, and a map of them,\n"
            "   in one pipeline of %s requests: %s\n"
            "   (records, and strings that are too long for a slot).\n"
            "   It lives, so a collection reclaims none of that.\n",
            render_count(packages, demo->dpkg.n_packages),
            render_count(references, demo->dpkg.n_references),
            render_count(requests, demo->loader.n_requests),
            demo_difference(difference, &demo->loaded, &demo->empty));
        say(demo, "   It names %" PRIu32 " of them (%s), e.g. \"" DEMO_PREFIX "%s\".\n",
            demo->n_keep,
            demo->invocation->n_keep > 0 ? "those given by --keep"
                                         : "priority required or important",
            demo_first_named(demo));
        return 0;
}

/* The kernel closes the socket at once, and the daemon notices it with its next look. */
static int demo_kill(struct demo *demo)
{
        uint64_t n_sessions = demo->loaded.n_sessions;
        struct level now = demo->loaded;
        int r = 0;

        say(demo, "3. It is killed (SIGKILL). It has cleaned up nothing.\n");
        demo_loader_kill(&demo->loader);
        for (int ms = 0; r == 0 && now.n_sessions >= n_sessions && ms < DEMO_END_MS;
             ms += DEMO_POLL_MS) {
                poll(NULL, 0, DEMO_POLL_MS);
                r = demo_level(demo, false, &now);
        }
        return r == 0 ? demo_level(demo, true, &demo->survived) : r;
}

static void demo_print_why(const struct demo *demo)
{
        const struct demo_survivors *survivors = &demo->survivors;
        int64_t farthest = -1;
        int64_t path[8];
        int n = 0;

        for (uint32_t i = 0; i < demo->dpkg.n_packages; i++) {
                if (survivors->alive[i] &&
                    (farthest < 0 || survivors->distance[i] > survivors->distance[farthest])) {
                        farthest = i;
                }
        }
        if (farthest < 0) {
                return;
        }
        say(demo, "   Why is %s alive?\n      ", demo->dpkg.packages[farthest].label);
        for (int64_t at = farthest; at >= 0; at = survivors->through[at]) {
                path[n % 8] = at;
                n++;
        }
        say(demo, "name \"" DEMO_PREFIX "%s\"", demo->dpkg.packages[path[(n - 1) % 8]].label);
        if (n > 8) {
                say(demo, " -> (%d more)", n - 8);
        }
        for (int i = n > 8 ? 7 : n - 1; i-- > 0;) {
                say(demo, " -> %s", demo->dpkg.packages[path[i]].label);
        }
        say(demo, "\n");
}

/* Whether exactly those live that the file implies; the first few that do not are told. */
static int demo_compare(const struct demo *demo)
{
        const struct demo_survivors *survivors = &demo->survivors;
        int n_differences = 0;

        for (uint32_t i = 0; i < demo->dpkg.n_packages; i++) {
                if (survivors->alive[i] == demo->expected[i]) {
                        continue;
                }
                if (n_differences++ < DEMO_DIFFERENCES) {
                        fprintf(stderr, "heapctl: demo: %s %s\n", demo->dpkg.packages[i].label,
                                demo->expected[i] ? "should have survived" : "should be gone");
                }
        }
        if (n_differences > DEMO_DIFFERENCES) {
                fprintf(stderr, "heapctl: demo: and %d more\n", n_differences - DEMO_DIFFERENCES);
        }
        return n_differences == 0 ? 0 : EXIT_FAILURE;
}

static int demo_check(struct demo *demo)
{
        char reclaimed[96], survived[96];
        int r;

        say(demo, "4. The collector reclaims %s; what is left is\n   %s.\n",
            demo_difference(reclaimed, &demo->loaded, &demo->survived),
            demo_difference(survived, &demo->survived, &demo->empty));
        r = demo_survivors_read(&demo->survivors, demo->invocation->conn, &demo->dpkg);
        if (r != 0) {
                return r;
        }
        say(demo,
            "5. Read back over the socket, the names reach %" PRIu32 " packages, all intact.\n",
            demo->survivors.n_alive);
        demo_print_why(demo);
        r = demo_compare(demo);
        say(demo, "   By the file alone it must be %" PRIu32 ": %s.\n", demo->n_expected,
            r == 0 ? "the two sets are equal" : "THE TWO SETS DIFFER");
        return r;
}

/* Takes the names away again, after which nothing of the demo is left. */
static int demo_clean(struct demo *demo)
{
        struct heapd *conn = demo->invocation->conn;
        char left[96];
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < demo->dpkg.n_packages; i++) {
                if (demo->keep[i]) {
                        char name[sizeof(DEMO_PREFIX) + DPKG_LABEL_BYTES_MAX];

                        snprintf(name, sizeof(name), DEMO_PREFIX "%s",
                                 demo->dpkg.packages[i].label);
                        heapd_begin(conn, "name.del");
                        heapd_put_text(conn, name);
                        r = heapd_send(conn, NULL);
                }
        }
        r = r == 0 ? heapd_finish(conn) : r;
        if (r != 0) {
                return command_failed(demo->invocation, r, "demo");
        }
        r = demo_level(demo, true, &demo->left);
        if (r != 0) {
                return r;
        }
        say(demo, "6. The names are deleted, and the heap holds %s more than at first.\n",
            demo_difference(left, &demo->left, &demo->empty));
        if (demo->daemon.pid > 0 && demo->left.n_objects != demo->empty.n_objects) {
                fprintf(stderr, "heapctl: demo: something was left behind\n");
                return EXIT_FAILURE; /* in a heap that others use too it may be theirs */
        }
        return 0;
}

static struct json_object *demo_json_level(const struct level *level)
{
        struct json_object *json = json_object_new_object();

        json_object_object_add(json, "objects", json_object_new_uint64(level->n_objects));
        json_object_object_add(json, "bytes", json_object_new_uint64(level->size_bytes));
        return json;
}

static void demo_print_json(const struct demo *demo)
{
        struct json_object *json = json_object_new_object(), *names = json_object_new_array();

        for (uint32_t i = 0; i < demo->dpkg.n_packages; i++) {
                if (demo->survivors.alive && demo->survivors.alive[i]) {
                        json_object_array_add(names,
                                              json_object_new_string(demo->dpkg.packages[i].label));
                }
        }
        json_object_object_add(json, "packages", json_object_new_uint64(demo->dpkg.n_packages));
        json_object_object_add(json, "references", json_object_new_uint64(demo->dpkg.n_references));
        json_object_object_add(json, "named", json_object_new_uint64(demo->n_keep));
        json_object_object_add(json, "expected", json_object_new_uint64(demo->n_expected));
        json_object_object_add(json, "survivors", names);
        json_object_object_add(json, "empty", demo_json_level(&demo->empty));
        json_object_object_add(json, "loaded", demo_json_level(&demo->loaded));
        json_object_object_add(json, "survived", demo_json_level(&demo->survived));
        json_object_object_add(json, "left", demo_json_level(&demo->left));
        render_json(json);
        json_object_put(json);
}

static int demo_run(struct demo *demo)
{
        int r = demo_prepare(demo);

        r = r == 0 ? demo_connect(demo) : r;
        r = r == 0 ? demo_load(demo) : r;
        r = r == 0 ? demo_kill(demo) : r;
        r = r == 0 ? demo_check(demo) : r;
        if (demo->survived.n_objects > 0) {
                int clean = demo_clean(demo);

                r = r == 0 ? clean : r;
        }
        return r;
}

int command_demo(struct invocation *invocation)
{
        struct demo demo = {
                .invocation = invocation,
                .path = invocation->n_args > 1 ? invocation->args[1] : "/var/lib/dpkg/status",
                .quiet = invocation->json_asked,
                .daemon = DEMO_DAEMON_NULL,
                .loader.pid = -1,
        };
        int r, stopped;

        if (strcmp(invocation->args[0], "packages") != 0 || invocation->n_args > 2) {
                fprintf(stderr, "heapctl: the one demo is `heapctl demo packages [STATUS-FILE]`\n");
                return EX_USAGE;
        }
        r = demo_run(&demo);
        if (demo.loader.pid > 0) {
                demo_loader_kill(&demo.loader);
        }
        if (demo.daemon.pid > 0 && r == 0 && !demo.quiet) {
                say(&demo, "\nThe collector's trace (the format is Go's):\n");
                demo_daemon_print_trace(&demo.daemon, "   ");
        }
        if (demo.quiet && demo.survivors.alive) {
                demo_print_json(&demo);
        }
        stopped = demo_daemon_stop(&demo.daemon);
        free(demo.keep);
        free(demo.expected);
        dpkg_deinit(&demo.dpkg);
        demo_survivors_deinit(&demo.survivors);
        return r == 0 ? stopped : r;
}
