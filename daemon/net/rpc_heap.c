/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gc/gc.h"
#include "heap/heap.h"
#include "net/rpc.h"
#include "proto/describe.h"

struct rpc_number {
        const char *name;
        uint64_t value;
};

static void rpc_write_numbers(struct rpc *rpc, const struct rpc_number *numbers, uint32_t n)
{
        writer_map(rpc->out, n);
        for (uint32_t i = 0; i < n; i++) {
                writer_text(rpc->out, numbers[i].name);
                writer_uint(rpc->out, numbers[i].value);
        }
}

#define RPC_WRITE_NUMBERS(rpc, numbers) \
        rpc_write_numbers(rpc, numbers, sizeof(numbers) / sizeof((numbers)[0]))

static void rpc_section_memory(struct rpc *rpc)
{
        struct heap_stats heap;

        heap_get_stats(rpc->net->config.heap, &heap);
        const struct rpc_number numbers[] = {
                {"alloc_bytes", heap.alloc},
                {"total_alloc_bytes", heap.total_alloc},
                {"objects", heap.n_objects},
                {"mallocs", heap.n_mallocs},
                {"frees", heap.n_frees},
                {"sys_bytes", heap.sys},
                {"heap_sys_bytes", heap.heap_sys},
                {"heap_inuse_bytes", heap.heap_inuse},
                {"heap_idle_bytes", heap.heap_idle},
                {"heap_released_bytes", heap.heap_released},
                {"span_free_bytes", heap.span_free},
                {"largest_free_run_bytes", heap.largest_free_run},
                {"spans", heap.n_spans},
                {"metadata_bytes", heap.metadata},
                {"limit_bytes", heap.limit},
                {"other_bytes", heap_other_bytes(rpc->net->config.heap)},
        };
        RPC_WRITE_NUMBERS(rpc, numbers);
}

static void rpc_section_gc(struct rpc *rpc)
{
        struct gc_stats gc;

        gc_get_stats(rpc->net->config.gc, &gc);
        const struct rpc_number numbers[] = {
                {"cycles", gc.n_cycles},
                {"forced", gc.n_forced},
                {"last_cycle", gc.last.number},
                {"handshakes", gc.n_handshakes},
                {"handshake_total_ns", gc.handshake_total_ns},
                {"handshake_max_ns", gc.handshake_max_ns},
#define TIME(name, text, what, help) {text "_total_ns", gc.times_ns[GC_TIME_##name]},
#include "gc/times.def"
#undef TIME
                {"goal_bytes", gc.goal_bytes},
                {"trigger_bytes", gc.trigger_bytes},
                {"effective_gogc", gc.effective_percent},
                {"band", gc.band},
                {"given_back_bytes", gc.released_bytes},
                {"giving_back_cpu_ns", gc.scavenger_cpu_ns},
                {"live_bytes", gc.last.live_bytes},
                {"live_objects", gc.last.live_objects},
                {"freed_bytes", gc.last.freed_bytes},
                {"freed_objects", gc.last.freed_objects},
                {"weak_cleared", gc.n_weak_cleared},
                {"last_mark_ns", gc.last.phases[GC_PHASE_MARK].wall_ns},
                {"last_sweep_ns", gc.last.phases[GC_PHASE_SWEEP].wall_ns},
                {"roots", gc.n_roots},
                {"workers", gc.n_workers},
        };
        RPC_WRITE_NUMBERS(rpc, numbers);
}

static void rpc_section_sessions(struct rpc *rpc)
{
        struct store_stats store;
        struct net_stats net;

        store_get_stats(rpc->net->config.store, &store);
        net_get_stats(rpc->net, &net);
        const struct rpc_number numbers[] = {
                {"sessions", store.n_sessions},
                {"begun", store.n_sessions_begun},
                {"handles", store.n_handles},
                {"objects_created", store.n_objects_created},
                {"weak_entries_purged", store.n_purged},
                {"allocated_bytes", store.allocated_bytes},
                {"connections", net.n_connections},
                {"requests", net.n_requests},
                {"errors", net.n_errors},
                {"parked", net.n_parked},
                {"held", net.n_held},
        };
        RPC_WRITE_NUMBERS(rpc, numbers);
}

static void rpc_section_names(struct rpc *rpc)
{
        struct store_stats store;

        store_get_stats(rpc->net->config.store, &store);
        const struct rpc_number numbers[] = {{"names", store.n_names}};
        RPC_WRITE_NUMBERS(rpc, numbers);
}

/* By size: how much of the spans is in no object. */
static void rpc_section_classes(struct rpc *rpc)
{
        struct heap_stats heap;
        uint32_t n = 0;

        heap_get_stats(rpc->net->config.heap, &heap);
        for (uint32_t i = 0; i < heap.n_classes; i++) {
                n += heap.by_size[i].n_spans > 0;
        }
        writer_map(rpc->out, n);
        for (uint32_t i = 0; i < heap.n_classes; i++) {
                const struct heap_class_stats *class = &heap.by_size[i];
                const struct rpc_number numbers[] = {
                        {"objects", class->n_mallocs - class->n_frees},
                        {"spans", class->n_spans},
                        {"span_bytes", class->span_bytes},
                        {"free_bytes", class->free_bytes},
                };

                if (class->n_spans > 0) {
                        char size[16] = "large";

                        if (class->size_bytes > 0) {
                                snprintf(size, sizeof(size), "%" PRIu32, class->size_bytes);
                        }
                        writer_text(rpc->out, size);
                        RPC_WRITE_NUMBERS(rpc, numbers);
                }
        }
}

static void rpc_section_limits(struct rpc *rpc)
{
        limits_write(rpc->out, &rpc->net->limits);
}

/* The first RPC_SECTIONS are in the answer to all; the rest only where they are asked for. */
static const struct {
        const char *name;
        void (*write)(struct rpc *rpc);
} rpc_sections[] = {
        {"memory", rpc_section_memory},     {"gc", rpc_section_gc},
        {"sessions", rpc_section_sessions}, {"names", rpc_section_names},
        {"limits", rpc_section_limits},     {"classes", rpc_section_classes},
};

enum { RPC_SECTIONS = 5, RPC_SECTIONS_ALL = sizeof(rpc_sections) / sizeof(rpc_sections[0]) };

/* The usual sections in a map, or the one that was asked for by itself. */
enum rpc_outcome rpc_heap_stats(struct rpc *rpc)
{
        const struct wire_value *section = request_option(rpc->request, OPTION_SECTION);
        unsigned n = section ? RPC_SECTIONS_ALL : RPC_SECTIONS;

        if (!section) {
                writer_map(rpc->out, RPC_SECTIONS);
        }
        for (unsigned i = 0; i < n; i++) {
                const char *name = rpc_sections[i].name;

                if (!section) {
                        writer_text(rpc->out, name);
                        rpc_sections[i].write(rpc);
                } else if (section->n == strlen(name) &&
                           memcmp(section->bytes, name, section->n) == 0) {
                        rpc_sections[i].write(rpc);
                        return RPC_DONE;
                }
        }
        return section ? rpc_fail(rpc, ERROR_BAD_REQUEST,
                                  "heap.stats: option 'section' must be memory, gc, sessions, "
                                  "names, limits or classes")
                       : RPC_DONE;
}

enum rpc_outcome rpc_answer_cycle(struct rpc *rpc, uint64_t cycle, bool wait)
{
        if (!wait) {
                writer_uint(rpc->out, cycle);
                return RPC_DONE;
        }
        return parked_add(rpc->conn, rpc->request->msgid, cycle)
                       ? RPC_PARKED
                       : rpc_fail(rpc, ERROR_NOMEM, "no memory to wait");
}

bool rpc_may_park(const struct rpc *rpc)
{
        return rpc->conn->n_parked < rpc->net->limits.in_flight;
}

enum rpc_outcome rpc_heap_gc(struct rpc *rpc)
{
        bool wait = rpc_flag(rpc, OPTION_WAIT) && rpc->request->type == REQUEST_CALL;

        if (wait && !rpc_may_park(rpc)) {
                return rpc_fail(rpc, ERROR_LIMIT, "too many requests of this connection wait");
        }
        return rpc_answer_cycle(rpc, gc_request(rpc->net->config.gc, GC_REASON_FORCED), wait);
}
