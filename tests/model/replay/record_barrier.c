/* SPDX-License-Identifier: MIT */

/*
 * Records real runs for check_replay.py: two mutators rearrange objects of one slot below a root
 * cell while cycles run, which is what barrier.pml is about. Everybody dawdles at random steps.
 *
 *     record_barrier FOLDER N     writes FOLDER/1.run to FOLDER/N.run
 *
 * Environment: HEAPD_SEED replays the choices, not the interleaving. Exit status 77 in builds
 * without checks, which tell no transitions; 1 if a run came to a bad end.
 */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "gc/internals.h"
#include "heap/descriptor.h"
#include "heap/marks.h"
#include "support/recorder.h"
#include "support/seed.h"

/* Objects: as many as the model knows. */
enum { N_MUTATORS = 2, N_OBJECTS = 24, N_HELD = 8, N_CYCLES = 3, OPS_MAX = 400 };

struct world {
        struct recorder *recorder;
        struct heap *heap;
        struct gc *gc;
        struct gc_root *root;
        unsigned node;
        _Atomic uint64_t objects[N_OBJECTS]; /* places where there has been one */
        _Atomic int n_objects, n_cycles;
        _Atomic bool over, lingers;
        _Atomic uint64_t dawdle; /* seed of the delays */
        struct gc_listener listener;
};

struct player {
        struct world *world;
        struct mutator *m;
        struct seed seed;
        struct word held[N_HELD]; /* in this request */
        unsigned n_held;
};

static void world_pause(uint64_t ns)
{
        uint64_t until_ns = clock_now_ns() + ns;

        while (clock_now_ns() < until_ns) {
        }
}

static void world_sleep(uint64_t ns)
{
        nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

/* Mostly not at all, or so shortly that the other one goes on beside it. */
static void world_dawdle(struct seed *seed)
{
        uint64_t choice = seed_below(seed, 64);

        if (choice < 6) {
                world_sleep(seed_below(seed, 200000));
        } else if (choice < 24) {
                world_pause(seed_below(seed, 30000));
        }
}

/* Marking is short in so small a heap. Often it is drawn out until somebody stands between
 * exchange and shade of an object that is not marked... */
static void world_point(void *user, enum gc_point point)
{
        struct world *world = user;
        struct seed seed = {.state = atomic_fetch_add(&world->dawdle, 0x9e3779b97f4a7c15)};

        if (point == GC_POINT_WORKER_ROOTS && seed_one_in(&seed, 2)) {
                for (int i = 0; i < 60 && !world->lingers; i++) {
                        world_sleep(50000);
                }
        } else if (point >= GC_POINT_CONTROLLER_REQUESTED && seed_one_in(&seed, 4)) {
                world_sleep(seed_below(&seed, 200000));
        } else {
                world_dawdle(&seed);
        }
}

/* ... who stays there until the end of marking is proposed. */
static void world_transition(void *user, enum gc_transition transition,
                             const struct mutator *mutator, uint64_t a, uint64_t b, uint64_t c)
{
        struct world *world = user;

        recorder_note(world->recorder, transition, mutator, a, b, c);
        if (transition == GC_TRANSITION_EXCHANGED && (c & WORD_REF_BIT) &&
            world->gc->phase == GC_PHASE_MARK && !marks_test(world->heap, c - WORD_REF_BIT)) {
                world->lingers = true;
                for (int i = 0; i < 400 && world->gc->phase == GC_PHASE_MARK; i++) {
                        world_sleep(50000);
                }
                world->lingers = false;
        }
}

/* What the listener is told: objects by the granules at which they begin. */
static void world_freed(void *user, unsigned worker, const struct sweep_freed *freed)
{
        struct world *world = user;

        (void)worker;
        for (uint64_t bits = freed->bits; bits; bits &= bits - 1) {
                uint64_t offset = freed->offset +
                                  (unsigned)__builtin_ctzll(bits) * HEAP_GRANULE_BYTES;

                recorder_note(world->recorder, GC_TRANSITION_FREED, NULL, offset, 0, 0);
        }
}

static void player_hold(struct player *p, struct word w)
{
        if (word_is_ref(w) && p->n_held < N_HELD) {
                p->held[p->n_held++] = w;
        }
}

static struct word player_any(struct player *p)
{
        return p->held[seed_below(&p->seed, p->n_held)];
}

/* Seldom nil, or all would soon be unreachable. */
static struct word player_value(struct player *p)
{
        return p->n_held == 0 || seed_one_in(&p->seed, 6) ? word_nil() : player_any(p);
}

/* The model knows a number of objects: what is swept may be made again, in the same place. */
static bool world_knows(struct world *world, uint64_t bits)
{
        for (int i = 0; i < N_OBJECTS; i++) {
                if (world->objects[i] == bits) {
                        return true;
                }
        }
        return false;
}

static struct word player_make(struct player *p)
{
        struct world *world = p->world;
        struct word object;

        if (world->n_objects > N_OBJECTS / 2 + N_OBJECTS / 6 * world->n_cycles - N_MUTATORS) {
                return word_nil();
        }
        object = gc_alloc(p->m, world->node, 1);
        if (!world_knows(world, object.bits)) {
                world->objects[world->n_objects++] = object.bits;
        }
        return object;
}

/* A new object comes before the old ones, so that what hangs there is a list. */
static void player_prepend(struct player *p)
{
        struct word object = player_make(p);

        if (word_is_nil(object)) {
                return;
        }
        if (p->n_held) {
                gc_store(p->m, object, 0, player_any(p));
        }
        player_hold(p, object);
        world_dawdle(&p->seed);
        if (!seed_one_in(&p->seed, 4)) {
                gc_root_store(p->m, p->world->root, object);
        }
}

static void player_step(struct player *p)
{
        switch (seed_below(&p->seed, 16)) {
        case 0:
                player_prepend(p);
                break;
        case 2:
                if (p->n_held) {
                        gc_root_store(p->m, p->world->root, player_value(p));
                }
                break;
        case 3:
                if (p->n_held > 1) {
                        gc_store(p->m, player_any(p), 0, player_value(p));
                }
                break;
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
        case 9:
                player_hold(p, gc_root_load(p->m, p->world->root));
                break;
        default:
                if (p->n_held) {
                        player_hold(p, gc_load(p->m, player_any(p), 0));
                }
        }
        world_dawdle(&p->seed);
}

static void *player_main(void *user)
{
        struct player *p = user;

        gc_enter(p->m);
        for (int i = 0; i < OPS_MAX && !p->world->over; i++) {
                player_step(p);
                if (!seed_one_in(&p->seed, 4)) {
                        continue;
                }
                p->n_held = 0;
                if (seed_one_in(&p->seed, 2)) {
                        gc_poll(p->m);
                } else {
                        gc_leave(p->m);
                        world_dawdle(&p->seed);
                        gc_enter(p->m);
                }
        }
        gc_leave(p->m);
        return NULL;
}

static void world_init(struct world *world, struct recorder *recorder, struct mutator *mutators[])
{
        struct heap_config heap_config = {.reserve_bytes = UINT64_C(1) << 26};
        struct gc_config config = {.percent = -1,
                                   .n_workers = 1,
                                   .no_scavenge = true,
                                   .debug = {.poison = 1},
                                   .point = world_point,
                                   .point_user = world,
                                   .transition = world_transition,
                                   .transition_user = world};

        world->listener = (struct gc_listener){.user = world, .freed = world_freed};
        config.listener = &world->listener;
        recorder->on = false;
        hd_assert(heap_new(&world->heap, &heap_config) == 0);
        hd_assert(gc_new(&world->gc, world->heap, &config) == 0);
        descriptor_intern(world->heap, &(struct descriptor){.kind = 1}, &world->node);
        for (int i = 0; i < N_MUTATORS; i++) {
                hd_assert(gc_attach(world->gc, "player", &mutators[i]) == 0);
        }
        gc_enter(mutators[0]);
        world->root = gc_root_new(mutators[0]);
        gc_leave(mutators[0]);
        recorder->cells[0] = world->root;
        recorder->n_cells = 1;
        recorder->base = (uintptr_t)heap_base(world->heap);
}

static bool world_write_live(void *user, uint64_t offset, uint64_t header, uint64_t size,
                             bool noscan)
{
        (void)header, (void)size, (void)noscan;
        fprintf(user, "live %#" PRIx64 "\n", offset);
        return true;
}

static void world_record(struct recorder *recorder, struct seed seed, FILE *file)
{
        struct world world = {.recorder = recorder, .dawdle = seed_next(&seed)};
        struct mutator *mutators[N_MUTATORS];
        struct player players[N_MUTATORS];
        pthread_t threads[N_MUTATORS];

        world_init(&world, recorder, mutators);
        recorder_start(recorder);
        for (int i = 0; i < N_MUTATORS; i++) {
                players[i] = (struct player){
                        .world = &world, .m = mutators[i], .seed = seed_fork(&seed)};
                pthread_create(&threads[i], NULL, player_main, &players[i]);
        }
        for (int i = 0; i < N_CYCLES; i++) {
                world_pause(seed_below(&seed, 100000));
                gc_wait(world.gc, gc_request(world.gc, GC_REASON_FORCED));
                world.n_cycles++;
        }
        world.over = true;
        for (int i = 0; i < N_MUTATORS; i++) {
                pthread_join(threads[i], NULL);
        }
        /* A quiet one: what it leaves is what the model must have left. */
        gc_wait(world.gc, gc_request(world.gc, GC_REASON_FORCED));
        for (int i = 0; i < N_MUTATORS; i++) {
                gc_detach(mutators[i]);
        }
        gc_free(world.gc);
        recorder_write(recorder, file);
        heap_walk(world.heap, world_write_live, file);
        heap_free(world.heap);
}

static struct recorder recorder;
static FILE *record;

/* A failed assertion ends the run, not its record: that is the more worth looking at. */
static void record_cut(int signal)
{
        (void)signal;
        recorder.on = false;
        fprintf(record, "cut\n");
        recorder_write(&recorder, record);
        fclose(record);
        _Exit(1);
}

/* In a process of its own. */
static bool record_run(struct seed seed, const char *path)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                record = fopen(path, "w");
                hd_assert(record);
                signal(SIGABRT, record_cut);
                world_record(&recorder, seed, record);
                _Exit(recorder.n_dropped != 0 || fclose(record) != 0);
        }
        return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
        struct seed seed;
        char path[4096];
        int n_failed = 0;

        if (HEAPD_CHECKS < 1) {
                return 77;
        }
        if (argc != 3) {
                fprintf(stderr, "usage: record_barrier FOLDER N\n");
                return 64;
        }
        seed_init(&seed);
        for (int i = 1; i <= atoi(argv[2]); i++) {
                snprintf(path, sizeof(path), "%s/%d.run", argv[1], i);
                n_failed += !record_run(seed_fork(&seed), path);
        }
        return n_failed != 0;
}
