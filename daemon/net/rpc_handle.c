/* SPDX-License-Identifier: MIT */
#include "net/rpc.h"
#include "proto/values.h"
#include "store/handle.h"

enum rpc_outcome rpc_handle_dup(struct rpc *rpc)
{
        uint32_t handle;
        int r = handle_dup(rpc->session, rpc_target(rpc, 0), rpc_into(rpc), &handle);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_handle(rpc->out, handle);
        return RPC_DONE;
}

enum rpc_outcome rpc_handle_drop(struct rpc *rpc)
{
        struct reader reader = reader_inside(&rpc->request->args[0]);
        struct wire_value value;
        uint32_t handle;
        uint64_t n = 0;

        while (reader_take(&reader, &value)) {
                if (value_handle(&value, &handle)) {
                        n += handle_drop(rpc->session, handle);
                }
        }
        writer_uint(rpc->out, n);
        return RPC_DONE;
}

enum rpc_outcome rpc_handle_same(struct rpc *rpc)
{
        bool same;
        int r = handle_same(rpc->session, rpc_target(rpc, 0), rpc_target(rpc, 1), &same);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_bool(rpc->out, same);
        return RPC_DONE;
}
