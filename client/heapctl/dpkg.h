/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Dpkg: the installed packages in a dpkg status file, and how they refer to each other.
 *
 * A package refers to every installed package that one of its Depends or Pre-Depends names, in any
 * alternative, by its name or through Provides. Versions, architectures and what is not installed
 * are passed over. A second architecture of a package is labelled name:architecture.
 *
 * Owns:     the text, and everything in struct dpkg; strings point into the text.
 * Threads:  plain data.
 * Failure:  -errno, or DPKG_E_SYNTAX with the line and the reason in *ret_flaw.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        DPKG_BYTES_MAX = 256 << 20,
        DPKG_PACKAGES_MAX = 500000,
        DPKG_LABEL_BYTES_MAX = 256,
        DPKG_REFERENCES_MAX = 60000, /* of one package: they must fit a record */
};

enum { _DPKG_E_SUCCESS, DPKG_E_SYNTAX };

struct dpkg_flaw {
        size_t line;
        const char *reason;
};

struct package {
        const char *label; /* unique */
        const char *name;
        const char *version;
        const char *architecture;
        const char *provides;
        const char *depends[2]; /* Pre-Depends, Depends */
        uint64_t size_kib;
        bool essential; /* of priority required or important */
        uint32_t *references;
        uint32_t n_references;
};

/* One name that leads to a package. Sorted by name, then by package. */
struct dpkg_name {
        const char *name;
        size_t n;
        uint32_t package;
};

struct dpkg {
        char *text;
        struct package *packages; /* sorted by label */
        uint32_t n_packages;
        struct dpkg_name *names; /* own ones and provided ones */
        uint32_t n_names;
        uint32_t n_references; /* of all */
};

int dpkg_load(struct dpkg *dpkg, const char *path, struct dpkg_flaw *ret_flaw);

/* Takes the text, which was allocated and ends in a NUL, in any case. */
int dpkg_parse(struct dpkg *dpkg, char *text, struct dpkg_flaw *ret_flaw);
void dpkg_deinit(struct dpkg *dpkg);

/* The index of the package with this label, or -1. */
int64_t dpkg_find(const struct dpkg *dpkg, const char *label, size_t n);

/*
 * Sets reached[i] for all packages that can be reached from those that have it set already, and
 * counts them in *ret_n_reached. `reached` has n_packages elements. -ENOMEM.
 */
int dpkg_closure(const struct dpkg *dpkg, bool *reached, uint32_t *ret_n_reached);
