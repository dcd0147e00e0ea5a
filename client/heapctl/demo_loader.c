/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "client/heapctl/demo.h"

/* The process that loads the packages, in one pipeline without a single wait in between. */

enum { LOADER_CHUNK = 1000 };

struct loader {
        struct heapd *conn;
        const struct dpkg *dpkg;
        uint32_t *handles; /* by package */
        uint32_t n_requests;
        int r;
};

static void loader_send(struct loader *loader)
{
        if (loader->r == 0) {
                loader->r = heapd_send(loader->conn, NULL);
        }
        loader->n_requests++;
}

static void loader_record(struct loader *loader, uint32_t i)
{
        const struct package *package = &loader->dpkg->packages[i];

        loader->r = heapd_number(loader->conn, &loader->handles[i]);
        if (loader->r != 0) {
                return;
        }
        heapd_begin(loader->conn, "obj.new");
        heapd_put_text(loader->conn, "record");
        heapd_put_array(loader->conn, DEMO_FIRST_REFERENCE + package->n_references);
        heapd_put_text(loader->conn, package->label);
        heapd_put_text(loader->conn, package->version);
        heapd_put_uint(loader->conn, package->size_kib);
        for (uint32_t k = 0; k < package->n_references; k++) {
                heapd_put_nil(loader->conn); /* what it refers to may not be there yet */
        }
        heapd_put_into(loader->conn, loader->handles[i]);
        loader_send(loader);
}

static void loader_link(struct loader *loader, uint32_t i)
{
        const struct package *package = &loader->dpkg->packages[i];

        for (uint32_t k = 0; k < package->n_references;) {
                uint32_t n = package->n_references - k;

                n = n < LOADER_CHUNK ? n : LOADER_CHUNK;
                heapd_begin(loader->conn, "obj.set");
                heapd_put_uint(loader->conn, loader->handles[i]);
                heapd_put_map(loader->conn, n);
                for (; n > 0; n--, k++) {
                        heapd_put_uint(loader->conn, DEMO_FIRST_REFERENCE + k);
                        heapd_put_ref(loader->conn, loader->handles[package->references[k]]);
                }
                loader_send(loader);
        }
}

static void loader_map(struct loader *loader)
{
        uint32_t map, n_packages = loader->dpkg->n_packages;

        if (loader->r == 0) {
                loader->r = heapd_number(loader->conn, &map);
        }
        if (loader->r != 0) {
                return;
        }
        heapd_begin(loader->conn, "obj.new");
        heapd_put_text(loader->conn, "map");
        heapd_put_nil(loader->conn);
        heapd_put_into(loader->conn, map);
        loader_send(loader);
        for (uint32_t i = 0; i < n_packages;) {
                uint32_t n = n_packages - i < LOADER_CHUNK ? n_packages - i : LOADER_CHUNK;

                heapd_begin(loader->conn, "obj.set");
                heapd_put_uint(loader->conn, map);
                heapd_put_map(loader->conn, n);
                for (; n > 0; n--, i++) {
                        heapd_put_text(loader->conn, loader->dpkg->packages[i].label);
                        heapd_put_ref(loader->conn, loader->handles[i]);
                }
                loader_send(loader);
        }
}

static void loader_name(struct loader *loader, uint32_t i)
{
        char name[sizeof(DEMO_PREFIX) + DPKG_LABEL_BYTES_MAX];

        snprintf(name, sizeof(name), DEMO_PREFIX "%s", loader->dpkg->packages[i].label);
        heapd_begin(loader->conn, "name.put");
        heapd_put_text(loader->conn, name);
        heapd_put_uint(loader->conn, loader->handles[i]);
        loader_send(loader);
}

/* From here on only the loader's handles and the names hold what was loaded. */
static int loader_load(struct loader *loader, const char *socket, const bool *keep)
{
        uint32_t n = loader->dpkg->n_packages;

        loader->handles = calloc(n + 1u, sizeof(*loader->handles));
        loader->r = loader->handles ? heapd_connect(&loader->conn, socket) : -ENOMEM;
        if (loader->r == 0) {
                loader->r = heapd_hello(loader->conn, "heapctl demo loader", NULL);
        }
        for (uint32_t i = 0; loader->r == 0 && i < n; i++) {
                loader_record(loader, i);
        }
        for (uint32_t i = 0; loader->r == 0 && i < n; i++) {
                loader_link(loader, i);
        }
        loader_map(loader);
        for (uint32_t i = 0; loader->r == 0 && i < n; i++) {
                if (keep[i]) {
                        loader_name(loader, i);
                }
        }
        return loader->r == 0 ? heapd_finish(loader->conn) : loader->r;
}

static _Noreturn void loader_run(int report, const char *socket, const struct dpkg *dpkg,
                                 const bool *keep)
{
        struct loader loader = {.dpkg = dpkg};
        int r;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_DFL); /* the parent's to handle */
        signal(SIGTERM, SIG_DFL);
        r = loader_load(&loader, socket, keep);
        if (r != 0) {
                fprintf(stderr, "heapctl: demo: loading: %s (%s)\n",
                        loader.conn ? heapd_error_text(loader.conn) : "", heapd_error_name(r));
                _exit(EXIT_FAILURE);
        }
        if (write(report, &loader.n_requests, sizeof(loader.n_requests)) > 0) {
                for (;;) {
                        pause();
                }
        }
        _exit(EXIT_FAILURE);
}

int demo_loader_start(struct demo_loader *loader, const char *socket, const struct dpkg *dpkg,
                      const bool *keep)
{
        int report[2];
        ssize_t n;

        if (pipe(report) < 0) {
                fprintf(stderr, "heapctl: demo: %s\n", heapd_error_name(-errno));
                return EX_OSERR;
        }
        fflush(stdout);
        loader->pid = fork();
        if (loader->pid == 0) {
                close(report[0]);
                loader_run(report[1], socket, dpkg, keep);
        }
        close(report[1]);
        n = loader->pid < 0 ? 0 : read(report[0], &loader->n_requests, sizeof(loader->n_requests));
        close(report[0]);
        if (n == sizeof(loader->n_requests)) {
                return 0;
        }
        if (loader->pid > 0) { /* it has said why */
                demo_loader_kill(loader);
        }
        return EXIT_FAILURE;
}

void demo_loader_kill(struct demo_loader *loader)
{
        kill(loader->pid, SIGKILL);
        waitpid(loader->pid, NULL, 0);
        loader->pid = -1;
}
