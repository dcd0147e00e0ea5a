/* SPDX-License-Identifier: MIT */
#include "net/dispatch.h"

#include "base/assert.h"
#include "gc/gc.h"
#include "net/rpc.h"
#include "net/status.h"
#include "proto/envelope.h"
#include "proto/values.h"

#define RETRY_MS_MIN   10u
#define RETRY_MS_MAX   5000u
#define DISPATCH_UNITS 8u /* what reading a request and answering it costs at least */

static rpc_fn *const dispatch_table[_METHOD_N] = {
        [METHOD_HELLO] = rpc_hello,
        [METHOD_PING] = rpc_ping,
        [METHOD_BYE] = rpc_bye,
        [METHOD_API_INFO] = rpc_api_info,
        [METHOD_HANDLE_DUP] = rpc_handle_dup,
        [METHOD_HANDLE_DROP] = rpc_handle_drop,
        [METHOD_HANDLE_SAME] = rpc_handle_same,
        [METHOD_NAME_GET] = rpc_name_get,
        [METHOD_NAME_PUT] = rpc_name_put,
        [METHOD_NAME_DEL] = rpc_name_del,
        [METHOD_NAME_LIST] = rpc_name_list,
        [METHOD_OBJ_NEW] = rpc_obj_new,
        [METHOD_OBJ_INFO] = rpc_obj_info,
        [METHOD_OBJ_GET] = rpc_obj_get,
        [METHOD_OBJ_WALK] = rpc_obj_walk,
        [METHOD_OBJ_SET] = rpc_obj_set,
        [METHOD_OBJ_CAS] = rpc_obj_cas,
        [METHOD_OBJ_ADD] = rpc_obj_add,
        [METHOD_ARRAY_PUSH] = rpc_array_push,
        [METHOD_ARRAY_READ] = rpc_array_read,
        [METHOD_ARRAY_SPLICE] = rpc_array_splice,
        [METHOD_MAP_DEL] = rpc_map_del,
        [METHOD_MAP_SCAN] = rpc_map_scan,
        [METHOD_WEAK_GET] = rpc_weak_get,
        [METHOD_BLOB_OPEN] = rpc_blob_open,
        [METHOD_BLOB_READ] = rpc_blob_read,
        [METHOD_HEAP_STATS] = rpc_heap_stats,
        [METHOD_HEAP_GC] = rpc_heap_gc,
        [METHOD_HEAP_CTL] = rpc_heap_ctl,
};

rpc_fn *rpc_find(enum method method)
{
        return method < _METHOD_N ? dispatch_table[method] : NULL;
}

enum rpc_outcome rpc_fail(struct rpc *rpc, enum error code, const char *message)
{
        rpc->code = code;
        rpc->message = message;
        return RPC_FAILED;
}

/* When a cycle may have made room, so that clients need not guess how long to back off. */
static uint64_t rpc_retry_ms(const struct rpc *rpc)
{
        uint64_t ms = gc_relief_ns(rpc->net->config.gc) / 1000000;

        if (ms < RETRY_MS_MIN) {
                return RETRY_MS_MIN;
        }
        return ms < RETRY_MS_MAX ? ms : RETRY_MS_MAX;
}

enum rpc_outcome rpc_refuse(struct rpc *rpc, int outcome)
{
        const struct store *store = rpc->net->config.store;

        hd_assert(outcome > STORE_OK);
        if (outcome == STORE_E_BROKEN) {
                rpc->detail = "cause";
                rpc->detail_value = store_fault_cause(store);
        } else if (outcome == STORE_E_NOMEM) {
                rpc->detail = "retry_ms";
                rpc->detail_value = rpc_retry_ms(rpc);
        }
        return rpc_fail(rpc, status_of((enum store_outcome)outcome), store_fault(store));
}

struct target rpc_target(const struct rpc *rpc, unsigned i)
{
        return source_target(&rpc->request->args[i]);
}

uint64_t rpc_uint(const struct rpc *rpc, enum option option, uint64_t otherwise)
{
        const struct wire_value *value = request_option(rpc->request, option);

        return value && value->type == WIRE_UINT ? value->uint : otherwise;
}

uint32_t rpc_into(const struct rpc *rpc)
{
        return (uint32_t)rpc_uint(rpc, OPTION_INTO, 0);
}

bool rpc_flag(const struct rpc *rpc, enum option option)
{
        const struct wire_value *value = request_option(rpc->request, option);

        return value && value->type == WIRE_BOOL && value->boolean;
}

void rpc_write_cursor(struct rpc *rpc, uint64_t cursor)
{
        if (cursor == 0) {
                writer_nil(rpc->out);
        } else {
                writer_uint(rpc->out, cursor);
        }
}

static void dispatch_answer_error(struct rpc *rpc)
{
        const struct request *request = rpc->request;

        net_count(&rpc->net->n_errors, 1);
        if (request->type == REQUEST_NOTIFICATION) {
                envelope_error_event(rpc->out, rpc->code, rpc->message);
        } else if (rpc->detail) {
                envelope_error_open(rpc->out, request->msgid, rpc->code, rpc->message, 1);
                writer_text(rpc->out, rpc->detail);
                writer_uint(rpc->out, rpc->detail_value);
                envelope_error_close(rpc->out);
        } else {
                envelope_error(rpc->out, request->msgid, rpc->code, rpc->message);
        }
}

/* Later requests of the same pipeline that use the number learn why it is not there. */
static void dispatch_break(struct rpc *rpc)
{
        uint32_t into = rpc_into(rpc);

        if (into > 0 && into <= INT32_MAX) {
                session_break(rpc->session, into, rpc->request->msgid);
        }
}

static enum rpc_outcome dispatch_serve(struct rpc *rpc)
{
        size_t mark = writer_mark(rpc->out);
        enum rpc_outcome outcome;

        envelope_result(rpc->out, rpc->request->msgid);
        outcome = dispatch_table[rpc->request->method](rpc);
        if (outcome == RPC_DONE && writer_status(rpc->out) == WRITER_E_FULL) {
                outcome = rpc_fail(rpc, ERROR_TOO_BIG, "the answer is larger than may be sent");
        }
        if (outcome != RPC_DONE || rpc->request->type == REQUEST_NOTIFICATION) {
                writer_truncate(rpc->out, mark);
        }
        return outcome;
}

uint64_t dispatch(struct conn *conn, const struct request *request, bool refused)
{
        struct net *net = conn->net;
        struct rpc rpc = {
                .net = net,
                .conn = conn,
                .session = conn->session,
                .request = request,
                .out = conn_out(conn),
        };
        enum rpc_outcome outcome;

        net_count(&net->n_requests, 1);
        if (request->type == REQUEST_NOTIFICATION && request->method >= _METHOD_N) {
                net_count(&net->n_notifications_unknown, 1);
                return DISPATCH_UNITS;
        }
        if (conn->late) {
                outcome = rpc_fail(&rpc, ERROR_SHUTDOWN, error_sentence(ERROR_SHUTDOWN));
        } else if (refused) {
                outcome = rpc_fail(&rpc, request->code, request->message);
        } else {
                outcome = dispatch_serve(&rpc);
        }
        if (outcome == RPC_FAILED) {
                dispatch_answer_error(&rpc);
                dispatch_break(&rpc);
        }
        return DISPATCH_UNITS + store_work_units(net->config.store);
}
