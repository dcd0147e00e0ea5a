/* SPDX-License-Identifier: MIT */
#include "gc/gc.h"
#include "net/conn.h"
#include "store/session.h"

/*
 * Back-pressure: while the collector is behind (gc_is_pressed()), a connection that has allocated
 * PRESSURE_DEBT_BYTES is neither read from nor served for PRESSURE_HOLD_MS at most. Answers go on
 * flowing, and whoever allocates nothing notices nothing. The executor itself never waits.
 */

static void pressure_on_relief(uv_timer_t *timer)
{
        struct net *net = timer->data;

        list_for_each_safe(node, &net->held)
        {
                struct conn *conn = list_entry(node, struct conn, hold);

                list_unlink(node);
                conn_settle(conn);
        }
}

void pressure_weigh(struct conn *conn, uint64_t allocated_bytes)
{
        struct net *net = conn->net;

        if (allocated_bytes == 0 || !gc_is_pressed(net->config.gc)) {
                conn->debt_bytes = 0;
                return;
        }
        conn->debt_bytes += allocated_bytes;
        if (conn->debt_bytes < PRESSURE_DEBT_BYTES || net->draining || conn->ending ||
            conn->closing) {
                return;
        }
        conn->debt_bytes = 0;
        if (list_empty(&net->held)) {
                uv_timer_start(&net->relief, pressure_on_relief, PRESSURE_HOLD_MS, 0);
        }
        list_append(&net->held, &conn->hold);
        net_count(&net->n_held, 1);
}
