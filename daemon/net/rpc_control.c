/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "gc/gc.h"
#include "heap/heap.h"
#include "net/rpc.h"

/* heap.ctl: what operators may change while the daemon runs. A key is a row of the table below. */

#define CONTROL_PERCENT_MAX 100000u

/* nil stands for "off": no limit, no collecting by growth. */
struct control_value {
        bool off;
        uint64_t number;
};

static struct control_value control_get_gogc(const struct net *net)
{
        struct gc_stats stats;

        gc_get_stats(net->config.gc, &stats);
        return (struct control_value){.off = stats.percent < 0, .number = (uint64_t)stats.percent};
}

static void control_set_gogc(const struct net *net, struct control_value value)
{
        gc_set_percent(net->config.gc, value.off ? -1 : (int)value.number);
}

static struct control_value control_get_limit(const struct net *net)
{
        uint64_t bytes = heap_limit_bytes(net->config.heap);

        return (struct control_value){.off = bytes == 0, .number = bytes};
}

static void control_set_limit(const struct net *net, struct control_value value)
{
        gc_set_limit(net->config.gc, value.off ? 0 : value.number);
}

static const struct {
        const char *name;
        uint64_t min, max;
        struct control_value (*get)(const struct net *net);
        void (*set)(const struct net *net, struct control_value value);
} controls[] = {
        {"gogc", 0, CONTROL_PERCENT_MAX, control_get_gogc, control_set_gogc},
        {"memory_limit", 1, UINT64_MAX, control_get_limit, control_set_limit},
};

static bool control_is(const struct wire_value *value, const char *name)
{
        return value && value->n == strlen(name) && memcmp(value->bytes, name, value->n) == 0;
}

static enum rpc_outcome control_set(struct rpc *rpc)
{
        const struct wire_value *key = request_option(rpc->request, OPTION_KEY);
        const struct wire_value *value = request_option(rpc->request, OPTION_VALUE);
        struct control_value before, after;

        for (unsigned i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
                if (!control_is(key, controls[i].name)) {
                        continue;
                }
                if (!value || (value->type != WIRE_NIL &&
                               (value->type != WIRE_UINT || value->uint < controls[i].min ||
                                value->uint > controls[i].max))) {
                        return rpc_fail(rpc, ERROR_BAD_REQUEST,
                                        "heap.ctl set: the value does not fit the key");
                }
                after = (struct control_value){.off = value->type == WIRE_NIL,
                                               .number = value->uint};
                before = controls[i].get(rpc->net);
                controls[i].set(rpc->net, after);
                if (before.off) {
                        writer_nil(rpc->out);
                } else {
                        writer_uint(rpc->out, before.number);
                }
                return RPC_DONE;
        }
        return rpc_fail(rpc, ERROR_BAD_REQUEST,
                        "heap.ctl set: option 'key' must be gogc or memory_limit");
}

static enum rpc_outcome control_free_os_memory(struct rpc *rpc)
{
        bool wait = rpc->request->type == REQUEST_CALL;

        if (wait && !rpc_may_park(rpc)) {
                return rpc_fail(rpc, ERROR_LIMIT, "too many requests of this connection wait");
        }
        return rpc_answer_cycle(rpc, gc_free_memory(rpc->net->config.gc, GC_REASON_FORCED), wait);
}

enum rpc_outcome rpc_heap_ctl(struct rpc *rpc)
{
        const struct wire_value *action = &rpc->request->args[0];

        if (!rpc->conn->admin) {
                return rpc_fail(rpc, ERROR_DENIED, error_sentence(ERROR_DENIED));
        }
        if (control_is(action, "set")) {
                return control_set(rpc);
        }
        if (control_is(action, "free_os_memory")) {
                return control_free_os_memory(rpc);
        }
        return rpc_fail(rpc, ERROR_BAD_REQUEST,
                        "heap.ctl: the action must be set or free_os_memory");
}
