/* SPDX-License-Identifier: MIT */
#include "console/command.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "gc/gc.h"
#include "heap/heap.h"
#include "net/net.h"
#include "store/name.h"
#include "store/store.h"

#define COMMAND(function, ...) static void command_##function(struct command_call *call);
#include "console/commands.def"
#undef COMMAND

static const struct command commands[] = {
#define COMMAND(function, name_, syntax_, n_max, place_, help_) \
        {.name = name_,                                         \
         .syntax = syntax_,                                     \
         .n_arguments_max = n_max,                              \
         .place = COMMAND_##place_,                             \
         .help = help_,                                         \
         .run = command_##function},
#include "console/commands.def"
#undef COMMAND
};

#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < COMMANDS_N; i++) {
                if (strcmp(commands[i].name, name) == 0) {
                        return &commands[i];
                }
        }
        return NULL;
}

static void command_help(struct command_call *call)
{
        for (size_t i = 0; i < COMMANDS_N; i++) {
                text_add(call->out, "  %-16s %s\n", commands[i].syntax, commands[i].help);
        }
}

static void command_quit(struct command_call *call)
{
        call->quit = true;
}

/* "1.5 MiB": three digits at most, for eyes. */
static void command_bytes(struct text *out, const char *what, uint64_t bytes)
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = (double)bytes;
        unsigned unit = 0;

        while (value >= 1000 && unit < 4) {
                value /= 1024;
                unit++;
        }
        text_add(out, "  %-14s %.*f %s\n", what, unit > 0 && value < 100, value, units[unit]);
}

static void command_number(struct text *out, const char *what, uint64_t number)
{
        text_add(out, "  %-14s %" PRIu64 "\n", what, number);
}

static void command_info(struct command_call *call)
{
        const struct console_sources *from = call->sources;
        struct text *out = call->out;
        struct heap_stats heap;
        struct gc_stats gc;
        struct store_stats store;
        struct net_stats net;

        heap_get_stats(from->heap, &heap);
        gc_get_stats(from->gc, &gc);
        store_get_stats(from->store, &store);
        net_get_stats(from->net, &net);
        text_add(out, "heapd %s, up %" PRIu64 " s\n", HEAPD_VERSION,
                 (clock_now_ns() - from->start_ns) / 1000000000);
        text_add(out, "memory\n");
        command_bytes(out, "allocated", heap.alloc);
        command_number(out, "objects", heap.n_objects);
        command_bytes(out, "in use", heap.heap_inuse);
        command_bytes(out, "idle", heap.heap_idle);
        command_bytes(out, "given back", heap.heap_released);
        if (heap.limit > 0) {
                command_bytes(out, "limit", heap.limit);
        }
        text_add(out, "collector\n");
        command_number(out, "cycles", gc.n_cycles);
        command_bytes(out, "live", gc.last.live_bytes);
        command_bytes(out, "next goal", gc.goal_bytes);
        text_add(out, "  %-14s %.1f %%\n", "share of CPU", gc.cpu_fraction * 100);
        text_add(out, "clients\n");
        command_number(out, "connections", net.n_connections);
        command_number(out, "sessions", store.n_sessions);
        command_number(out, "handles", store.n_handles);
        command_number(out, "names", store.n_names);
        command_number(out, "requests", net.n_requests);
        command_number(out, "errors", net.n_errors);
}

static void command_gc(struct command_call *call)
{
        call->cycle = gc_request(call->sources->gc, GC_REASON_FORCED);
}

void command_gc_ended(const struct console_sources *sources, struct text *out)
{
        struct gc_stats gc;

        gc_get_stats(sources->gc, &gc);
        text_add(out, "cycle %" PRIu64 ": freed %" PRIu64 " objects (%" PRIu64 " bytes), ",
                 gc.last.number, gc.last.freed_objects, gc.last.freed_bytes);
        text_add(out, "%" PRIu64 " live (%" PRIu64 " bytes), took %.1f ms\n", gc.last.live_objects,
                 gc.last.live_bytes, (double)gc.last.total_ns / 1e6);
}

/* Prints pairs [name, kind] as they come. */
struct command_names {
        struct value_sink sink; /* first */
        struct text *out;
        struct value name;
        unsigned n_rows;
};

static void command_on_container(struct value_sink *sink, uint32_t n)
{
        ((struct command_names *)sink)->name.bytes = NULL; /* a pair begins */
}

static void command_on_value(struct value_sink *sink, const struct value *value)
{
        struct command_names *names = (struct command_names *)sink;

        if (!names->name.bytes) {
                names->name = *value;
                return;
        }
        text_add(names->out, "  %-8.*s ", (int)value->n_bytes, (const char *)value->bytes);
        text_add_escaped(names->out, names->name.bytes, names->name.n_bytes);
        text_add(names->out, "\n");
        names->n_rows++;
}

static void command_names(struct command_call *call)
{
        struct command_names names = {
                .sink = {.begin_array = command_on_container,
                         .begin_map = command_on_container,
                         .value = command_on_value},
                .out = call->out,
        };
        const uint8_t *prefix = (const uint8_t *)call->argument;
        struct store *store = call->sources->store;
        uint64_t cursor = 0;

        do {
                if (name_list(store, prefix, (uint32_t)strlen(call->argument), cursor, 100,
                              &names.sink, &cursor) != 0) {
                        text_add(call->out, "%s\n", store_fault(store));
                        return;
                }
        } while (cursor != 0 && names.n_rows < COMMAND_ROWS_MAX);
        text_add(call->out, "%u names%s\n", names.n_rows,
                 cursor != 0 ? ", and more: give a longer prefix" : "");
}

struct command_sessions {
        struct text *out;
        unsigned n_rows;
};

static bool command_on_session(void *user, const struct session_info *info)
{
        struct command_sessions *sessions = user;

        text_add(sessions->out, "  %6" PRIu64 "  %-24s %10u %16" PRIu64 " %8" PRIu64 " s\n",
                 info->id, info->peer, info->n_handles, info->allocated_bytes,
                 (clock_now_ns() - info->begin_ns) / 1000000000);
        return ++sessions->n_rows < COMMAND_ROWS_MAX;
}

static void command_sessions(struct command_call *call)
{
        struct command_sessions sessions = {.out = call->out};

        text_add(call->out, "  %6s  %-24s %10s %16s %8s\n", "id", "peer", "handles",
                 "allocated bytes", "age");
        store_visit_sessions(call->sources->store, command_on_session, &sessions);
        text_add(call->out, "%u sessions%s\n", sessions.n_rows,
                 sessions.n_rows == COMMAND_ROWS_MAX ? ", and perhaps more" : "");
}
