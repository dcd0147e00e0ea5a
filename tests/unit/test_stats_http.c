/* SPDX-License-Identifier: MIT */
/* The HTTP reader: what is served, what is refused and how, and that splits make no difference. */
#include "stats/http.h"

#include <string.h>

#include "support/unit.h"

static const char *const paths[] = {"/other", "/metrics", NULL};

static int feed_all(const char *text, size_t n)
{
        struct http_request request;

        http_init(&request);
        return http_feed(&request, text, n, paths);
}

static const struct {
        const char *text;
        int status;
} cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
        {"GET /metrics HTTP/1.1\nHost: localhost\n\n", 200},
        {"HEAD /metrics HTTP/1.0\r\nhost:127.0.0.1:9000 \r\n\r\n", 200},
        {"GET /metrics?x=1 HTTP/1.1\r\nHOST: [::1]:1\r\nAccept: */*\r\n\r\n", 200},
        {"GET /metrics HTTP/1.1\r\nHost: LocalHost\r\nContent-Length: 0\r\n\r\n", 200},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: a\tb\r\n\r\n", 200},
        /* not ours */
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /metricsx HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"get /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
        /* a browser that was sent here */
        {"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: localhost:\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: localhost:80x\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: user@localhost\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n", 403},
        {"POST / HTTP/1.1\r\nHost: localhost\r\norigin: null\r\n\r\n", 403},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 403},
        /* broken */
        {"GET /metrics HTTP/1.1\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n: empty\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: local\rhost\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET  /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /metrics\r\nHost: localhost\r\n\r\n", 400},
        {"GET /metrics FTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /met\x01rics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"\n\n", 400},
        {"\r\nGET /metrics HTTP/1.1\r\n\r\n", 400},
};

enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };

Test(stats_http, each_head_has_its_answer)
{
        for (unsigned i = 0; i < N_CASES; i++) {
                int status = feed_all(cases[i].text, strlen(cases[i].text));

                cr_assert_eq(status, cases[i].status, "%d for %s", status, cases[i].text);
                cr_assert(strlen(http_reason(status)) > 0);
        }
        cr_assert_eq(feed_all("GET /metrics HTTP/1.1\r\nHost: local\0host\r\n\r\n", 44), 400);
}

Test(stats_http, every_split_gives_the_same_answer)
{
        for (unsigned i = 0; i < N_CASES; i++) {
                size_t n = strlen(cases[i].text);

                for (size_t split = 1; split < n; split++) {
                        struct http_request request;
                        int status;

                        http_init(&request);
                        status = http_feed(&request, cases[i].text, split, paths);
                        if (status == HTTP_MORE) {
                                status = http_feed(&request, cases[i].text + split, n - split,
                                                   paths);
                        }
                        cr_assert_eq(status, cases[i].status, "split at %zu: %s", split,
                                     cases[i].text);
                }
        }
}

Test(stats_http, nothing_is_answered_before_the_empty_line)
{
        const char *text = cases[0].text;

        for (size_t n = 0; n < strlen(text); n++) {
                cr_assert_eq(feed_all(text, n), HTTP_MORE);
        }
}

Test(stats_http, a_head_is_bounded_exactly)
{
        static const char start[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ";
        char text[HTTP_HEAD_BYTES_MAX + 1];

        memset(text, 'x', sizeof(text));
        memcpy(text, start, strlen(start));
        memcpy(text + HTTP_HEAD_BYTES_MAX - 1 - 4, "\r\n\r\n", 4);
        cr_assert_eq(feed_all(text, HTTP_HEAD_BYTES_MAX - 1), 200);
        memset(text + HTTP_HEAD_BYTES_MAX - 1 - 4, 'x', 4);
        memcpy(text + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
        cr_assert_eq(feed_all(text, HTTP_HEAD_BYTES_MAX), 431);
}

Test(stats_http, head_asks_for_no_body)
{
        struct http_request request;
        static const char text[] = "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

        http_init(&request);
        cr_assert_eq(http_feed(&request, text, strlen(text), paths), 200);
        cr_assert(request.is_head);
}

Test(stats_http, the_path_and_the_query_are_told)
{
        static const struct {
                const char *text;
                unsigned path;
                const char *query;
        } good[] = {
                {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 1, ""},
                {"GET /metrics? HTTP/1.1\r\nHost: localhost\r\n\r\n", 1, ""},
                {"GET /other?a=b&c HTTP/1.1\r\nHost: localhost\r\n\r\n", 0, "a=b&c"},
                {"GET /other?/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 0, "/metrics"},
        };

        for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                struct http_request request;

                http_init(&request);
                cr_assert_eq(http_feed(&request, good[i].text, strlen(good[i].text), paths), 200);
                cr_assert_eq(request.path, good[i].path);
                cr_assert_str_eq(request.query, good[i].query);
        }
}
