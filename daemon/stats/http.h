/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Http: reads the head of one HTTP/1.x request, as its bytes come, and says what to answer.
 *
 * It serves a few resources to programs on this machine, so it is strict: what is not exactly a GET
 * or HEAD of one is refused with a reason. A browser that a web page has sent here is recognised by
 * its Host (which then is not this machine's) or its Origin.
 *
 * Threads: plain data, one at a time. Failure: is a status code.
 */

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_BYTES_MAX 8192u

struct http_request {
        size_t n;
        bool is_head;      /* HEAD: the answer has no body */
        unsigned path;     /* with 200: which of the paths */
        const char *query; /* and what stands behind its question mark, in `head` */
        char head[HTTP_HEAD_BYTES_MAX];
};

enum { HTTP_MORE = 0 }; /* the head is not complete */

void http_init(struct http_request *request);
/* HTTP_MORE, or the status to answer with: 200, 400, 403, 404, 405, 431, 505. */
int http_feed(struct http_request *request, const char *bytes, size_t n,
              const char *const paths[]); /* NULL ends them */

const char *http_reason(int status);
