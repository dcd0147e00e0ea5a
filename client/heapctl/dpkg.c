/* SPDX-License-Identifier: MIT */
#include "client/heapctl/dpkg.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The text is cut up in place: continuation lines lose their newline, values get a NUL. A stanza
 * becomes a package when it ends, if it is installed and complete.
 */

struct dpkg_parser {
        struct dpkg *dpkg;
        struct package package; /* the stanza in hand */
        const char *status;
        bool begun;
        size_t line;
        size_t n_packages_cap;
        size_t n_names_cap;
        struct dpkg_flaw *flaw;
};

static const struct package PACKAGE_EMPTY = {
        .architecture = "", .provides = "", .depends = {"", ""}};

static int dpkg_refuse(struct dpkg_parser *parser, const char *reason)
{
        *parser->flaw = (struct dpkg_flaw){.line = parser->line, .reason = reason};
        return DPKG_E_SYNTAX;
}

static void *dpkg_grow(void *array, size_t n, size_t *n_cap, size_t size)
{
        size_t n_cap_new = *n_cap ? *n_cap * 2 : 256;

        if (n < *n_cap) {
                return array;
        }
        array = reallocarray(array, n_cap_new, size);
        if (array) {
                *n_cap = n_cap_new;
        }
        return array;
}

static bool dpkg_installed(const char *status)
{
        const char *state = strrchr(status, ' ');

        return state && (strcmp(state, " installed") == 0 || strncmp(state, " triggers-", 10) == 0);
}

static int dpkg_stanza_end(struct dpkg_parser *parser)
{
        struct dpkg *dpkg = parser->dpkg;
        struct package package = parser->package;
        const char *status = parser->status;
        struct package *packages;

        if (!parser->begun) {
                return 0;
        }
        parser->begun = false;
        parser->package = PACKAGE_EMPTY;
        parser->status = NULL;
        if (!package.name || !status) {
                return dpkg_refuse(parser, "a stanza ends without Package or Status");
        }
        if (!dpkg_installed(status)) {
                return 0;
        }
        if (!package.version) {
                return dpkg_refuse(parser, "an installed package has no Version");
        }
        if (dpkg->n_packages == DPKG_PACKAGES_MAX) {
                return dpkg_refuse(parser, "too many packages");
        }
        packages = dpkg_grow(dpkg->packages, dpkg->n_packages, &parser->n_packages_cap,
                             sizeof(package));
        if (!packages) {
                return -ENOMEM;
        }
        dpkg->packages = packages;
        package.label = package.name;
        packages[dpkg->n_packages++] = package;
        return 0;
}

static int dpkg_field(struct dpkg_parser *parser, const char *field, char *value)
{
        struct package *package = &parser->package;
        char *end;

        parser->begun = true;
        if (strcasecmp(field, "Package") == 0) {
                size_t n = strcspn(value, " \t:|,()<>[]");

                if (n == 0 || value[n] || n > DPKG_LABEL_BYTES_MAX / 2) {
                        return dpkg_refuse(parser, "this is no name of a package");
                }
                if (package->name) {
                        return dpkg_refuse(parser, "a second Package in one stanza");
                }
                package->name = value;
        } else if (strcasecmp(field, "Status") == 0) {
                parser->status = value;
        } else if (strcasecmp(field, "Version") == 0) {
                package->version = value;
        } else if (strcasecmp(field, "Architecture") == 0) {
                package->architecture = value;
        } else if (strcasecmp(field, "Priority") == 0) {
                package->essential = strcmp(value, "required") == 0 ||
                                     strcmp(value, "important") == 0;
        } else if (strcasecmp(field, "Installed-Size") == 0) {
                package->size_kib = strtoull(value, &end, 10);
                if (end == value || *end) {
                        return dpkg_refuse(parser, "Installed-Size is not a number");
                }
        } else if (strcasecmp(field, "Provides") == 0) {
                package->provides = value;
        } else if (strcasecmp(field, "Pre-Depends") == 0) {
                package->depends[0] = value;
        } else if (strcasecmp(field, "Depends") == 0) {
                package->depends[1] = value;
        }
        return 0;
}

/* Cuts one field, continuation lines included, out of the text; returns where the next line is. */
static int dpkg_line(struct dpkg_parser *parser, char **at)
{
        char *line = *at, *end = strchrnul(line, '\n'), *colon, *value;
        size_t n_lines = 1;
        int r;

        if (end - line == (ptrdiff_t)strspn(line, " \t")) { /* a blank line ends a stanza */
                *at = *end ? end + 1 : end;
                r = dpkg_stanza_end(parser);
                parser->line++;
                return r;
        }
        if (*line == ' ' || *line == '\t') {
                return dpkg_refuse(parser, "a continuation of nothing");
        }
        while (*end && (end[1] == ' ' || end[1] == '\t')) {
                *end = ' ';
                end = strchrnul(end, '\n');
                n_lines++;
        }
        *at = *end ? end + 1 : end;
        *end = '\0';
        colon = strchr(line, ':');
        if (!colon || colon == line || memchr(line, ' ', (size_t)(colon - line))) {
                return dpkg_refuse(parser, "neither 'Field: value' nor a continuation");
        }
        *colon = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
        while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
                *--end = '\0';
        }
        r = dpkg_field(parser, line, value);
        parser->line += n_lines;
        return r;
}

/* The next name in a list of dependencies; NULL at the end. Moves *at behind it. */
static const char *dpkg_next_name(const char **at, size_t *ret_n)
{
        const char *name = *at + strspn(*at, " \t,|");
        int depth = 0;
        const char *end;

        if (!*name) {
                return NULL;
        }
        *ret_n = strcspn(name, " \t,|:([<");
        for (end = name + *ret_n; *end && (depth > 0 || !strchr(",|", *end)); end++) {
                depth += *end == '(' ? 1 : *end == ')' && depth > 0 ? -1 : 0;
        }
        *at = end;
        return name;
}

static int dpkg_compare(const char *one, size_t n_one, const char *other, size_t n_other)
{
        int order = memcmp(one, other, n_one < n_other ? n_one : n_other);

        return order ? order : (n_one > n_other) - (n_one < n_other);
}

static int dpkg_name_order(const void *one, const void *other)
{
        const struct dpkg_name *a = one, *b = other;
        int order = dpkg_compare(a->name, a->n, b->name, b->n);

        return order ? order : (a->package > b->package) - (a->package < b->package);
}

static int dpkg_package_order(const void *one, const void *other)
{
        const struct package *a = one, *b = other;
        int order = strcmp(a->label, b->label);

        return order ? order : strcmp(a->architecture, b->architecture);
}

static int dpkg_add_name(struct dpkg_parser *parser, const char *name, size_t n, uint32_t package)
{
        struct dpkg *dpkg = parser->dpkg;
        struct dpkg_name *names = dpkg_grow(dpkg->names, dpkg->n_names, &parser->n_names_cap,
                                            sizeof(*names));

        if (!names) {
                return -ENOMEM;
        }
        dpkg->names = names;
        names[dpkg->n_names++] = (struct dpkg_name){.name = name, .n = n, .package = package};
        return 0;
}

/*
 * Sorts by label. Of packages with one name, the first keeps it as its label and each further one
 * is labelled name:architecture; the colon makes that a label of nobody else.
 */
static int dpkg_label(struct dpkg_parser *parser)
{
        struct dpkg *dpkg = parser->dpkg;
        bool again = false;

        qsort(dpkg->packages, dpkg->n_packages, sizeof(*dpkg->packages), dpkg_package_order);
        for (uint32_t i = 1; i < dpkg->n_packages; i++) {
                struct package *package = &dpkg->packages[i], *before = package - 1;

                if (strcmp(package->name, before->name) != 0) {
                        continue;
                }
                if (strcmp(package->architecture, before->architecture) == 0) {
                        return dpkg_refuse(parser, "a package is there twice");
                }
                char *label = malloc(strlen(package->name) + strlen(package->architecture) + 2);

                if (!label) {
                        return -ENOMEM;
                }
                stpcpy(stpcpy(stpcpy(label, package->name), ":"), package->architecture);
                package->label = label;
                again = true;
        }
        if (again) {
                qsort(dpkg->packages, dpkg->n_packages, sizeof(*dpkg->packages),
                      dpkg_package_order);
        }
        return 0;
}

static int dpkg_index(struct dpkg_parser *parser)
{
        struct dpkg *dpkg = parser->dpkg;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < dpkg->n_packages; i++) {
                const char *at = dpkg->packages[i].provides, *name;
                size_t n;

                r = dpkg_add_name(parser, dpkg->packages[i].name, strlen(dpkg->packages[i].name),
                                  i);
                while (r == 0 && (name = dpkg_next_name(&at, &n))) {
                        r = dpkg_add_name(parser, name, n, i);
                }
        }
        qsort(dpkg->names, dpkg->n_names, sizeof(*dpkg->names), dpkg_name_order);
        return r;
}

/* The first entry not before `name`. */
static const struct dpkg_name *dpkg_lookup(const struct dpkg *dpkg, const char *name, size_t n)
{
        uint32_t low = 0, high = dpkg->n_names;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                const struct dpkg_name *entry = &dpkg->names[middle];

                if (dpkg_compare(entry->name, entry->n, name, n) < 0) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return &dpkg->names[low];
}

static int dpkg_index_order(const void *one, const void *other)
{
        uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

        return (a > b) - (a < b);
}

static int dpkg_refer(struct dpkg_parser *parser, struct package *package)
{
        struct dpkg *dpkg = parser->dpkg;
        size_t n_cap = 0, n_name, n = 0;
        uint32_t n_unique = 0;

        for (int i = 0; i < 2; i++) {
                const char *at = package->depends[i], *name;

                while ((name = dpkg_next_name(&at, &n_name))) {
                        const struct dpkg_name *entry = dpkg_lookup(dpkg, name, n_name);

                        for (; entry < dpkg->names + dpkg->n_names &&
                               dpkg_compare(entry->name, entry->n, name, n_name) == 0;
                             entry++) {
                                uint32_t *all = dpkg_grow(package->references, n, &n_cap,
                                                          sizeof(*all));

                                if (!all) {
                                        return -ENOMEM;
                                }
                                package->references = all;
                                all[n++] = entry->package;
                                if (n > DPKG_REFERENCES_MAX) {
                                        return dpkg_refuse(parser, "too many dependencies");
                                }
                        }
                }
        }
        if (n > 0) {
                qsort(package->references, n, sizeof(*package->references), dpkg_index_order);
        }
        for (size_t i = 0; i < n; i++) {
                if (i == 0 || package->references[i] != package->references[i - 1]) {
                        package->references[n_unique++] = package->references[i];
                }
        }
        package->n_references = n_unique;
        dpkg->n_references += n_unique;
        return 0;
}

int dpkg_parse(struct dpkg *dpkg, char *text, struct dpkg_flaw *ret_flaw)
{
        struct dpkg_parser parser = {
                .dpkg = dpkg, .package = PACKAGE_EMPTY, .line = 1, .flaw = ret_flaw};
        char *at = text;
        int r = 0;

        *dpkg = (struct dpkg){.text = text};
        while (r == 0 && *at) {
                r = dpkg_line(&parser, &at);
        }
        if (r == 0) {
                r = dpkg_stanza_end(&parser);
        }
        if (r == 0 && dpkg->n_packages == 0) {
                r = dpkg_refuse(&parser, "no package is installed");
        }
        if (r == 0) {
                r = dpkg_label(&parser);
        }
        if (r == 0) {
                r = dpkg_index(&parser);
        }
        for (uint32_t i = 0; r == 0 && i < dpkg->n_packages; i++) {
                r = dpkg_refer(&parser, &dpkg->packages[i]);
        }
        if (r != 0) {
                dpkg_deinit(dpkg);
        }
        return r;
}

int dpkg_load(struct dpkg *dpkg, const char *path, struct dpkg_flaw *ret_flaw)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        char *text = malloc(1), *more;
        size_t n = 0, n_cap = 1;
        ssize_t n_read = 1;

        if (fd < 0 || !text) {
                int r = fd < 0 ? -errno : -ENOMEM;

                free(text);
                return r;
        }
        while (n_read > 0) {
                if (n + 1 >= n_cap) {
                        more = n_cap > DPKG_BYTES_MAX ? NULL : realloc(text, n_cap * 2 + 65536);
                        if (!more) {
                                n_read = -1;
                                errno = n_cap > DPKG_BYTES_MAX ? EFBIG : ENOMEM;
                                break;
                        }
                        text = more;
                        n_cap = n_cap * 2 + 65536;
                }
                n_read = read(fd, text + n, n_cap - n - 1);
                n += n_read > 0 ? (size_t)n_read : 0;
        }
        if (n_read < 0) {
                int r = -errno;

                close(fd);
                free(text);
                return r;
        }
        close(fd);
        text[n] = '\0';
        if (strlen(text) != n) {
                free(text);
                *ret_flaw = (struct dpkg_flaw){.line = 1, .reason = "this is no text"};
                return DPKG_E_SYNTAX;
        }
        return dpkg_parse(dpkg, text, ret_flaw);
}

void dpkg_deinit(struct dpkg *dpkg)
{
        for (uint32_t i = 0; i < dpkg->n_packages; i++) {
                struct package *package = &dpkg->packages[i];

                if (package->label != package->name) {
                        free((char *)package->label);
                }
                free(package->references);
        }
        free(dpkg->packages);
        free(dpkg->names);
        free(dpkg->text);
        *dpkg = (struct dpkg){0};
}

int64_t dpkg_find(const struct dpkg *dpkg, const char *label, size_t n)
{
        uint32_t low = 0, high = dpkg->n_packages;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                const char *found = dpkg->packages[middle].label;
                int order = dpkg_compare(found, strlen(found), label, n);

                if (order == 0) {
                        return middle;
                }
                if (order < 0) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return -1;
}

int dpkg_closure(const struct dpkg *dpkg, bool *reached, uint32_t *ret_n_reached)
{
        uint32_t *queue = calloc(dpkg->n_packages + 1u, sizeof(*queue));
        uint32_t n_queued = 0;

        if (!queue) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < dpkg->n_packages; i++) {
                if (reached[i]) {
                        queue[n_queued++] = i;
                }
        }
        for (uint32_t i = 0; i < n_queued; i++) {
                const struct package *package = &dpkg->packages[queue[i]];

                for (uint32_t k = 0; k < package->n_references; k++) {
                        if (!reached[package->references[k]]) {
                                reached[package->references[k]] = true;
                                queue[n_queued++] = package->references[k];
                        }
                }
        }
        free(queue);
        *ret_n_reached = n_queued;
        return 0;
}
