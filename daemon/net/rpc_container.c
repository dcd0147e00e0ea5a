/* SPDX-License-Identifier: MIT */
#include "net/rpc.h"
#include "net/sink.h"
#include "store/array.h"
#include "store/blob.h"
#include "store/map.h"

enum rpc_outcome rpc_array_push(struct rpc *rpc)
{
        struct source source;
        uint64_t length;
        int r;

        source_init_values(&source, &rpc->request->args[1]);
        r = array_push(rpc->session, rpc_target(rpc, 0), &source.values, &length);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_uint(rpc->out, length);
        return RPC_DONE;
}

enum rpc_outcome rpc_array_read(struct rpc *rpc)
{
        const struct wire_value *args = rpc->request->args;
        struct sink sink;
        int r;

        sink_init(&sink, rpc->out);
        r = array_read(rpc->session, rpc_target(rpc, 0), args[1].uint, args[2].uint, &sink.values);
        return r == 0 ? RPC_DONE : rpc_refuse(rpc, r);
}

enum rpc_outcome rpc_array_splice(struct rpc *rpc)
{
        const struct wire_value *args = rpc->request->args;
        struct source source;
        struct sink sink;
        int r;

        source_init_values(&source, &args[3]);
        sink_init(&sink, rpc->out);
        r = array_splice(rpc->session, rpc_target(rpc, 0), args[1].uint, args[2].uint,
                         &source.values, &sink.values);
        return r == 0 ? RPC_DONE : rpc_refuse(rpc, r);
}

enum rpc_outcome rpc_map_del(struct rpc *rpc)
{
        bool take = rpc_flag(rpc, OPTION_TAKE);
        struct source source;
        struct sink sink;
        uint32_t n;
        int r;

        source_init_values(&source, &rpc->request->args[1]);
        sink_init(&sink, rpc->out);
        r = map_del(rpc->session, rpc_target(rpc, 0), &source.values, take ? &sink.values : NULL,
                    &n);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        if (!take) {
                writer_uint(rpc->out, n);
        }
        return RPC_DONE;
}

enum rpc_outcome rpc_map_scan(struct rpc *rpc)
{
        const struct wire_value *prefix = request_option(rpc->request, OPTION_PREFIX);
        uint64_t limit = rpc_uint(rpc, OPTION_LIMIT, 0), cursor;
        struct map_scan scan = {
                .cursor = rpc_uint(rpc, OPTION_CURSOR, 0),
                .limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit,
                .prefix = prefix ? prefix->bytes : NULL,
                .n_prefix = prefix ? prefix->n : 0,
                .values = rpc_flag(rpc, OPTION_VALUES),
        };
        struct sink sink;
        int r;

        writer_map(rpc->out, 2);
        writer_text(rpc->out, "items");
        sink_init(&sink, rpc->out);
        r = map_scan(rpc->session, rpc_target(rpc, 0), &scan, &sink.values, &cursor);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_text(rpc->out, "cursor");
        rpc_write_cursor(rpc, cursor);
        return RPC_DONE;
}

enum rpc_outcome rpc_blob_read(struct rpc *rpc)
{
        const struct wire_value *args = rpc->request->args;
        struct value bytes;
        int r = blob_read(rpc->session, rpc_target(rpc, 0), args[1].uint, args[2].uint, &bytes);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_bin(rpc->out, bytes.bytes, bytes.n_bytes);
        return RPC_DONE;
}
