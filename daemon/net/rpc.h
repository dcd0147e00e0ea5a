/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Call: one request being served. A function per method of the protocol, by subject in call_*.c,
 * finds its parameters checked (proto/request.h) and the head of its answer written: it writes the
 * result. When it fails, dispatch() takes back what it wrote and answers the error.
 *
 * Threads:  the executor, inside a request. Private to net/.
 */

#include "net/conn.h"
#include "net/source.h"
#include "proto/errors.h"
#include "proto/request.h"

enum rpc_outcome { RPC_DONE, RPC_FAILED, RPC_PARKED };

struct rpc {
        struct net *net;
        struct conn *conn;
        struct session *session;
        const struct request *request;
        struct writer *out;
        enum error code;     /* RPC_FAILED: what to answer, */
        const char *message; /* with this */
        const char *detail;  /* and a detail of this name, if any */
        uint64_t detail_value;
};

typedef enum rpc_outcome rpc_fn(struct rpc *rpc);

/* The function of each method, by enum method; NULL past the last. */
rpc_fn *rpc_find(enum method method);

/* Fails with an outcome of the store, which must not be STORE_OK. */
enum rpc_outcome rpc_refuse(struct rpc *rpc, int outcome);
enum rpc_outcome rpc_fail(struct rpc *rpc, enum error code, const char *message);

/* Parameters: a target, and options with what they mean when they are not given. */
struct target rpc_target(const struct rpc *rpc, unsigned i);
uint32_t rpc_into(const struct rpc *rpc);
uint64_t rpc_uint(const struct rpc *rpc, enum option option, uint64_t otherwise);
bool rpc_flag(const struct rpc *rpc, enum option option);

/* Answers with the number of a cycle: when it has ended, if the connection may park, or at once. */
enum rpc_outcome rpc_answer_cycle(struct rpc *rpc, uint64_t cycle, bool wait);
bool rpc_may_park(const struct rpc *rpc);

/* A cursor as the next call wants it: nil at the end. */
void rpc_write_cursor(struct rpc *rpc, uint64_t cursor);

rpc_fn rpc_hello, rpc_ping, rpc_bye, rpc_api_info;
rpc_fn rpc_handle_dup, rpc_handle_drop, rpc_handle_same;
rpc_fn rpc_name_get, rpc_name_put, rpc_name_del, rpc_name_list;
rpc_fn rpc_obj_new, rpc_obj_info, rpc_obj_get, rpc_obj_walk, rpc_obj_set, rpc_obj_cas, rpc_obj_add;
rpc_fn rpc_array_push, rpc_array_read, rpc_array_splice, rpc_map_del, rpc_map_scan;
rpc_fn rpc_weak_get, rpc_blob_open, rpc_blob_read;
rpc_fn rpc_heap_stats, rpc_heap_gc, rpc_heap_ctl;
