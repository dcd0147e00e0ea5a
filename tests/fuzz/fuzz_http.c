/* SPDX-License-Identifier: MIT */
/* The HTTP reader must answer the same however a request is cut, and with a status it has a name
 * for.
 */
#include <stdint.h>
#include <stdlib.h>

#include "stats/http.h"

static const char *const paths[] = {"/metrics", "/gctrace", NULL};

static int answer(const char *bytes, size_t n, size_t n_piece)
{
        static struct http_request request;
        int status = HTTP_MORE;

        http_init(&request);
        for (size_t at = 0; at < n && status == HTTP_MORE; at += n_piece) {
                size_t n_now = n - at < n_piece ? n - at : n_piece;

                status = http_feed(&request, bytes + at, n_now, paths);
        }
        return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        const char *text = (const char *)bytes;
        int status = answer(text, n, n ? n : 1);

        if (answer(text, n, 1) != status || answer(text, n, 7) != status) {
                abort();
        }
        if (status != HTTP_MORE && (status < 200 || status > 505 || !http_reason(status))) {
                abort();
        }
        return 0;
}
