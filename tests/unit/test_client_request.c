/* SPDX-License-Identifier: MIT */

/*
 * Building requests: what the put functions write is what goes out, and what was not built properly
 * never does. The bytes are read at the other end of a socket pair.
 */

#include "support/unit.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/connection.h"

static struct heapd *conn;
static int peer = -1;
static uint8_t sent[65536];

static void request_open_pair(void)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(heapd_connect_fd(&conn, fds[0]), 0);
        peer = fds[1];
}

static void request_close_pair(void)
{
        heapd_close(conn);
        close(peer);
}

#define RequestTest(name) Test(request, name, .init = request_open_pair, .fini = request_close_pair)

/* What went out since the last look. */
static ssize_t request_sent(void)
{
        cr_assert_eq(heapd_flush(conn), 0);
        return recv(peer, sent, sizeof(sent), MSG_DONTWAIT);
}

#define assert_sent(...)                                                 \
        do {                                                             \
                const uint8_t expected[] = {__VA_ARGS__};                \
                cr_assert_eq(request_sent(), (ssize_t)sizeof(expected)); \
                cr_assert_arr_eq(sent, expected, sizeof(expected));      \
        } while (0)

RequestTest(with_no_parameters)
{
        heapd_begin(conn, "ping");
        cr_assert_eq(heapd_send(conn, NULL), 0);
        assert_sent(0x94, 0x00, 0x00, 0xa4, 'p', 'i', 'n', 'g', 0x90);
}

RequestTest(ids_count_up_and_notifications_have_none)
{
        uint32_t id = 99;

        heapd_begin(conn, "a");
        cr_assert_eq(heapd_send(conn, &id), 0);
        cr_assert_eq(id, 0);
        heapd_begin(conn, "b");
        cr_assert_eq(heapd_post(conn), 0);
        heapd_begin(conn, "c");
        cr_assert_eq(heapd_send(conn, &id), 0);
        cr_assert_eq(id, 1);
        assert_sent(0x94, 0, 0, 0xa1, 'a', 0x90, 0x93, 2, 0xa1, 'b', 0x90, 0x94, 0, 1, 0xa1, 'c',
                    0x90);
}

RequestTest(every_type_of_value)
{
        heapd_begin(conn, "m");
        heapd_put_nil(conn);
        heapd_put_bool(conn, true);
        heapd_put_int(conn, -2);
        heapd_put_uint(conn, UINT64_MAX);
        heapd_put_float(conn, 1.0);
        heapd_put_text(conn, "x");
        heapd_put_str(conn, "", 0);
        heapd_put_bin(conn, "\0", 1);
        heapd_put_ref(conn, 0x01020304);
        heapd_put_array(conn, 0);
        heapd_put_map(conn, 0);
        cr_assert_eq(heapd_send(conn, NULL), 0);
        assert_sent(0x94, 0, 0, 0xa1, 'm', 0x9b, 0xc0, 0xc3, 0xfe, 0xcf, 0xff, 0xff, 0xff, 0xff,
                    0xff, 0xff, 0xff, 0xff, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xa1, 'x', 0xa0,
                    0xc4, 1, 0, 0xd6, 1, 1, 2, 3, 4, 0x90, 0x80);
}

RequestTest(made_values_are_written_as_their_put_functions_do)
{
        const struct heapd_value values[] = {heapd_nil(),       heapd_bool(false), heapd_int(-1),
                                             heapd_uint(7),     heapd_float(0.0),  heapd_text("ab"),
                                             heapd_bin("z", 1), heapd_ref(9)};

        heapd_begin(conn, "m");
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                heapd_put_value(conn, &values[i]);
        }
        cr_assert_eq(heapd_send(conn, NULL), 0);
        assert_sent(0x94, 0, 0, 0xa1, 'm', 0x98, 0xc0, 0xc2, 0xff, 7, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0,
                    0xa2, 'a', 'b', 0xc4, 1, 'z', 0xd6, 1, 0, 0, 0, 9);
}

RequestTest(containers_inside_containers)
{
        heapd_begin(conn, "m");
        heapd_put_array(conn, 2);
        heapd_put_map(conn, 1);
        heapd_put_text(conn, "k");
        heapd_put_array(conn, 1);
        heapd_put_int(conn, 1);
        heapd_put_array(conn, 0);
        heapd_put_int(conn, 2);
        cr_assert_eq(heapd_send(conn, NULL), 0);
        assert_sent(0x94, 0, 0, 0xa1, 'm', 0x92, 0x92, 0x81, 0xa1, 'k', 0x91, 1, 0x90, 2);
}

RequestTest(with_too_few_items_is_not_sent)
{
        heapd_begin(conn, "m");
        heapd_put_array(conn, 2);
        heapd_put_int(conn, 1);
        cr_assert_eq(heapd_send(conn, NULL), -EINVAL);
        heapd_begin(conn, "m");
        heapd_put_map(conn, 1);
        heapd_put_array(conn, 0);
        cr_assert_eq(heapd_post(conn), -EINVAL);
        cr_assert_eq(heapd_error_code(conn), -EINVAL);
        cr_assert_lt(request_sent(), 0);
}

RequestTest(not_begun_is_not_sent)
{
        cr_assert_eq(heapd_send(conn, NULL), -EINVAL);
        heapd_put_int(conn, 1);
        cr_assert_eq(heapd_call(conn, NULL), -EINVAL);
        heapd_begin(conn, "");
        cr_assert_eq(heapd_post(conn), -EINVAL);
        cr_assert_lt(request_sent(), 0);
}

RequestTest(forgotten_by_the_next_begin)
{
        heapd_begin(conn, "wrong");
        heapd_put_array(conn, 7);
        heapd_begin(conn, "m");
        cr_assert_eq(heapd_send(conn, NULL), 0);
        assert_sent(0x94, 0, 0, 0xa1, 'm', 0x90);
}

RequestTest(method_names_have_a_limit)
{
        char name[CONNECTION_METHOD_BYTES_MAX + 2];

        memset(name, 'm', sizeof(name));
        name[CONNECTION_METHOD_BYTES_MAX] = '\0';
        heapd_begin(conn, name);
        cr_assert_eq(heapd_send(conn, NULL), 0);
        name[CONNECTION_METHOD_BYTES_MAX] = 'm';
        name[CONNECTION_METHOD_BYTES_MAX + 1] = '\0';
        heapd_begin(conn, name);
        cr_assert_eq(heapd_send(conn, NULL), -EINVAL);
}

static int request_nested(int depth)
{
        heapd_begin(conn, "m");
        for (int i = 0; i < depth; i++) {
                heapd_put_array(conn, 1);
        }
        heapd_put_nil(conn);
        return heapd_send(conn, NULL);
}

RequestTest(nesting_has_a_limit)
{
        cr_assert_eq(request_nested(LIMIT_NESTING - 2), 0);
        cr_assert_eq(request_nested(LIMIT_NESTING - 1), -EINVAL);
        cr_assert_eq(request_nested(1000), -EINVAL);
}

RequestTest(length_has_a_limit)
{
        static char bytes[CONNECTION_MESSAGE_BYTES_MAX];

        heapd_begin(conn, "m");
        heapd_put_bin(conn, bytes, sizeof(bytes));
        cr_assert_eq(heapd_send(conn, NULL), -EMSGSIZE);
        heapd_begin(conn, "m");
        cr_assert_eq(heapd_send(conn, NULL), 0, "the next one is not affected");
        assert_sent(0x94, 0, 0, 0xa1, 'm', 0x90);
}

RequestTest(odd_pairs_are_refused)
{
        uint32_t handle = 77;

        cr_assert_eq(heapd_obj_new(conn, "map", HEAPD_VALUES(heapd_int(1)), &handle), -EINVAL);
        cr_assert_eq(handle, 77);
        cr_assert_eq(heapd_obj_set(conn, 1, HEAPD_VALUES(heapd_int(1)), NULL), -EINVAL);
}
