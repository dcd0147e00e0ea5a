/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "client/heapctl/command.h"
#include "client/heapctl/render.h"

/* The commands about what is in the heap: names, get, call. */

enum { NAMES_PAGE = 1000 };

/* Collects one page as {name, kind}; the cursor of the next one is nil at the end. */
static int names_page(const struct heapd_value *page, struct json_object *list,
                      struct heapd_value *ret_cursor)
{
        struct heapd_value names, pair, name, kind;
        struct heapd_items items;

        if (!heapd_find(page, "names", &names) || !heapd_find(page, "cursor", ret_cursor)) {
                return -EBADMSG;
        }
        items = heapd_items(&names);
        while (heapd_item(&items, &pair)) {
                struct json_object *json;

                if (!heapd_at(&pair, 0, &name) || !heapd_at(&pair, 1, &kind)) {
                        return -EBADMSG;
                }
                json = json_object_new_object();
                json_object_object_add(json, "name", json_from_value(&name));
                json_object_object_add(json, "kind", json_from_value(&kind));
                json_object_array_add(list, json);
        }
        return 0;
}

static const char *names_text(struct json_object *entry, const char *key)
{
        const char *text = json_object_get_string(json_object_object_get(entry, key));

        return text ? text : "";
}

static int names_order(const void *one, const void *other)
{
        return strcmp(names_text(*(struct json_object *const *)one, "name"),
                      names_text(*(struct json_object *const *)other, "name"));
}

static void names_table(struct json_object *list)
{
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                struct json_object *entry = json_object_array_get_idx(list, i);
                const char *name = names_text(entry, "name");

                printf("%-8s ", names_text(entry, "kind"));
                render_text(name, strlen(name));
                putchar('\n');
        }
}

/* All pages, in the order of names. */
static int names_collect(struct heapd *conn, const char *prefix, struct json_object *list)
{
        struct heapd_result *page = NULL;
        struct heapd_value cursor = heapd_nil();
        int r;

        do {
                struct heapd_result *last = page;

                page = NULL;
                r = heapd_name_list(conn, prefix, cursor.type == HEAPD_NIL ? NULL : &cursor,
                                    NAMES_PAGE, &page);
                heapd_result_free(last); /* the cursor was in it */
                if (r == 0) {
                        r = names_page(heapd_result_value(page), list, &cursor);
                }
        } while (r == 0 && cursor.type != HEAPD_NIL);
        heapd_result_free(page);
        json_object_array_sort(list, names_order);
        return r;
}

int command_names(struct invocation *invocation)
{
        const char *prefix = invocation->n_args > 0 ? invocation->args[0] : "";
        struct json_object *list;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        list = json_object_new_array();
        r = names_collect(invocation->conn, prefix, list);
        if (r != 0) {
                r = command_failed(invocation, r, "names");
        } else if (invocation->json) {
                render_json(list);
        } else {
                names_table(list);
        }
        json_object_put(list);
        return r;
}

/* A key as it is typed: an integer is an index, anything else a string. */
static void get_put_key(struct heapd *conn, const char *text)
{
        char *end;
        long long number = strtoll(text, &end, 10);

        if (*text && !*end) {
                heapd_put_int(conn, number);
        } else {
                heapd_put_text(conn, text);
        }
}

static void get_table(const struct heapd_info *info, const struct heapd_value *content)
{
        struct heapd_items items = heapd_items(content);
        struct heapd_value key = heapd_int(0), value;

        printf("%s%s of %" PRIu64 ", %" PRIu64 " bytes, version %" PRIu64 "\n",
               info->weak ? "weak " : "", info->kind, info->n_items, info->size_bytes,
               info->version);
        while (heapd_item(&items, &value)) {
                if (content->type == HEAPD_MAP) {
                        key = value;
                        heapd_item(&items, &value);
                }
                printf("  ");
                render_value(&key);
                printf(": ");
                render_value(&value);
                putchar('\n');
                key.sint++;
        }
}

static int get_show(struct invocation *invocation, uint32_t handle)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_info info;
        struct json_object *json;
        int r = heapd_obj_info(invocation->conn, handle, &info);

        if (r == 0 && strcmp(info.kind, "blob") == 0) {
                r = heapd_blob_read(invocation->conn, handle, 0, info.n_items, &result);
        } else if (r == 0) {
                r = heapd_obj_get(invocation->conn, handle, NULL, 0, &result);
        }
        if (r != 0) {
                return command_failed(invocation, r, "get");
        }
        if (!invocation->json) {
                if (heapd_result_value(result)->type == HEAPD_BIN) {
                        render_value(heapd_result_value(result));
                        putchar('\n');
                } else {
                        get_table(&info, heapd_result_value(result));
                }
                return 0;
        }
        json = json_object_new_object();
        json_object_object_add(json, "kind", json_object_new_string(info.kind));
        json_object_object_add(json, "weak", json_object_new_boolean(info.weak));
        json_object_object_add(json, "bytes", json_object_new_uint64(info.size_bytes));
        json_object_object_add(json, "version", json_object_new_uint64(info.version));
        json_object_object_add(json, "value", json_from_value(heapd_result_value(result)));
        render_json(json);
        json_object_put(json);
        return 0;
}

int command_get(struct invocation *invocation)
{
        heapd_auto_result struct heapd_result *result = NULL;
        const struct heapd_value *value;
        uint32_t handle;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        if (invocation->n_args == 1) {
                r = heapd_name_get(invocation->conn, invocation->args[0], &handle);
                return r == 0 ? get_show(invocation, handle) : command_failed(invocation, r, "get");
        }
        heapd_begin(invocation->conn, "obj.walk");
        heapd_put_text(invocation->conn, invocation->args[0]);
        heapd_put_array(invocation->conn, (uint32_t)invocation->n_args - 1);
        for (int i = 1; i < invocation->n_args; i++) {
                get_put_key(invocation->conn, invocation->args[i]);
        }
        r = heapd_call(invocation->conn, &result);
        if (r != 0) {
                return command_failed(invocation, r, "get");
        }
        value = heapd_result_value(result);
        if (value->type == HEAPD_REF) {
                return get_show(invocation, value->ref);
        }
        if (invocation->json) {
                render_value_json(value);
        } else {
                render_value(value);
                putchar('\n');
        }
        return 0;
}

static int call_put_params(struct invocation *invocation, const char *text)
{
        struct json_object *json = NULL;
        struct json_flaw flaw;
        int r = 0;

        if (json_parse(text, &json, &flaw) != 0) {
                fprintf(stderr, "heapctl: call: parameters are not JSON at byte %zu: %s\n", flaw.at,
                        flaw.reason);
                return EX_USAGE;
        }
        if (!json_object_is_type(json, json_type_array)) {
                fprintf(stderr, "heapctl: call: parameters must be a JSON array\n");
                r = EX_USAGE;
        }
        for (size_t i = 0; r == 0 && i < json_object_array_length(json); i++) {
                if (json_put(invocation->conn, json_object_array_get_idx(json, i)) != 0) {
                        fprintf(stderr, "heapctl: call: malformed $ form in parameter %zu\n",
                                i + 1);
                        r = EX_USAGE;
                }
        }
        json_object_put(json);
        return r;
}

int command_call(struct invocation *invocation)
{
        heapd_auto_result struct heapd_result *result = NULL;
        int r = command_connect(invocation);

        if (r != 0) {
                return r;
        }
        heapd_begin(invocation->conn, invocation->args[0]);
        if (invocation->n_args > 1) {
                r = call_put_params(invocation, invocation->args[1]);
                if (r != 0) {
                        return r;
                }
        }
        r = heapd_call(invocation->conn, &result);
        if (r != 0) {
                return command_failed(invocation, r, invocation->args[0]);
        }
        render_value_json(heapd_result_value(result));
        return 0;
}
