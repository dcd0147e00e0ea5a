/* SPDX-License-Identifier: MIT */

/*
 * Pipelines against a scripted daemon: the other end of a socket pair, which the test plays itself,
 * or a thread where both ends must move. Ids are known: they count up from 0.
 */

#include "support/unit.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/connection.h"

static struct heapd *conn;
static int peer = -1;
static struct writer script; /* what the daemon is going to say */

static void pipeline_init(void)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(heapd_connect_fd(&conn, fds[0]), 0);
        heapd_set_timeout(conn, 10000);
        peer = fds[1];
        writer_init(&script, 1 << 27);
}

static void pipeline_deinit(void)
{
        writer_deinit(&script);
        heapd_close(conn);
        if (peer >= 0) {
                close(peer);
        }
}

#define PipelineTest(name) Test(pipeline, name, .init = pipeline_init, .fini = pipeline_deinit)

static void script_say(const void *bytes, size_t n)
{
        cr_assert_eq(write(peer, bytes, n), (ssize_t)n);
}

static void script_say_all(void)
{
        script_say(script.bytes, script.n);
        writer_reset(&script, SIZE_MAX);
}

static void script_hang_up(void)
{
        close(peer);
        peer = -1;
}

static void script_number(uint32_t id, uint64_t number)
{
        envelope_result(&script, id);
        writer_uint(&script, number);
}

static uint32_t send_one(void)
{
        uint32_t id;

        heapd_begin(conn, "ping");
        cr_assert_eq(heapd_send(conn, &id), 0);
        return id;
}

static void assert_number(uint32_t id, int64_t number)
{
        struct heapd_result *result = NULL;

        cr_assert_eq(heapd_wait(conn, id, &result), 0, "%s", heapd_error_text(conn));
        cr_assert_eq(heapd_result_value(result)->type, HEAPD_INT);
        cr_assert_eq(heapd_result_value(result)->sint, number);
        heapd_result_free(result);
}

PipelineTest(answers_may_be_waited_for_in_any_order)
{
        uint32_t ids[5];

        for (int i = 0; i < 5; i++) {
                ids[i] = send_one();
                script_number(ids[i], 100 + (unsigned)i);
        }
        script_say_all();
        assert_number(ids[3], 103);
        assert_number(ids[0], 100);
        assert_number(ids[4], 104);
        assert_number(ids[1], 101);
        cr_assert_eq(heapd_wait(conn, ids[3], NULL), -EINVAL, "it was had already");
        cr_assert_eq(heapd_wait(conn, 1000, NULL), -EINVAL);
        assert_number(ids[2], 102);
}

PipelineTest(parked_answers_may_come_late)
{
        uint32_t parked = send_one(), quick = send_one();

        script_number(quick, 2);
        script_say_all();
        assert_number(quick, 2);
        script_number(parked, 1);
        script_say_all();
        assert_number(parked, 1);
        cr_assert_eq(heapd_finish(conn), 0);
}

PipelineTest(a_call_between_leaves_earlier_answers_alone)
{
        struct heapd_result *result = NULL;
        uint32_t id = send_one();

        script_number(id, 1);
        script_number(id + 1, 2);
        script_say_all();
        heapd_begin(conn, "ping");
        cr_assert_eq(heapd_call(conn, &result), 0);
        cr_assert_eq(heapd_result_value(result)->sint, 2);
        heapd_result_free(result);
        assert_number(id, 1);
}

PipelineTest(an_answer_may_be_split_at_every_byte)
{
        uint8_t bytes[64];
        size_t n;

        envelope_result(&script, 0);
        writer_map(&script, 1);
        writer_text(&script, "cycle");
        writer_array(&script, 2);
        writer_uint(&script, 70000);
        writer_bin(&script, "payload", 7);
        n = script.n;
        for (uint32_t split = 1; split < n; split++) {
                heapd_auto_result struct heapd_result *result = NULL;
                struct heapd_value list, value;
                uint32_t id = send_one();

                writer_reset(&script, SIZE_MAX);
                envelope_result(&script, id);
                writer_map(&script, 1);
                writer_text(&script, "cycle");
                writer_array(&script, 2);
                writer_uint(&script, 70000);
                writer_bin(&script, "payload", 7);
                cr_assert_eq(script.n, n);
                memcpy(bytes, script.bytes, n);

                heapd_set_timeout(conn, 0);
                script_say(bytes, split);
                cr_assert_eq(heapd_wait(conn, id, &result), -ETIMEDOUT);
                script_say(bytes + split, n - split);
                heapd_set_timeout(conn, 10000);
                cr_assert_eq(heapd_wait(conn, id, &result), 0, "split at %u", split);
                cr_assert(heapd_find(heapd_result_value(result), "cycle", &list));
                cr_assert(heapd_at(&list, 1, &value));
                cr_assert_eq(value.n, 7);
        }
}

PipelineTest(a_refusal_has_its_code_and_its_words)
{
        struct heapd_result *result = NULL;
        uint32_t id = send_one();

        envelope_error(&script, id, ERROR_NO_NAME, "no object is named 'x'");
        script_say_all();
        cr_assert_eq(heapd_wait(conn, id, &result), HEAPD_E_NO_NAME);
        cr_assert_null(result);
        cr_assert_eq(heapd_error_code(conn), HEAPD_E_NO_NAME);
        cr_assert_str_eq(heapd_error_text(conn), "no object is named 'x'");
        cr_assert_str_eq(heapd_error_name(HEAPD_E_NO_NAME), "NO_NAME");
}

PipelineTest(an_unknown_code_still_is_an_error)
{
        uint32_t id = send_one();

        writer_array(&script, 4);
        writer_uint(&script, 1);
        writer_uint(&script, id);
        writer_array(&script, 2);
        writer_text(&script, "FROM_THE_FUTURE");
        writer_text(&script, "tab\there");
        writer_nil(&script);
        script_say_all();
        cr_assert_eq(heapd_wait(conn, id, NULL), HEAPD_E_OTHER);
        cr_assert_str_eq(heapd_error_text(conn), "tab?here");
}

PipelineTest(finish_reports_the_first_bad_answer_once)
{
        uint32_t kept;

        for (uint32_t i = 0; i < 4; i++) {
                heapd_begin(conn, "ping");
                cr_assert_eq(heapd_send(conn, NULL), 0);
        }
        kept = send_one();
        script_number(0, 0);
        envelope_error(&script, 1, ERROR_TYPE, "first");
        envelope_error(&script, 2, ERROR_RANGE, "second");
        script_number(3, 3);
        envelope_error(&script, kept, ERROR_GONE, "kept");
        script_say_all();
        cr_assert_eq(heapd_finish(conn), HEAPD_E_TYPE);
        cr_assert_str_eq(heapd_error_text(conn), "first");
        cr_assert_eq(heapd_finish(conn), 0);
        cr_assert_eq(heapd_wait(conn, kept, NULL), HEAPD_E_GONE, "what has an id stays");
}

PipelineTest(a_call_out_of_time_leaves_the_connection_usable)
{
        uint64_t cycle = 0;

        heapd_set_timeout(conn, 1);
        cr_assert_eq(heapd_ping(conn, NULL), -ETIMEDOUT);
        heapd_set_timeout(conn, 10000);
        script_number(0, 1); /* the answer that nobody waits for any more */
        envelope_result(&script, 1);
        writer_map(&script, 1);
        writer_text(&script, "cycle");
        writer_uint(&script, 42);
        script_say_all();
        cr_assert_eq(heapd_ping(conn, &cycle), 0);
        cr_assert_eq(cycle, 42);
        cr_assert_null(conn->kept);
}

PipelineTest(an_end_within_an_answer_breaks_the_connection)
{
        uint32_t id = send_one();

        script_say("\x94\x01", 2);
        script_hang_up();
        cr_assert_eq(heapd_wait(conn, id, NULL), -ECONNRESET);
        cr_assert_eq(heapd_ping(conn, NULL), -ECONNRESET, "and it stays broken");
        cr_assert_eq(heapd_finish(conn), -ECONNRESET);
}

PipelineTest(the_last_words_before_an_end_are_kept)
{
        uint32_t id = send_one();

        envelope_error_event(&script, ERROR_PARSE, "a message is longer than 1048576 bytes");
        script_say_all();
        script_hang_up(); /* the request was not even read: writing fails as well */
        cr_assert_eq(heapd_wait(conn, id, NULL), -ECONNRESET);
        cr_assert_str_eq(heapd_error_text(conn), "the daemon closed the connection: a message is "
                                                 "longer than 1048576 bytes");
}

PipelineTest(an_answer_nobody_asked_for_breaks_the_connection)
{
        uint32_t id = send_one();

        script_number(id + 1, 1);
        script_say_all();
        cr_assert_eq(heapd_wait(conn, id, NULL), -EPROTO);
}

PipelineTest(garbage_breaks_the_connection)
{
        static const char *const GARBAGE[] = {"HTTP/1.1 400 Bad Request\r\n", "\xc1",
                                              "\x94\x01\x00", "\x93\x07\xa1x\x90",
                                              "\xdf\xff\xff\xff\xff"};

        for (size_t i = 0; i < sizeof(GARBAGE) / sizeof(GARBAGE[0]); i++) {
                uint32_t id = send_one();

                script_say(GARBAGE[i], strlen(GARBAGE[i]));
                if (i == 2) { /* [1, 0, ...] goes on with a reserved byte */
                        script_say("\xc1", 1);
                }
                cr_assert_eq(heapd_wait(conn, id, NULL), -EPROTO, "garbage %zu", i);
                pipeline_deinit();
                pipeline_init();
        }
}

PipelineTest(other_events_are_passed_over)
{
        uint32_t id = send_one();

        envelope_notification(&script, "event", 1);
        writer_uint(&script, 7);
        envelope_notification(&script, "error", 0);
        script_number(id, 5);
        script_say_all();
        assert_number(id, 5);
}

PipelineTest(results_that_nobody_reads_are_bounded)
{
        enum { N = 80, BYTES = 1 << 20 };
        static uint8_t payload[BYTES];
        int r = 0, n_sent = 0;
        uint32_t ids[N];

        heapd_set_timeout(conn, 50);
        for (int i = 0; i < N; i++) {
                ids[i] = send_one();
        }
        heapd_flush(conn);
        for (int i = 0; i < N && r != -ENOBUFS; i++, n_sent++) {
                size_t done = 0;

                writer_reset(&script, SIZE_MAX);
                envelope_result(&script, ids[i]);
                writer_bin(&script, payload, BYTES);
                while (done < script.n && r != -ENOBUFS) {
                        ssize_t n = send(peer, script.bytes + done, script.n - done, MSG_DONTWAIT);

                        if (n > 0) {
                                done += (size_t)n;
                        }
                        heapd_set_timeout(conn, 0);
                        r = heapd_finish(conn);
                }
        }
        cr_assert_eq(r, -ENOBUFS);
        cr_assert_le(conn->kept_bytes, (size_t)CONNECTION_KEPT_BYTES + 2 * BYTES);
        for (int i = 0; i < 60; i++) {
                cr_assert_eq(heapd_wait(conn, ids[i], NULL), 0, "what is kept can be had");
        }
        cr_assert_neq(heapd_finish(conn), -ENOBUFS, "and makes room");
}

/* A daemon that answers each request at length, and reads nothing while it cannot write. */
static void *daemon_rude(void *unused)
{
        enum { BYTES = 600 };
        struct scanner scanner;
        static uint8_t in[65536], payload[BYTES];
        struct writer out;
        uint32_t id = 0;
        ssize_t n;

        scanner_init(&scanner, LIMIT_MESSAGE_BYTES_MAX);
        writer_init(&out, 1 << 24);
        while ((n = read(peer, in, sizeof(in))) > 0) {
                size_t at = 0, n_used;

                while (scanner_feed(&scanner, in + at, (size_t)n - at, &n_used) ==
                       SCANNER_MESSAGE) {
                        at += n_used;
                        envelope_result(&out, id++);
                        writer_bin(&out, payload, BYTES);
                        if (at == (size_t)n) {
                                break;
                        }
                }
                for (size_t done = 0; done < out.n;) {
                        n = write(peer, out.bytes + done, out.n - done);
                        if (n <= 0) {
                                break;
                        }
                        done += (size_t)n;
                }
                writer_reset(&out, SIZE_MAX);
        }
        writer_deinit(&out);
        return NULL;
}

PipelineTest(long_pipelines_do_not_block_for_ever)
{
        int small = 4096;
        pthread_t daemon;

        setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        cr_assert_eq(pthread_create(&daemon, NULL, daemon_rude, NULL), 0);
        for (int i = 0; i < 50000; i++) {
                heapd_begin(conn, "obj.new");
                heapd_put_text(conn, "record");
                heapd_put_int(conn, i);
                cr_assert_eq(heapd_send(conn, NULL), 0);
        }
        cr_assert_eq(heapd_finish(conn), 0, "%s", heapd_error_text(conn));
        shutdown(conn->fd, SHUT_WR);
        pthread_join(daemon, NULL);
}

PipelineTest(much_leaves_without_being_flushed)
{
        static uint8_t payload[1000], sent[65536];
        size_t n_sent = 0;

        for (int i = 0; i < 50; i++) {
                heapd_begin(conn, "x");
                heapd_put_bin(conn, payload, sizeof(payload));
                cr_assert_eq(heapd_post(conn), 0);
        }
        cr_assert_lt(recv(peer, sent, sizeof(sent), MSG_DONTWAIT), 0, "little waits for the flush");
        for (int i = 0; i < 950; i++) {
                ssize_t n;

                heapd_begin(conn, "x");
                heapd_put_bin(conn, payload, sizeof(payload));
                cr_assert_eq(heapd_post(conn), 0);
                cr_assert_lt(conn->out.n, (size_t)2 * CONNECTION_PUSH_BYTES);
                while ((n = recv(peer, sent, sizeof(sent), MSG_DONTWAIT)) > 0) {
                        n_sent += (size_t)n;
                }
        }
        cr_assert_gt(n_sent, (size_t)900000);
}

PipelineTest(no_more_than_a_window_is_in_flight)
{
        char bytes[65536];
        ssize_t n, n_ping = 9;

        for (int i = 0; i < CONNECTION_WINDOW + 100; i++) {
                heapd_begin(conn, "x");
                cr_assert_eq(heapd_send(conn, NULL), 0);
        }
        heapd_set_timeout(conn, 0);
        cr_assert_eq(heapd_flush(conn), -ETIMEDOUT);
        n = recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT);
        n_ping = 0;
        for (ssize_t i = 0; i + 1 < n; i++) {
                n_ping += bytes[i] == (char)0xa1 && bytes[i + 1] == 'x';
        }
        cr_assert_eq(n_ping, CONNECTION_WINDOW);
        script_number(0, 0);
        script_number(1, 0);
        script_say_all();
        heapd_flush(conn);
        heapd_flush(conn);
        cr_assert_gt(recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT), 10, "two more may leave");
}

PipelineTest(a_handle_that_was_not_bound_is_dropped)
{
        static const uint8_t DROP[] = {0x93, 2,   0xab, 'h', 'a', 'n',  'd',  'l', 'e',
                                       '.',  'd', 'r',  'o', 'p', 0x91, 0x91, 1};
        uint32_t handle = 77;
        uint8_t sent[256];
        ssize_t n;

        envelope_error(&script, 0, ERROR_NO_NAME, "none");
        script_say_all();
        cr_assert_eq(heapd_name_get(conn, "config", &handle), HEAPD_E_NO_NAME);
        cr_assert_eq(handle, 77);
        cr_assert_str_eq(heapd_error_text(conn), "none");
        heapd_flush(conn);
        n = recv(peer, sent, sizeof(sent), MSG_DONTWAIT);
        cr_assert_gt(n, (ssize_t)sizeof(DROP));
        cr_assert_arr_eq(sent + n - sizeof(DROP), DROP, sizeof(DROP));
}
