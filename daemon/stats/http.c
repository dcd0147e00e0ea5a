/* SPDX-License-Identifier: MIT */
#include "stats/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void http_init(struct http_request *request)
{
        request->n = 0;
        request->is_head = false;
        request->path = 0;
        request->query = "";
}

const char *http_reason(int status)
{
        switch (status) {
        case 200:
                return "OK";
        case 403:
                return "Forbidden";
        case 404:
                return "Not Found";
        case 405:
                return "Method Not Allowed";
        case 431:
                return "Request Header Fields Too Large";
        case 503:
                return "Service Unavailable";
        case 505:
                return "HTTP Version Not Supported";
        default:
                return "Bad Request";
        }
}

/* A name of this machine, with or without a port. */
static bool http_host_is_local(const char *host)
{
        static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                size_t n = strlen(names[i]);

                if (strncasecmp(host, names[i], n) == 0) {
                        const char *port = host + n;

                        return !*port || (*port == ':' && port[1] &&
                                          strspn(port + 1, "0123456789") == strlen(port + 1));
                }
        }
        return false;
}

static bool http_find_path(struct http_request *request, const char *target,
                           const char *const paths[])
{
        size_t n = strcspn(target, "?");

        for (unsigned i = 0; paths[i]; i++) {
                if (strlen(paths[i]) == n && memcmp(paths[i], target, n) == 0) {
                        request->path = i;
                        request->query = target + n + (target[n] == '?');
                        return true;
                }
        }
        return false;
}

/* "METHOD TARGET HTTP/1.x", cut in place. */
static int http_request_line(struct http_request *request, char *line, const char *const paths[])
{
        char *target = strchr(line, ' ');
        char *version = target ? strchr(target + 1, ' ') : NULL;

        if (!version || strchr(version + 1, ' ')) {
                return 400;
        }
        *target++ = '\0';
        *version++ = '\0';
        if (strncmp(version, "HTTP/", 5) != 0) {
                return 400;
        }
        if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0) {
                return 505;
        }
        request->is_head = strcmp(line, "HEAD") == 0;
        if (!request->is_head && strcmp(line, "GET") != 0) {
                return 405;
        }
        return http_find_path(request, target, paths) ? 200 : 404;
}

/* A field and what follows from it; *n_hosts counts those that name the host. */
static int http_field(char *line, unsigned *n_hosts)
{
        char *colon = strchr(line, ':'), *value, *end;

        if (!colon || colon == line) {
                return 400;
        }
        for (const char *c = line; c < colon; c++) {
                if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c)) {
                        return 400; /* a blank before the colon, or a continued line */
                }
        }
        *colon = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
        for (end = value + strlen(value); end > value && strchr(" \t", end[-1]); end--) {
        }
        *end = '\0';
        if (strcasecmp(line, "Host") == 0) {
                ++*n_hosts;
                return http_host_is_local(value) ? 200 : 403;
        }
        if (strcasecmp(line, "Origin") == 0) {
                return 403;
        }
        if (strcasecmp(line, "Transfer-Encoding") == 0 ||
            (strcasecmp(line, "Content-Length") == 0 && strcmp(value, "0") != 0)) {
                return 400;
        }
        return 200;
}

static int http_parse(struct http_request *request, const char *const paths[])
{
        unsigned n_hosts = 0;
        int answer = 0, status;
        char *next = request->head;

        for (size_t i = 0; i < request->n; i++) {
                unsigned char c = (unsigned char)request->head[i];

                if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 127) {
                        return 400;
                }
        }
        while (*next && *next != '\n' && strncmp(next, "\r\n", 2) != 0) {
                char *line = next, *newline = strchr(line, '\n');

                next = newline + 1;
                *newline = '\0';
                if (newline > line && newline[-1] == '\r') {
                        newline[-1] = '\0';
                }
                if (strchr(line, '\r')) {
                        return 400;
                }
                status = answer == 0 ? http_request_line(request, line, paths)
                                     : http_field(line, &n_hosts);
                if (status == 400 || status == 403) {
                        return status; /* before anything else is said about what there is */
                }
                answer = answer == 0 ? status : answer;
        }
        if (answer == 0 || n_hosts != 1) {
                return 400;
        }
        return answer;
}

/* Whether the head ends with an empty line here. */
static bool http_ends(const char *head, size_t n)
{
        return (n >= 2 && memcmp(head + n - 2, "\n\n", 2) == 0) ||
               (n >= 3 && memcmp(head + n - 3, "\n\r\n", 3) == 0);
}

int http_feed(struct http_request *request, const char *bytes, size_t n, const char *const paths[])
{
        for (size_t i = 0; i < n; i++) {
                if (request->n == HTTP_HEAD_BYTES_MAX - 1) {
                        return 431;
                }
                request->head[request->n++] = bytes[i];
                if (http_ends(request->head, request->n)) {
                        request->head[request->n] = '\0';
                        return http_parse(request, paths);
                }
        }
        return HTTP_MORE;
}
