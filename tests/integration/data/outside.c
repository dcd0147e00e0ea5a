/* SPDX-License-Identifier: MIT */

/*
 * A program outside the tree, compiled with what is installed and nothing else. It uses every part
 * of libheapd's face against a real daemon; argv[1] is its socket. Exit status 0: all was well.
 */

#include <errno.h>
#include <heapd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                            \
        do {                                                                        \
                if (!(condition)) {                                                 \
                        fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, \
                                heapd_error_text(conn));                            \
                        return EXIT_FAILURE;                                        \
                }                                                                   \
        } while (0)

static int use_objects(struct heapd *conn)
{
        heapd_auto_result struct heapd_result *result = NULL;
        struct heapd_value key = heapd_int(0), one = heapd_int(1), nine = heapd_int(9), value;
        struct heapd_info info;
        uint32_t record, again, map;
        uint64_t version;
        int64_t sum;
        bool yes;

        CHECK(heapd_obj_new(conn, "record", HEAPD_VALUES(heapd_int(1), heapd_text("two")),
                            &record) == 0);
        CHECK(heapd_dup(conn, record, &again) == 0 && again != record);
        CHECK(heapd_same(conn, record, again, &yes) == 0 && yes);
        CHECK(heapd_obj_info(conn, record, &info) == 0 && strcmp(info.kind, "record") == 0);
        CHECK(info.n_items == 2 && info.size_bytes >= 16);
        CHECK(heapd_obj_cas(conn, record, &key, &nine, &one, &yes) == 0 && !yes);
        CHECK(heapd_obj_cas(conn, record, &key, &one, &nine, &yes) == 0 && yes);
        CHECK(heapd_obj_add(conn, record, &key, -4, &sum) == 0 && sum == 5);
        CHECK(heapd_obj_set(conn, record, HEAPD_VALUES(heapd_int(1), heapd_ref(record)),
                            &version) == 0 &&
              version == 3);
        CHECK(heapd_obj_new(conn, "map", HEAPD_VALUES(heapd_text("k"), heapd_ref(record)), &map) ==
              0);
        CHECK(heapd_obj_walk(conn, map, HEAPD_VALUES(heapd_text("k"), heapd_int(1), heapd_int(0)),
                             &result) == 0);
        CHECK(heapd_as_int(heapd_result_value(result), &sum) == 0 && sum == 5);
        heapd_result_free(result);
        result = NULL;
        CHECK(heapd_map_scan(conn, map, NULL, 10, &result) == 0);
        CHECK(heapd_find(heapd_result_value(result), "items", &value) && value.n == 1);
        heapd_result_free(result);
        result = NULL;
        CHECK(heapd_obj_get(conn, record, HEAPD_VALUES(heapd_int(1)), &result) == 0);
        CHECK(heapd_at(heapd_result_value(result), 0, &value) && value.type == HEAPD_REF);
        CHECK(heapd_same(conn, record, value.ref, &yes) == 0 && yes);
        CHECK(heapd_obj_get(conn, record, HEAPD_VALUES(heapd_int(2)), NULL) == HEAPD_E_RANGE);
        CHECK(heapd_map_del(conn, map, HEAPD_VALUES(heapd_text("k"), heapd_text("x")), &version) ==
                      0 &&
              version == 1);
        CHECK(heapd_drop(conn, again) == 0 && heapd_drop(conn, value.ref) == 0);
        return 0;
}

static int use_sequences(struct heapd *conn)
{
        heapd_auto_result struct heapd_result *read = NULL, *removed = NULL, *bytes = NULL;
        uint32_t array, blob;
        uint64_t length;

        CHECK(heapd_obj_new(conn, "array", NULL, 0, &array) == 0);
        CHECK(heapd_array_push(conn, array, HEAPD_VALUES(heapd_nil(), heapd_bool(true)), NULL) ==
              0);
        CHECK(heapd_array_push(conn, array, HEAPD_VALUES(heapd_float(0.5)), &length) == 0);
        CHECK(length == 3);
        CHECK(heapd_array_splice(conn, array, 0, 1, HEAPD_VALUES(heapd_uint(UINT64_MAX)),
                                 &removed) == 0);
        CHECK(heapd_result_value(removed)->n == 1);
        CHECK(heapd_array_read(conn, array, 0, 10, &read) == 0);
        CHECK(heapd_result_value(read)->n == 3);
        CHECK(heapd_blob_new(conn, "12345", 5, &blob) == 0);
        CHECK(heapd_blob_read(conn, blob, 1, 3, &bytes) == 0);
        CHECK(heapd_result_value(bytes)->n == 3 &&
              memcmp(heapd_result_value(bytes)->bytes, "234", 3) == 0);
        return 0;
}

static int use_weak(struct heapd *conn)
{
        struct heapd_value token = heapd_text("token");
        uint32_t object, map, weak, plain, found;
        struct heapd_info info;

        CHECK(heapd_obj_new(conn, "record", HEAPD_VALUES(heapd_int(1)), &object) == 0);
        CHECK(heapd_weak_map_new(conn, HEAPD_VALUES(heapd_text("k"), heapd_ref(object)), &map) ==
              0);
        CHECK(heapd_obj_info(conn, map, &info) == 0 && info.weak && info.n_items == 1);
        CHECK(heapd_weak_new(conn, object, &token, &weak) == 0);
        CHECK(heapd_weak_new(conn, object, NULL, &plain) == 0);
        CHECK(heapd_weak_new(conn, 4711, NULL, &found) == HEAPD_E_NO_HANDLE);
        CHECK(heapd_weak_get(conn, weak, &found) == 0 && found != 0);
        CHECK(heapd_weak_get(conn, map, &found) == HEAPD_E_TYPE);
        CHECK(heapd_drop(conn, found) == 0 && heapd_drop(conn, object) == 0);
        CHECK(heapd_gc(conn, true, NULL) == 0);
        for (int i = 0; i < 3; i++) {
                CHECK(heapd_weak_get(conn, weak, &found) == 0 && found == 0);
                CHECK(heapd_weak_get(conn, plain, &found) == 0 && found == 0);
        }
        CHECK(heapd_obj_info(conn, weak, &info) == 0 && info.n_items == 0);
        return 0;
}

static int use_names(struct heapd *conn)
{
        heapd_auto_result struct heapd_result *list = NULL;
        struct heapd_value names;
        uint32_t object, found = 0;
        bool same;

        CHECK(heapd_obj_new(conn, "record", NULL, 0, &object) == 0);
        CHECK(heapd_name_get(conn, "outside", &found) == HEAPD_E_NO_NAME && found == 0);
        CHECK(strlen(heapd_error_text(conn)) > 0);
        CHECK(heapd_error_code(conn) == HEAPD_E_NO_NAME);
        CHECK(heapd_name_put(conn, "outside", object) == 0);
        CHECK(heapd_name_get(conn, "outside", &found) == 0);
        CHECK(heapd_same(conn, object, found, &same) == 0 && same);
        CHECK(heapd_name_list(conn, "out", NULL, 0, &list) == 0);
        CHECK(heapd_find(heapd_result_value(list), "names", &names) && names.n == 1);
        CHECK(heapd_name_del(conn, "outside", &same) == 0 && same);
        CHECK(heapd_name_del(conn, "outside", &same) == 0 && !same);
        return 0;
}

/* 100,000 linked objects in one pipeline, then read back by one that is read as it goes. */
static int use_pipeline(struct heapd *conn)
{
        enum { N = 100000, ASK = 1000 };
        uint32_t first, last, number, ids[ASK];

        CHECK(heapd_obj_new(conn, "record", HEAPD_VALUES(heapd_int(0), heapd_nil()), &first) == 0);
        last = first;
        for (int i = 1; i < N; i++) {
                CHECK(heapd_number(conn, &number) == 0);
                heapd_begin(conn, "obj.new");
                heapd_put_text(conn, "record");
                heapd_put_array(conn, 2);
                heapd_put_int(conn, i);
                heapd_put_ref(conn, last);
                heapd_put_into(conn, number);
                CHECK(heapd_send(conn, NULL) == 0);
                CHECK(heapd_drop(conn, last) == 0);
                last = number;
        }
        CHECK(heapd_finish(conn) == 0);
        for (int i = 0; i < ASK; i++) {
                heapd_begin(conn, "obj.get");
                heapd_put_uint(conn, last);
                heapd_put_array(conn, 1);
                heapd_put_int(conn, 0);
                CHECK(heapd_send(conn, &ids[i]) == 0);
        }
        for (int i = 0; i < ASK; i++) {
                heapd_auto_result struct heapd_result *result = NULL;
                struct heapd_value value;

                CHECK(heapd_wait(conn, ids[i], &result) == 0);
                CHECK(heapd_at(heapd_result_value(result), 0, &value) && value.sint == N - 1);
        }
        heapd_begin(conn, "obj.get");
        heapd_put_uint(conn, 999999999);
        heapd_put_nil(conn);
        CHECK(heapd_send(conn, NULL) == 0);
        CHECK(heapd_finish(conn) == HEAPD_E_NO_HANDLE);
        CHECK(heapd_drop(conn, last) == 0);
        return 0;
}

int main(int argc, char **argv)
{
        heapd_auto_result struct heapd_result *hello = NULL, *stats = NULL;
        struct heapd *conn;
        uint64_t cycle, later;
        int r;

        if (argc != 2 || heapd_connect(&conn, "/nonexistent") != -ENOENT ||
            heapd_connect(&conn, argv[1]) != 0) {
                return EXIT_FAILURE;
        }
        heapd_set_timeout(conn, 60000);
        CHECK(heapd_fd(conn) >= 0 && strlen(heapd_version()) > 0);
        CHECK(heapd_hello(conn, "outside", &hello) == 0);
        CHECK(heapd_ping(conn, &cycle) == 0);
        r = use_objects(conn) || use_sequences(conn) || use_weak(conn) || use_names(conn) ||
            use_pipeline(conn);
        CHECK(r == 0);
        CHECK(heapd_gc(conn, true, &later) == 0 && later > cycle);
        CHECK(heapd_stats(conn, &stats) == 0);
        heapd_close(conn);
        return EXIT_SUCCESS;
}
