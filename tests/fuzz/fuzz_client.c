/* SPDX-License-Identifier: MIT */
/*
 * A client must survive whatever a daemon answers: it may break the connection, but not itself.
 * The first byte chooses how many requests wait for an answer; what arrives is read to its depths.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/include/heapd.h"

enum { REQUESTS_MAX = 8, DEPTH_MAX = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
        if (!holds) {
                abort();
        }
}

/* Reads every byte that the value lends. */
static unsigned read_value(const struct heapd_value *value, unsigned depth)
{
        struct heapd_items items = heapd_items(value);
        struct heapd_value item;
        unsigned sum = 0;

        demand(depth < DEPTH_MAX);
        if (value->type == HEAPD_STR || value->type == HEAPD_BIN || value->type == HEAPD_EXT) {
                for (uint32_t i = 0; i < value->n; i++) {
                        sum += ((const uint8_t *)value->bytes)[i];
                }
        }
        while (heapd_item(&items, &item)) {
                sum += read_value(&item, depth + 1);
        }
        return sum + heapd_find(value, "key", &item) + heapd_at(value, 1, &item);
}

static void wait_for_all(struct heapd *conn, const uint32_t *ids, unsigned n_ids)
{
        int broken = 0;

        for (unsigned i = 0; i < n_ids; i++) {
                heapd_auto_result struct heapd_result *result = NULL;
                int r = heapd_wait(conn, ids[i], &result);

                demand((r == 0) == (result != NULL));
                demand(r == 0 || heapd_error_code(conn) == r);
                if (result) {
                        read_value(heapd_result_value(result), 0);
                }
                broken = broken || r < 0;
        }
        demand(!broken || heapd_ping(conn, NULL) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint32_t ids[REQUESTS_MAX];
        unsigned n_ids = size > 0 ? data[0] % (REQUESTS_MAX + 1) : 0;
        struct heapd *conn;
        int fds[2];

        if (size == 0 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
                return 0;
        }
        demand(heapd_connect_fd(&conn, fds[0]) == 0);
        for (unsigned i = 0; i < n_ids; i++) {
                heapd_begin(conn, "ping");
                demand(heapd_send(conn, &ids[i]) == 0);
        }
        demand(send(fds[1], data + 1, size - 1, MSG_DONTWAIT) == (ssize_t)size - 1);
        shutdown(fds[1], SHUT_WR); /* so that nothing is waited for */
        wait_for_all(conn, ids, n_ids);
        heapd_close(conn);
        close(fds[1]);
        return 0;
}
