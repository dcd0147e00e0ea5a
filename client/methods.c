/* SPDX-License-Identifier: MIT */
#include "client/connection.h"
#include <errno.h>
#include <string.h>
#include "proto/describe.h"

/*
 * A function per method, on top of heapd_begin() and heapd_call(). A result of an unexpected shape
 * is -EBADMSG: the daemon may be newer, but then it speaks another protocol version.
 */

static int method_shape(struct heapd *conn)
{
        return connection_fail(conn, -EBADMSG, "%s: the answer is of an unexpected shape",
                               conn->method);
}

static void method_begin(struct heapd *conn, const char *method, uint32_t handle)
{
        heapd_begin(conn, method);
        heapd_put_uint(conn, handle);
}

/* A number of values that cannot be is left to heapd_call() to refuse. */
static void method_values(struct heapd *conn, const struct heapd_value *values, size_t n_values)
{
        if (n_values > UINT32_MAX) {
                conn->build_error = -EINVAL;
                return;
        }
        heapd_put_array(conn, (uint32_t)n_values);
        for (size_t i = 0; i < n_values; i++) {
                heapd_put_value(conn, &values[i]);
        }
}

static void method_pairs(struct heapd *conn, const struct heapd_value *values, size_t n_values)
{
        if (n_values % 2 != 0 || n_values > UINT32_MAX) {
                conn->build_error = -EINVAL;
                return;
        }
        heapd_put_array(conn, (uint32_t)(n_values / 2));
        for (size_t i = 0; i < n_values; i += 2) {
                heapd_put_array(conn, 2);
                heapd_put_value(conn, &values[i]);
                heapd_put_value(conn, &values[i + 1]);
        }
}

/* Calls and reads an unsigned integer; `ret_number` may be NULL. */
static int method_number(struct heapd *conn, uint64_t *ret_number)
{
        heapd_auto_result struct heapd_result *result = NULL;
        uint64_t number = 0;
        int r = heapd_call(conn, ret_number ? &result : NULL);

        if (r != 0 || !ret_number) {
                return r;
        }
        if (heapd_as_uint(heapd_result_value(result), &number) < 0) {
                return method_shape(conn);
        }
        *ret_number = number;
        return 0;
}

/* The same for a bool. */
static int method_bool(struct heapd *conn, bool *ret_bool)
{
        heapd_auto_result struct heapd_result *result = NULL;
        int r = heapd_call(conn, &result);

        if (r != 0 || !ret_bool) {
                return r;
        }
        if (heapd_result_value(result)->type != HEAPD_BOOL) {
                return method_shape(conn);
        }
        *ret_bool = heapd_result_value(result)->boolean;
        return 0;
}

/* A number for a request under way, which is forgotten if there is none. */
static int method_take_number(struct heapd *conn, uint32_t *ret_number)
{
        int r = heapd_number(conn, ret_number);

        if (r < 0) {
                conn->building = false;
        }
        return r;
}

/* Calls, to bind the number. One whose request failed is broken until it is dropped, so it is
 * dropped here. */
static int method_bind_number(struct heapd *conn, uint32_t number, struct heapd_result **ret_result)
{
        struct failure failure;
        int r = heapd_call(conn, ret_result);

        if (r != 0) {
                failure = conn->failure;
                heapd_drop(conn, number);
                conn->failure = failure;
        }
        return r;
}

/* Ends a request with {into: number} and calls. */
static int method_bind(struct heapd *conn, uint32_t *ret_handle)
{
        uint32_t number;
        int r = method_take_number(conn, &number);

        if (r < 0) {
                return r;
        }
        heapd_put_into(conn, number);
        r = method_bind_number(conn, number, NULL);
        if (r == 0) {
                *ret_handle = number;
        }
        return r;
}

/* The same with another option beside it. */
static int method_bind_with(struct heapd *conn, const char *option, const struct heapd_value *value,
                            uint32_t *ret_handle)
{
        uint32_t number;
        int r = method_take_number(conn, &number);

        if (r < 0) {
                return r;
        }
        heapd_put_map(conn, 2);
        heapd_put_text(conn, option);
        heapd_put_value(conn, value);
        heapd_put_text(conn, "into");
        heapd_put_uint(conn, number);
        r = method_bind_number(conn, number, NULL);
        if (r == 0) {
                *ret_handle = number;
        }
        return r;
}

int heapd_number(struct heapd *conn, uint32_t *ret_number)
{
        int r = numbers_take(&conn->numbers, ret_number);

        return r < 0 ? connection_fail(conn, r,
                                       r == -ENOSPC ? "all handle numbers are in use"
                                                    : "out of memory")
                     : 0;
}

int heapd_drop(struct heapd *conn, uint32_t handle)
{
        int r;

        heapd_begin(conn, "handle.drop");
        heapd_put_array(conn, 1);
        heapd_put_uint(conn, handle);
        r = heapd_post(conn);
        if (r == 0) {
                numbers_give(&conn->numbers, handle);
        }
        return r;
}

int heapd_dup(struct heapd *conn, uint32_t handle, uint32_t *ret_handle)
{
        method_begin(conn, "handle.dup", handle);
        return method_bind(conn, ret_handle);
}

int heapd_same(struct heapd *conn, uint32_t one, uint32_t other, bool *ret_same)
{
        method_begin(conn, "handle.same", one);
        heapd_put_uint(conn, other);
        return method_bool(conn, ret_same);
}

int heapd_name_get(struct heapd *conn, const char *name, uint32_t *ret_handle)
{
        heapd_begin(conn, "name.get");
        heapd_put_text(conn, name);
        return method_bind(conn, ret_handle);
}

int heapd_name_put(struct heapd *conn, const char *name, uint32_t handle)
{
        heapd_begin(conn, "name.put");
        heapd_put_text(conn, name);
        heapd_put_uint(conn, handle);
        return heapd_call(conn, NULL);
}

int heapd_name_del(struct heapd *conn, const char *name, bool *ret_deleted)
{
        heapd_begin(conn, "name.del");
        heapd_put_text(conn, name);
        return method_bool(conn, ret_deleted);
}

/* The options of a scan. */
static int method_scan(struct heapd *conn, const struct heapd_value *cursor, uint32_t limit,
                       struct heapd_result **ret_result)
{
        heapd_put_map(conn, (cursor ? 1 : 0) + (limit ? 1 : 0));
        if (cursor) {
                heapd_put_text(conn, "cursor");
                heapd_put_value(conn, cursor);
        }
        if (limit) {
                heapd_put_text(conn, "limit");
                heapd_put_uint(conn, limit);
        }
        return heapd_call(conn, ret_result);
}

int heapd_name_list(struct heapd *conn, const char *prefix, const struct heapd_value *cursor,
                    uint32_t limit, struct heapd_result **ret_result)
{
        heapd_begin(conn, "name.list");
        heapd_put_text(conn, prefix);
        return method_scan(conn, cursor, limit, ret_result);
}

int heapd_obj_new(struct heapd *conn, const char *kind, const struct heapd_value *values,
                  size_t n_values, uint32_t *ret_handle)
{
        heapd_begin(conn, "obj.new");
        heapd_put_text(conn, kind);
        if (strcmp(kind, "map") == 0) {
                method_pairs(conn, values, n_values);
        } else {
                method_values(conn, values, n_values);
        }
        return method_bind(conn, ret_handle);
}

int heapd_obj_info(struct heapd *conn, uint32_t handle, struct heapd_info *ret_info)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_info info = {0};
        const struct heapd_value *map;
        struct heapd_value value;
        int r;

        method_begin(conn, "obj.info", handle);
        r = heapd_call(conn, &result);
        if (r != 0) {
                return r;
        }
        map = heapd_result_value(result);
        if (!heapd_find(map, "kind", &value) || value.type != HEAPD_STR ||
            value.n >= sizeof(info.kind)) {
                return method_shape(conn);
        }
        memcpy(info.kind, value.str, value.n);
        if (!heapd_find(map, "len", &value) || heapd_as_uint(&value, &info.n_items) < 0 ||
            !heapd_find(map, "bytes", &value) || heapd_as_uint(&value, &info.size_bytes) < 0) {
                return method_shape(conn);
        }
        if (heapd_find(map, "version", &value)) {
                heapd_as_uint(&value, &info.version); /* nil where there is none */
        }
        info.weak = heapd_find(map, "weak", &value) && value.type == HEAPD_BOOL && value.boolean;
        *ret_info = info;
        return 0;
}

int heapd_obj_get(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                  size_t n_keys, struct heapd_result **ret_result)
{
        method_begin(conn, "obj.get", handle);
        if (n_keys > 0) {
                method_values(conn, keys, n_keys);
        } else {
                heapd_put_nil(conn);
        }
        return heapd_call(conn, ret_result);
}

int heapd_obj_walk(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                   size_t n_keys, struct heapd_result **ret_result)
{
        method_begin(conn, "obj.walk", handle);
        method_values(conn, keys, n_keys);
        return heapd_call(conn, ret_result);
}

int heapd_obj_set(struct heapd *conn, uint32_t handle, const struct heapd_value *pairs,
                  size_t n_values, uint64_t *ret_version)
{
        method_begin(conn, "obj.set", handle);
        method_pairs(conn, pairs, n_values);
        return method_number(conn, ret_version);
}

int heapd_obj_cas(struct heapd *conn, uint32_t handle, const struct heapd_value *key,
                  const struct heapd_value *expect, const struct heapd_value *value,
                  bool *ret_swapped)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_value swapped, current;
        int r;

        method_begin(conn, "obj.cas", handle);
        heapd_put_value(conn, key);
        heapd_put_value(conn, expect);
        heapd_put_value(conn, value);
        r = heapd_call(conn, &result);
        if (r != 0) {
                return r;
        }
        if (!heapd_at(heapd_result_value(result), 0, &swapped) || swapped.type != HEAPD_BOOL) {
                return method_shape(conn);
        }
        /* What is there is not handed on here: use heapd_call() to see it. */
        if (heapd_at(heapd_result_value(result), 1, &current) && current.type == HEAPD_REF) {
                r = heapd_drop(conn, current.ref);
        }
        *ret_swapped = swapped.boolean;
        return r;
}

int heapd_obj_add(struct heapd *conn, uint32_t handle, const struct heapd_value *key, int64_t delta,
                  int64_t *ret_sum)
{
        heapd_auto_result struct heapd_result *result = NULL;
        int64_t sum;
        int r;

        method_begin(conn, "obj.add", handle);
        heapd_put_value(conn, key);
        heapd_put_int(conn, delta);
        r = heapd_call(conn, &result);
        if (r != 0 || !ret_sum) {
                return r;
        }
        if (heapd_as_int(heapd_result_value(result), &sum) < 0) {
                return method_shape(conn);
        }
        *ret_sum = sum;
        return 0;
}

int heapd_array_push(struct heapd *conn, uint32_t handle, const struct heapd_value *values,
                     size_t n_values, uint64_t *ret_n_elements)
{
        method_begin(conn, "array.push", handle);
        method_values(conn, values, n_values);
        return method_number(conn, ret_n_elements);
}

int heapd_array_read(struct heapd *conn, uint32_t handle, uint64_t index, uint64_t n,
                     struct heapd_result **ret_result)
{
        method_begin(conn, "array.read", handle);
        heapd_put_uint(conn, index);
        heapd_put_uint(conn, n);
        return heapd_call(conn, ret_result);
}

int heapd_array_splice(struct heapd *conn, uint32_t handle, uint64_t index, uint64_t n_removed,
                       const struct heapd_value *values, size_t n_values,
                       struct heapd_result **ret_result)
{
        method_begin(conn, "array.splice", handle);
        heapd_put_uint(conn, index);
        heapd_put_uint(conn, n_removed);
        method_values(conn, values, n_values);
        return heapd_call(conn, ret_result);
}

int heapd_map_del(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                  size_t n_keys, uint64_t *ret_n_removed)
{
        method_begin(conn, "map.del", handle);
        method_values(conn, keys, n_keys);
        return method_number(conn, ret_n_removed);
}

int heapd_map_scan(struct heapd *conn, uint32_t handle, const struct heapd_value *cursor,
                   uint32_t limit, struct heapd_result **ret_result)
{
        method_begin(conn, "map.scan", handle);
        return method_scan(conn, cursor, limit, ret_result);
}

int heapd_weak_map_new(struct heapd *conn, const struct heapd_value *values, size_t n_values,
                       uint32_t *ret_handle)
{
        struct heapd_value yes = heapd_bool(true);

        heapd_begin(conn, "obj.new");
        heapd_put_text(conn, "map");
        method_pairs(conn, values, n_values);
        return method_bind_with(conn, "weak", &yes, ret_handle);
}

int heapd_weak_new(struct heapd *conn, uint32_t handle, const struct heapd_value *token,
                   uint32_t *ret_handle)
{
        heapd_begin(conn, "obj.new");
        heapd_put_text(conn, "weak");
        heapd_put_uint(conn, handle);
        return token ? method_bind_with(conn, "token", token, ret_handle)
                     : method_bind(conn, ret_handle);
}

int heapd_weak_get(struct heapd *conn, uint32_t handle, uint32_t *ret_handle)
{
        heapd_auto_result struct heapd_result *result = NULL;
        uint32_t number;
        int r;

        method_begin(conn, "weak.get", handle);
        r = method_take_number(conn, &number);
        if (r < 0) {
                return r;
        }
        heapd_put_into(conn, number);
        r = method_bind_number(conn, number, &result);
        if (r != 0) {
                return r;
        }
        if (heapd_result_value(result)->type == HEAPD_NIL) {
                numbers_give(&conn->numbers, number); /* nothing was bound to it */
                number = 0;
        }
        *ret_handle = number;
        return 0;
}

int heapd_blob_new(struct heapd *conn, const void *bytes, uint32_t n, uint32_t *ret_handle)
{
        heapd_begin(conn, "blob.open");
        heapd_put_map(conn, 1);
        heapd_put_text(conn, "bytes");
        heapd_put_bin(conn, bytes, n);
        return method_bind(conn, ret_handle);
}

int heapd_blob_read(struct heapd *conn, uint32_t handle, uint64_t offset, uint64_t n,
                    struct heapd_result **ret_result)
{
        method_begin(conn, "blob.read", handle);
        heapd_put_uint(conn, offset);
        heapd_put_uint(conn, n);
        return heapd_call(conn, ret_result);
}

int heapd_hello(struct heapd *conn, const char *client, struct heapd_result **ret_result)
{
        heapd_begin(conn, "hello");
        heapd_put_map(conn, 2);
        heapd_put_text(conn, "proto");
        heapd_put_array(conn, 2);
        heapd_put_int(conn, PROTO_VERSION_MIN);
        heapd_put_int(conn, PROTO_VERSION_MAX);
        heapd_put_text(conn, "client");
        heapd_put_text(conn, client);
        return heapd_call(conn, ret_result);
}

int heapd_ping(struct heapd *conn, uint64_t *ret_cycle)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_value value;
        uint64_t cycle;
        int r;

        heapd_begin(conn, "ping");
        r = heapd_call(conn, &result);
        if (r != 0 || !ret_cycle) {
                return r;
        }
        if (!heapd_find(heapd_result_value(result), "cycle", &value) ||
            heapd_as_uint(&value, &cycle) < 0) {
                return method_shape(conn);
        }
        *ret_cycle = cycle;
        return 0;
}

int heapd_stats(struct heapd *conn, struct heapd_result **ret_result)
{
        heapd_begin(conn, "heap.stats");
        return heapd_call(conn, ret_result);
}

int heapd_gc(struct heapd *conn, bool wait, uint64_t *ret_cycle)
{
        heapd_begin(conn, "heap.gc");
        heapd_put_map(conn, 1);
        heapd_put_text(conn, "wait");
        heapd_put_bool(conn, wait);
        return method_number(conn, ret_cycle);
}
