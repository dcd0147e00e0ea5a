/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "gc/gc.h"
#include "net/rpc.h"
#include "proto/describe.h"

/* Whether [lowest, highest] has a version that this daemon speaks; nothing said fits everything. */
static bool rpc_version_fits(const struct wire_value *versions)
{
        struct wire_value lowest, highest;
        struct reader reader;

        if (!versions) {
                return true;
        }
        reader = reader_inside(versions);
        return reader_take(&reader, &lowest) && reader_take(&reader, &highest) &&
               lowest.type == WIRE_UINT && highest.type == WIRE_UINT &&
               lowest.uint <= PROTO_VERSION_MAX && highest.uint >= PROTO_VERSION_MIN;
}

static void rpc_write_session(struct rpc *rpc)
{
        struct session_info info;

        session_get_info(rpc->session, &info);
        writer_map(rpc->out, 4);
        writer_text(rpc->out, "id");
        writer_uint(rpc->out, info.id);
        writer_text(rpc->out, "token"); /* no session outlives its connection yet */
        writer_nil(rpc->out);
        writer_text(rpc->out, "resumed");
        writer_bool(rpc->out, false);
        writer_text(rpc->out, "last_executed");
        writer_nil(rpc->out);
}

enum rpc_outcome rpc_hello(struct rpc *rpc)
{
        if (!rpc_version_fits(request_option(rpc->request, OPTION_PROTO))) {
                return rpc_fail(rpc, ERROR_VERSION, error_sentence(ERROR_VERSION));
        }
        if (request_option(rpc->request, OPTION_RESUME)) {
                return rpc_fail(rpc, ERROR_NO_SESSION, error_sentence(ERROR_NO_SESSION));
        }
        writer_map(rpc->out, 5);
        writer_text(rpc->out, "proto");
        writer_uint(rpc->out, PROTO_VERSION_MAX);
        writer_text(rpc->out, "server");
        writer_text(rpc->out, "heapd " HEAPD_VERSION);
        writer_text(rpc->out, "session");
        rpc_write_session(rpc);
        writer_text(rpc->out, "limits");
        limits_write(rpc->out, &rpc->net->limits);
        writer_text(rpc->out, "features");
        features_write(rpc->out);
        return RPC_DONE;
}

enum rpc_outcome rpc_ping(struct rpc *rpc)
{
        struct gc_stats stats;

        gc_get_stats(rpc->net->config.gc, &stats);
        writer_map(rpc->out, 2);
        writer_text(rpc->out, "now");
        writer_uint(rpc->out, clock_real_ns() / 1000000);
        writer_text(rpc->out, "cycle");
        writer_uint(rpc->out, stats.last.number);
        return RPC_DONE;
}

enum rpc_outcome rpc_bye(struct rpc *rpc)
{
        rpc->conn->bye = true;
        writer_nil(rpc->out);
        return RPC_DONE;
}

enum rpc_outcome rpc_api_info(struct rpc *rpc)
{
        api_info_write(rpc->out);
        return RPC_DONE;
}
