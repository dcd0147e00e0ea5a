/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "net/conn.h"
#include "proto/envelope.h"
#include "store/store.h"

/* A request that is answered later: here, when a cycle has ended. */
struct parked {
        struct list node; /* in net->parked */
        struct list mine; /* in conn->parked */
        struct conn *conn;
        uint32_t msgid;
        uint64_t cycle;
};

bool parked_add(struct conn *conn, uint32_t msgid, uint64_t cycle)
{
        struct parked *parked;

        if (conn->n_parked >= conn->net->limits.in_flight) {
                return false;
        }
        parked = malloc(sizeof(*parked));
        if (!parked) {
                return false;
        }
        *parked = (struct parked){.conn = conn, .msgid = msgid, .cycle = cycle};
        list_append(&conn->net->parked, &parked->node);
        list_append(&conn->parked, &parked->mine);
        conn->n_parked++;
        net_count(&conn->net->n_parked, 1);
        return true;
}

static void parked_free(struct parked *parked)
{
        parked->conn->n_parked--;
        net_count(&parked->conn->net->n_parked, (uint64_t)-1);
        list_unlink(&parked->node);
        list_unlink(&parked->mine);
        free(parked);
}

void parked_drop(struct conn *conn)
{
        list_for_each_safe(mine, &conn->parked)
        {
                parked_free(list_entry(mine, struct parked, mine));
        }
}

/* Cycles are numbered in the order in which they were asked for: the first waits for the lowest. */
static struct parked *parked_first(struct net *net, uint64_t cycle)
{
        struct parked *parked = list_entry(net->parked.next, struct parked, node);

        return list_empty(&net->parked) || parked->cycle > cycle ? NULL : parked;
}

void net_cycle_ended(struct net *net, uint64_t cycle)
{
        struct parked *parked;

        while ((parked = parked_first(net, cycle))) {
                struct conn *conn = parked->conn;

                envelope_result(conn_out(conn), parked->msgid);
                writer_uint(conn_out(conn), parked->cycle);
                parked_free(parked);
                conn_flush(conn);
                conn_settle(conn);
        }
        if (!net->draining && store_wants_purge(net->config.store)) {
                net->purging = true;
                uv_idle_start(&net->idle, turn_on_idle);
        }
}

void parked_shutdown(struct net *net)
{
        struct parked *parked;

        while ((parked = parked_first(net, UINT64_MAX))) {
                struct conn *conn = parked->conn;

                envelope_error(conn_out(conn), parked->msgid, ERROR_SHUTDOWN,
                               error_sentence(ERROR_SHUTDOWN));
                parked_free(parked);
                conn_flush(conn);
                conn_settle(conn);
        }
}
