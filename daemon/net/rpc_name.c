/* SPDX-License-Identifier: MIT */
#include "net/rpc.h"
#include "net/sink.h"
#include "store/name.h"

enum rpc_outcome rpc_name_get(struct rpc *rpc)
{
        const struct wire_value *name = &rpc->request->args[0];
        uint64_t version;
        uint32_t handle;
        enum kind kind;
        int r = name_get(rpc->session, name->bytes, name->n, rpc_into(rpc), &handle, &kind,
                         &version);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_array(rpc->out, 3);
        writer_handle(rpc->out, handle);
        writer_text(rpc->out, kind_name(kind));
        writer_uint(rpc->out, version);
        return RPC_DONE;
}

enum rpc_outcome rpc_name_put(struct rpc *rpc)
{
        const struct wire_value *name = &rpc->request->args[0];
        const struct wire_value *when = request_option(rpc->request, OPTION_IF);
        enum name_if name_if = NAME_IF_ANY;
        struct target same = {0};
        bool replaced;
        int r;

        if (when && when->type == WIRE_STR) {
                name_if = NAME_IF_ABSENT; /* the only string that passes the check */
        } else if (when) {
                name_if = NAME_IF_SAME;
                same = source_target(when);
        }
        r = name_put(rpc->session, name->bytes, name->n, rpc_target(rpc, 1), name_if, same,
                     &replaced);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_map(rpc->out, 1);
        writer_text(rpc->out, "replaced");
        writer_bool(rpc->out, replaced);
        return RPC_DONE;
}

enum rpc_outcome rpc_name_del(struct rpc *rpc)
{
        const struct wire_value *name = &rpc->request->args[0];
        const struct wire_value *when = request_option(rpc->request, OPTION_IF);
        struct target same;
        bool deleted;
        int r;

        if (when) {
                same = source_target(when);
        }
        r = name_del(rpc->session, name->bytes, name->n, when ? &same : NULL, &deleted);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_bool(rpc->out, deleted);
        return RPC_DONE;
}

enum rpc_outcome rpc_name_list(struct rpc *rpc)
{
        const struct wire_value *prefix = &rpc->request->args[0];
        uint64_t limit = rpc_uint(rpc, OPTION_LIMIT, 0), cursor;
        struct sink sink;
        int r;

        writer_map(rpc->out, 2);
        writer_text(rpc->out, "names");
        sink_init(&sink, rpc->out);
        r = name_list(rpc->net->config.store, prefix->bytes, prefix->n,
                      rpc_uint(rpc, OPTION_CURSOR, 0),
                      limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit, &sink.values, &cursor);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_text(rpc->out, "cursor");
        rpc_write_cursor(rpc, cursor);
        return RPC_DONE;
}
