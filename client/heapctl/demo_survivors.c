/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "client/heapctl/demo.h"

/*
 * A breadth-first walk of the heap from the names, a portion of requests in flight at a time. What
 * is read is compared with the file: a survivor must be one of its packages, and intact.
 */

enum { WALK_PORTION = 500, WALK_NAMES = 1000 };

/* A reference that was found and not followed yet. */
struct step {
        uint32_t handle;
        int64_t from; /* the package it was found in; -1: a name */
};

struct walk {
        struct heapd *conn;
        const struct dpkg *dpkg;
        struct demo_survivors *survivors;
        struct step *steps;
        size_t n_steps;
        size_t n_steps_cap;
        char stranger[DPKG_LABEL_BYTES_MAX]; /* what should not be there, if anything */
};

static int walk_step(struct walk *walk, uint32_t handle, int64_t from)
{
        if (walk->n_steps == walk->n_steps_cap) {
                size_t n_cap = walk->n_steps_cap ? walk->n_steps_cap * 2 : 1024;
                struct step *steps = reallocarray(walk->steps, n_cap, sizeof(*steps));

                if (!steps) {
                        return -ENOMEM;
                }
                walk->steps = steps;
                walk->n_steps_cap = n_cap;
        }
        walk->steps[walk->n_steps++] = (struct step){.handle = handle, .from = from};
        return 0;
}

static int walk_strange(struct walk *walk, const struct heapd_value *label)
{
        snprintf(walk->stranger, sizeof(walk->stranger), "%.*s",
                 label->type == HEAPD_STR ? (int)label->n : 1,
                 label->type == HEAPD_STR ? label->str : "?");
        return -EBADMSG;
}

static int walk_names(struct walk *walk)
{
        heapd_auto_result struct heapd_result *page = NULL;
        struct heapd_value cursor = heapd_nil(), names, pair, name;
        int r = 0;

        do {
                struct heapd_result *last = page;

                page = NULL;
                r = heapd_name_list(walk->conn, DEMO_PREFIX,
                                    cursor.type == HEAPD_NIL ? NULL : &cursor, WALK_NAMES, &page);
                heapd_result_free(last);
                if (r != 0) {
                        return r;
                }
                if (!heapd_find(heapd_result_value(page), "names", &names) ||
                    !heapd_find(heapd_result_value(page), "cursor", &cursor)) {
                        return -EBADMSG;
                }
                struct heapd_items items = heapd_items(&names);

                while (r == 0 && heapd_item(&items, &pair)) {
                        uint32_t handle = 0;

                        if (!heapd_at(&pair, 0, &name)) {
                                return -EBADMSG;
                        }
                        r = heapd_number(walk->conn, &handle);
                        heapd_begin(walk->conn, "name.get");
                        heapd_put_value(walk->conn, &name);
                        heapd_put_into(walk->conn, handle);
                        r = r == 0 ? heapd_send(walk->conn, NULL) : r;
                        r = r == 0 ? walk_step(walk, handle, -1) : r;
                }
        } while (r == 0 && cursor.type != HEAPD_NIL);
        return r == 0 ? heapd_finish(walk->conn) : r;
}

/* Asks for one slot of the record, or for all of it. */
static int walk_ask(struct walk *walk, uint32_t handle, bool all, uint32_t *ret_id)
{
        heapd_begin(walk->conn, "obj.get");
        heapd_put_uint(walk->conn, handle);
        if (all) {
                heapd_put_nil(walk->conn);
        } else {
                heapd_put_array(walk->conn, 1);
                heapd_put_int(walk->conn, DEMO_LABEL);
        }
        return heapd_send(walk->conn, ret_id);
}

/* Which package the step leads to, from its label. */
static int walk_identify(struct walk *walk, uint32_t id, int64_t *ret_package)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_value label = heapd_nil();
        int r = heapd_wait(walk->conn, id, &result);

        if (r != 0) {
                return r;
        }
        if (!heapd_at(heapd_result_value(result), 0, &label) || label.type != HEAPD_STR) {
                return walk_strange(walk, &label);
        }
        *ret_package = dpkg_find(walk->dpkg, label.str, label.n);
        return *ret_package < 0 ? walk_strange(walk, &label) : 0;
}

/* Compares the whole record with the file, and notes where its references lead. */
static int walk_record(struct walk *walk, uint32_t id, int64_t at)
{
        const struct package *package = &walk->dpkg->packages[at];
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_value value, label = heapd_text(package->label);
        struct heapd_items items;
        uint64_t size_kib;
        uint32_t handle;
        int r = heapd_wait(walk->conn, id, &result);

        if (r != 0) {
                return r;
        }
        items = heapd_items(heapd_result_value(result));
        if (heapd_result_value(result)->n != DEMO_FIRST_REFERENCE + package->n_references ||
            !heapd_item(&items, &value) || !heapd_is_text(&value, package->label) ||
            !heapd_item(&items, &value) || !heapd_is_text(&value, package->version) ||
            !heapd_item(&items, &value) || heapd_as_uint(&value, &size_kib) < 0 ||
            size_kib != package->size_kib) {
                return walk_strange(walk, &label);
        }
        while (heapd_item(&items, &value)) {
                if (heapd_as_ref(&value, &handle) < 0) {
                        return walk_strange(walk, &label);
                }
                r = walk_step(walk, handle, at);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

/* Follows steps [first, first + n): who they are, and of new ones where they lead. */
static int walk_portion(struct walk *walk, size_t first, size_t n)
{
        struct demo_survivors *survivors = walk->survivors;
        uint32_t ids[WALK_PORTION];
        int64_t packages[WALK_PORTION];
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                r = walk_ask(walk, walk->steps[first + i].handle, false, &ids[i]);
        }
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct step step = walk->steps[first + i];

                r = walk_identify(walk, ids[i], &packages[i]);
                if (r == 0 && survivors->alive[packages[i]]) {
                        packages[i] = -1; /* known by another way */
                } else if (r == 0) {
                        survivors->alive[packages[i]] = true;
                        survivors->n_alive++;
                        survivors->through[packages[i]] = step.from;
                        survivors->distance[packages[i]] =
                                step.from < 0 ? 0 : survivors->distance[step.from] + 1;
                        r = walk_ask(walk, step.handle, true, &ids[i]);
                }
        }
        for (size_t i = 0; r == 0 && i < n; i++) {
                uint32_t handle = walk->steps[first + i].handle;

                r = packages[i] < 0 ? 0 : walk_record(walk, ids[i], packages[i]);
                r = r == 0 ? heapd_drop(walk->conn, handle) : r;
        }
        return r;
}

int demo_survivors_read(struct demo_survivors *survivors, struct heapd *conn,
                        const struct dpkg *dpkg)
{
        struct walk walk = {.conn = conn, .dpkg = dpkg, .survivors = survivors};
        size_t n_packages = dpkg->n_packages;
        int r;

        *survivors = (struct demo_survivors){
                .alive = calloc(n_packages, sizeof(*survivors->alive)),
                .through = calloc(n_packages, sizeof(*survivors->through)),
                .distance = calloc(n_packages, sizeof(*survivors->distance)),
        };
        r = survivors->alive && survivors->through && survivors->distance ? walk_names(&walk)
                                                                          : -ENOMEM;
        for (size_t first = 0; r == 0 && first < walk.n_steps;) {
                size_t n = walk.n_steps - first;

                n = n < WALK_PORTION ? n : WALK_PORTION;
                r = walk_portion(&walk, first, n);
                first += n;
        }
        r = r == 0 ? heapd_flush(conn) : r;
        free(walk.steps);
        if (walk.stranger[0]) {
                fprintf(stderr, "heapctl: demo: '%s' is not as the file has it\n", walk.stranger);
                return EXIT_FAILURE;
        }
        if (r != 0) {
                fprintf(stderr, "heapctl: demo: reading back: %s (%s)\n", heapd_error_text(conn),
                        heapd_error_name(r));
                return EXIT_FAILURE;
        }
        return 0;
}

void demo_survivors_deinit(struct demo_survivors *survivors)
{
        free(survivors->alive);
        free(survivors->through);
        free(survivors->distance);
}
