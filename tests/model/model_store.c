/* SPDX-License-Identifier: MIT */

/*
 * The store against a shadow: random requests of several sessions, good and bad, are made of the
 * store and of a graph in plain C; outcomes and answers must be equal. Every so many requests the
 * heap is collected and audited: what is left must be exactly what the shadow can reach (audit.h).
 *
 * HEAPD_SEED replays a run; HEAPD_MODEL_OPS sets its length. The seed also chooses how often the
 * heap is collected, down to after every request. A third of the time the heap is full, and a
 * request that fails for it must leave no trace (STORE-2).
 *
 * Ten million, with a cycle running all the time, each checked by a second marking, and delays:
 *
 *     HEAPD_GC_DEBUG=rage,checkmark,delay=50 HEAPD_MODEL_OPS=10000000 \
 *         HEAPD_STRESS_RESULTS=tests/stress/RESULTS.txt build/tests/model_store
 */

#include "support/unit.h"
#include "model/audit.h"
#include "model/player_handles.h"
#include "model/player_objects.h"

#define MODEL_OPS_DEFAULT 300000u

static void do_end(struct actor *actor)
{
        session_end(actor->session);
        actor->session = world_session(&world);
        actor->n = 0;
}

typedef void request_fn(struct actor *actor);

static const struct {
        request_fn *request;
        uint32_t weight;
} requests[] = {
        {do_dup, 30},       {do_drop, 80},     {do_same, 10},     {do_break, 4},
        {do_name_put, 15},  {do_name_get, 20}, {do_name_del, 15}, {do_name_list, 1},
        {do_new, 100},      {do_new_weak, 20}, {do_weak_get, 30}, {do_orphan, 60},
        {do_info, 10},      {do_get_all, 10},  {do_get, 40},      {do_walk, 40},
        {do_set, 100},      {do_cas, 40},      {do_add, 20},      {do_push, 30},
        {do_read, 20},      {do_splice, 40},   {do_map_del, 30},  {do_scan, 3},
        {do_blob_read, 10}, {do_end, 1},
};

static request_fn *random_request(void)
{
        uint32_t total = 0, at, i = 0;

        for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
                total += requests[i].weight;
        }
        at = below(total);
        for (i = 0; at >= requests[i].weight; i++) {
                at -= requests[i].weight;
        }
        return requests[i].request;
}

static void do_request(void)
{
        struct actor *actor = &shadow.actors[below(SHADOW_ACTORS)];
        request_fn *request = random_request();

        request(actor);
        tray_clear(&tray);
        for (unsigned i = 0; i < 3 && actor->n > MODEL_GRIPS; i++) {
                do_drop(actor);
        }
        if (one_in(500)) {
                settle_purge(&world, &shadow);
        }
        /* A boundary, at which a collection may come in unasked. */
        if (world.rages || one_in(200)) {
                gc_request(world.gc, GC_REASON_FORCED);
        }
        gc_poll(world.mutator);
}

/* What a purge takes out is garbage that another collection finds. One of each is enough, unless
 * cycles go on by themselves. */
static struct census collect_and_purge(void)
{
        struct census census = world_collect(&world);

        for (unsigned i = 0; store_wants_purge(world.store); i++) {
                cr_assert(i == 0 || world.rages || world.gc->config.debug.every);
                while (settle_purge(&world, &shadow)) {
                        gc_poll(world.mutator);
                }
                census = world_collect(&world);
        }
        return census;
}

static void collect_and_audit(void)
{
        struct census census = collect_and_purge();

        audit_run(&world, &shadow);
        /* Start over now and then, lest the graph outgrow the test's time. */
        if (census_total(&census) > 20000 || one_in(200)) {
                for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                        do_end(&shadow.actors[i]);
                }
        }
}

/* All gone: only the map of names, empty, is left (STORE-5). */
static void end_and_audit(void)
{
        struct census census;

        for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                session_end(shadow.actors[i].session);
                shadow.actors[i].n = 0;
                shadow.actors[i].session = world_session(&world);
        }
        while (shadow.n_names > 0) {
                const struct value *name = &shadow.names[--shadow.n_names].name;
                bool deleted;

                cr_assert_eq(name_del(shadow.actors[0].session, name->bytes, name->n_bytes, NULL,
                                      &deleted),
                             STORE_OK);
        }
        census = collect_and_purge();
        cr_assert_eq(census_total(&census), 1u);
        cr_assert_eq(census.n[KIND_MAP], 1u);
}

/* Adds what a run by hand was to a file that keeps such. */
static void keep_results(uint64_t n_ops)
{
        const char *path = getenv("HEAPD_STRESS_RESULTS"), *debug = getenv("HEAPD_GC_DEBUG");
        FILE *file = path ? fopen(path, "a") : NULL;
        struct gc_stats stats;

        if (!path) {
                return;
        }
        gc_get_stats(world.gc, &stats);
        cr_assert(file);
        fprintf(file,
                "model_store: %llu requests of %u sessions, %llu cycles, settings '%s': the heap "
                "was what the shadow reaches, nothing less or more\n",
                (unsigned long long)n_ops, (unsigned)SHADOW_ACTORS,
                (unsigned long long)stats.n_cycles, debug ? debug : "");
        cr_assert_eq(fclose(file), 0);
}

Test(store, random_requests_leave_exactly_what_a_shadow_can_reach, .timeout = 7200)
{
        static const uint32_t periods[] = {1, 10, 100, 1000, 5000};
        struct store_config config = {
                .handles_max = MODEL_HANDLES_MAX,
                .result_bytes_max = UINT32_MAX,
        };
        const char *given = getenv("HEAPD_MODEL_OPS");
        uint64_t n_ops = given ? strtoull(given, NULL, 0) : MODEL_OPS_DEFAULT;
        uint32_t period = 1;

        seed_init(&seed);
        make_values();
        world_init(&world, &config);
        for (uint32_t i = 0; i < SHADOW_ACTORS; i++) {
                shadow.actors[i].session = world_session(&world);
        }
        for (uint64_t op = 0; op < n_ops; op++) {
                if (op % 10000 == 0) {
                        period = periods[below(5)];
                        starving = one_in(3);
                        heap_set_limit(world.heap, starving ? heap_inuse_bytes(world.heap) : 0);
                }
                do_request();
                /* Frequent collections come in short bursts: they cost a thousand requests each. */
                if (op % period == 0 && op % 10000 < period * 20) {
                        collect_and_audit();
                }
        }
        heap_set_limit(world.heap, 0);
        collect_and_audit();
        end_and_audit();
        cr_assert(n_ops < MODEL_OPS_DEFAULT || shadow.n_gone > 0, "weak holders lose things");
        keep_results(n_ops);
        fprintf(stderr, "# %llu requests found no memory, %llu things went while held weakly\n",
                (unsigned long long)n_starved, (unsigned long long)shadow.n_gone);
        shadow_deinit(&shadow);
        world_deinit(&world);
}
