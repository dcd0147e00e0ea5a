/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "gc/gc.h"
#include "net/conn.h"
#include "net/dispatch.h"
#include "proto/envelope.h"
#include "store/store.h"

/*
 * A turn: as many messages as fit in one quantum, inside one gc_enter(). Between two requests
 * stands gc_poll(): a collector that wants this mutator never waits longer than one request takes
 * (NET-6).
 */

/* The peer does not speak our language: tell it once, answer nothing more. */
static void turn_refuse(struct conn *conn, const char *text)
{
        net_count(&conn->net->n_unparsable, 1);
        envelope_error_event(conn_out(conn), ERROR_PARSE, text);
        conn->bye = true;
}

/* Returns the units of work that it took. */
static uint64_t turn_execute(struct conn *conn, const uint8_t *bytes, size_t n)
{
        struct request *request = &conn->net->request;
        int r = request_decode(request, bytes, n);

        if (r == REQUEST_E_ENVELOPE) {
                turn_refuse(conn, request->message);
                return 0;
        }
        return dispatch(conn, request, r == REQUEST_E_REFUSED);
}

/* The message that starts at bytes[0]: its length, or 0 if it does not end here. */
static size_t turn_scan(struct conn *conn, const uint8_t *bytes, size_t n)
{
        size_t *n_fed = &conn->inbox.n_fed, n_used, n_message;
        enum scanner_outcome outcome;

        outcome = scanner_feed(&conn->scanner, bytes + *n_fed, n - *n_fed, &n_used);
        if (outcome == SCANNER_MESSAGE) {
                n_message = *n_fed + n_used;
                *n_fed = 0;
                return n_message;
        }
        *n_fed = n;
        if (outcome != SCANNER_MORE) {
                turn_refuse(conn, scanner_explain(outcome));
        }
        return 0;
}

size_t turn_take(struct conn *conn, const uint8_t *bytes, size_t n)
{
        struct mutator *mutator = conn->net->config.mutator;
        uint64_t units = 0;
        size_t n_used = 0;

        gc_enter(mutator);
        for (unsigned i = 0; i < TURN_REQUESTS_MAX && units < TURN_UNITS_MAX && n_used < n; i++) {
                size_t n_message;

                if (conn->bye || conn_out_bytes(conn) > CONN_OUT_HIGH) {
                        break;
                }
                n_message = turn_scan(conn, bytes + n_used, n - n_used);
                if (n_message == 0) {
                        break;
                }
                units += turn_execute(conn, bytes + n_used, n_message);
                n_used += n_message;
                gc_poll(mutator);
        }
        gc_leave(mutator);
        return n_used;
}

/* The store's own turn, in every round, as long as it has work. */
static void turn_purge(struct net *net)
{
        gc_enter(net->config.mutator);
        net->purging = store_purge(net->config.store);
        gc_leave(net->config.mutator);
}

void turn_on_idle(uv_idle_t *idle)
{
        struct net *net = idle->data;
        struct list round;

        /* Those who come back for another turn wait for the next round. */
        list_init(&round);
        if (!list_empty(&net->turns)) {
                list_push(&net->turns, &round);
                list_unlink(&net->turns);
        }
        while (!list_empty(&round)) {
                struct conn *conn = list_entry(round.next, struct conn, turn);
                struct inbox *inbox = &conn->inbox;

                list_unlink(&conn->turn);
                conn_turn(conn, inbox->bytes + inbox->at, inbox->n - inbox->at);
                conn_settle(conn);
        }
        if (net->purging) {
                turn_purge(net);
        }
        if (list_empty(&net->turns) && !net->purging) {
                uv_idle_stop(idle);
        }
}
