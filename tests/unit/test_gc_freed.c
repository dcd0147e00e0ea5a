/* SPDX-License-Identifier: MIT */

/* What the sweep frees is announced, once, and before anybody can have the memory again (GC-12):
 * the listener stops in the middle of an announcement, and a mutator tries to get at what dies. */

#include <semaphore.h>

#include "gc/gc.h"
#include "heap/descriptor.h"
#include "support/unit.h"

enum { RESERVE_BYTES = 1 << 28, LIMIT_BYTES = 8 << 20, N_KEPT_MAX = 100000 };

/* What is behind an offset, as far as the listener knows. */
enum { NEVER, BORN, ANNOUNCED };

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *root;
        unsigned node, blob;
        struct gc_listener listener;
        bool stops; /* at the next announcement */
        sem_t stopped, go;
        uint64_t n_objects[GC_WORKERS_MAX], n_bytes[GC_WORKERS_MAX];
        uint64_t cycle_objects, cycle_bytes; /* as cycle_end says */
        uint64_t sum_objects, sum_bytes;     /* as announced until cycle_end */
        uint8_t state[RESERVE_BYTES / HEAP_GRANULE_BYTES];
};

static struct fixture fixture;

static void on_freed(void *user, unsigned worker, const struct sweep_freed *freed)
{
        struct fixture *f = user;
        uint64_t bits = freed->bits, offset;

        if (__atomic_exchange_n(&f->stops, false, __ATOMIC_ACQ_REL)) {
                sem_post(&f->stopped);
                sem_wait(&f->go);
        }
        while ((offset = sweep_freed_next(freed, &bits))) {
                hd_assert(f->state[offset / HEAP_GRANULE_BYTES] == BORN);
                f->state[offset / HEAP_GRANULE_BYTES] = ANNOUNCED;
                f->n_objects[worker]++;
                f->n_bytes[worker] += freed->slot_bytes;
        }
}

static void on_end(void *user, const struct gc_cycle *cycle)
{
        struct fixture *f = user;

        f->cycle_objects += cycle->freed_objects;
        f->cycle_bytes += cycle->freed_bytes;
        f->sum_objects = f->sum_bytes = 0;
        for (unsigned i = 0; i < GC_WORKERS_MAX; i++) {
                f->sum_objects += f->n_objects[i];
                f->sum_bytes += f->n_bytes[i];
        }
        hd_assert(f->sum_objects == f->cycle_objects && f->sum_bytes == f->cycle_bytes);
}

static void fixture_init(struct fixture *f, unsigned n_workers)
{
        struct heap_config heap_config = {.reserve_bytes = RESERVE_BYTES,
                                          .limit_bytes = LIMIT_BYTES};
        struct gc_config config = {.n_workers = n_workers, .percent = -1, .no_scavenge = true};

        f->listener = (struct gc_listener){.user = f, .freed = on_freed, .cycle_end = on_end};
        config.listener = &f->listener;
        sem_init(&f->stopped, 0, 0);
        sem_init(&f->go, 0, 0);
        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, &config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 1}, &f->node);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 2, .noscan = true}, &f->blob);
        gc_enter(f->mutator);
        f->root = gc_root_new(f->mutator);
        gc_leave(f->mutator);
}

static void fixture_deinit(struct fixture *f)
{
        gc_detach(f->mutator);
        gc_free(f->gc);
        heap_free(f->heap);
        memset(f, 0, sizeof(*f)); /* tests may share a process */
}

/* False: no memory. What it gets must be new, or its death have been announced. */
static bool fixture_make(struct fixture *f, unsigned descriptor, uint32_t count, bool keep)
{
        struct word object;

        gc_poll(f->mutator);
        object = gc_alloc(f->mutator, descriptor, count);
        if (word_is_nil(object)) {
                return false;
        }
        cr_assert_neq(f->state[(object.bits - WORD_REF_BIT) / HEAP_GRANULE_BYTES], BORN,
                      "given out again before its death was announced");
        f->state[(object.bits - WORD_REF_BIT) / HEAP_GRANULE_BYTES] = BORN;
        if (keep) {
                gc_store(f->mutator, object, 0, gc_root_load(f->mutator, f->root));
                gc_root_store(f->mutator, f->root, object);
        }
        return true;
}

static void check_reuse(bool blobs, uint32_t count, unsigned keep_each)
{
        struct fixture *f = &fixture;
        uint64_t n = 0, n_stopped = 0, n_after = 0, cycle;
        unsigned descriptor;

        fixture_init(f, 1);
        descriptor = blobs ? f->blob : f->node;
        __atomic_store_n(&f->stops, true, __ATOMIC_RELEASE);
        gc_enter(f->mutator);
        /* The one that is refused asks for a cycle, which stops. */
        while (fixture_make(f, descriptor, count, keep_each && n % keep_each == 0)) {
                n++;
        }
        gc_leave(f->mutator);
        sem_wait(&f->stopped);
        gc_enter(f->mutator);
        while (fixture_make(f, descriptor, count, false)) {
                n_stopped++;
        }
        gc_leave(f->mutator);
        cycle = gc_request(f->gc, GC_REASON_FORCED);
        sem_post(&f->go);
        gc_wait(f->gc, cycle);
        gc_enter(f->mutator);
        while (fixture_make(f, descriptor, count, false)) {
                n_after++;
        }
        gc_leave(f->mutator);
        cr_assert_gt(n_after, 0u, "of %d none again", (int)n);
        gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
        fixture_deinit(f);
}

Test(freed, slots_between_survivors_are_announced_before_reuse)
{
        check_reuse(false, 7, 2);
        check_reuse(false, 1, 2);
        check_reuse(false, 700, 2); /* spans of several pages */
}

Test(freed, empty_spans_are_announced_before_reuse)
{
        check_reuse(false, 7, 0);
        check_reuse(true, 100, 0);
}

Test(freed, large_objects_are_announced_before_reuse)
{
        check_reuse(false, 5000, 0);
        check_reuse(true, 100000, 0);
}

/* With nobody stopped: round after round everything that died is announced, by whichever worker,
 * and nothing else. */
Test(freed, every_death_is_announced_once_by_one_of_the_workers)
{
        struct fixture *f = &fixture;

        fixture_init(f, 3);
        for (uint32_t round = 0; round < 20; round++) {
                gc_enter(f->mutator);
                for (uint32_t i = 0; i < 2000; i++) {
                        fixture_make(f, i % 3 ? f->node : f->blob, 1 + i % 300 * (i % 7 == 0),
                                     i % 3 && (i + round) % 20 == 0);
                        fixture_make(f, f->blob, i % 500 ? 30 : 50000, false);
                }
                if (round % 4 == 3) {
                        gc_root_store(f->mutator, f->root, word_nil());
                }
                gc_leave(f->mutator);
                gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
        }
        cr_assert_ge(f->sum_objects, 20u * 2000);
        for (size_t i = 0; i < sizeof(f->state); i++) {
                cr_assert_neq(f->state[i], BORN, "died unannounced");
        }
        fixture_deinit(f);
}
