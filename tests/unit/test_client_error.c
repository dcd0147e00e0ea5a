/* SPDX-License-Identifier: MIT */

/* Errors have names and words: the daemon's, this side's, and those nobody knows yet. */

#include "support/unit.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/connection.h"

static struct response response_with(enum error code, const char *message)
{
        return (struct response){
                .type = RESPONSE_ERROR,
                .code = code,
                .message = {.type = message ? WIRE_STR : WIRE_NIL,
                            .n = message ? (uint32_t)strlen(message) : 0,
                            .bytes = (const uint8_t *)message},
        };
}

Test(error, names_are_the_wires_or_the_kernels)
{
        cr_assert_str_eq(heapd_error_name(0), "OK");
        cr_assert_str_eq(heapd_error_name(HEAPD_E_PARSE), "PARSE");
        cr_assert_str_eq(heapd_error_name(HEAPD_E_INTERNAL), "INTERNAL");
        cr_assert_str_eq(heapd_error_name(HEAPD_E_OTHER), "OTHER");
        cr_assert_str_eq(heapd_error_name(HEAPD_E_INTERNAL + 1), "OTHER");
        cr_assert_str_eq(heapd_error_name(-ENOENT), "No such file or directory");
        cr_assert_str_eq(heapd_error_name(-99999), "unknown error");
}

Test(error, without_a_message_the_code_explains_itself)
{
        struct response response = response_with(ERROR_GONE, NULL);
        struct failure failure;

        cr_assert_eq(failure_from_response(&failure, &response), HEAPD_E_GONE);
        cr_assert_str_eq(failure.text, error_sentence(ERROR_GONE));
        response = response_with(_ERROR_N, NULL);
        cr_assert_eq(failure_from_response(&failure, &response), HEAPD_E_OTHER);
        cr_assert_gt(strlen(failure.text), 0);
}

Test(error, long_messages_are_cut_between_characters)
{
        char message[CONNECTION_TEXT_BYTES * 2 + 1] = "";
        struct response response;
        struct failure failure;

        for (int i = 0; i < CONNECTION_TEXT_BYTES; i++) {
                strcat(message, "\xc3\xa9");
        }
        response = response_with(ERROR_TYPE, message);
        cr_assert_eq(failure_from_response(&failure, &response), HEAPD_E_TYPE);
        cr_assert_eq(strlen(failure.text) % 2, 0);
        cr_assert_ge(strlen(failure.text), (size_t)CONNECTION_TEXT_BYTES - 2);
        cr_assert(utf8_valid((const uint8_t *)failure.text, strlen(failure.text)));
}

Test(error, a_new_connection_has_none)
{
        struct heapd *conn;
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(heapd_connect_fd(&conn, fds[0]), 0);
        cr_assert_eq(heapd_error_code(conn), 0);
        cr_assert_str_eq(heapd_error_text(conn), "");
        heapd_close(conn);
        heapd_close(NULL);
        close(fds[1]);
}

Test(error, paths_that_cannot_be_are_refused)
{
        char path[200];
        struct heapd *conn = NULL;

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        cr_assert_eq(heapd_connect(&conn, path), -ENAMETOOLONG);
        cr_assert_eq(heapd_connect(&conn, "/nonexistent/socket"), -ENOENT);
        cr_assert_eq(heapd_connect(&conn, "/dev/null"), -ECONNREFUSED);
        cr_assert_null(conn);
}
