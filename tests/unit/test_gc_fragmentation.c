/* SPDX-License-Identifier: MIT */

/*
 * Torture of a heap that moves nothing: fill it with objects of one size, drop fifteen of sixteen,
 * fill it with another size. Objects that died together leave whole spans; scattered survivors pin
 * the spans they lie in, and then what the first size had is lost to the second: that is the price
 * of not moving, bounded by a factor of two. HEAPD_TORTURE_STEP=1 tries all pairs of classes.
 */

#include <stdio.h>
#include <stdlib.h>

#include "gc/gc.h"
#include "heap/descriptor.h"
#include "heap/sizeclass.h"
#include "support/unit.h"

#define LIVE_BYTES (UINT64_C(2) << 20)
#define SLOTS_MAX  ((uint32_t)(LIVE_BYTES / 16))

struct fixture {
        struct heap *heap;
        struct gc *gc;
        struct mutator *mutator;
        struct gc_root *tables[2];
        unsigned table_kind, bytes_kind;
};

static void fixture_init(struct fixture *f)
{
        const struct heap_config heap_config = {.reserve_bytes = HEAP_RESERVE_MIN};
        const struct gc_config gc_config = {.n_workers = 1, .percent = -1, .no_scavenge = true};
        const struct descriptor table = {.kind = 1}, bytes = {.kind = 2, .noscan = true};

        cr_assert_eq(heap_new(&f->heap, &heap_config), 0);
        cr_assert_eq(gc_new(&f->gc, f->heap, &gc_config), 0);
        cr_assert_eq(gc_attach(f->gc, "test", &f->mutator), 0);
        cr_assert_eq(descriptor_intern(f->heap, &table, &f->table_kind), 0);
        cr_assert_eq(descriptor_intern(f->heap, &bytes, &f->bytes_kind), 0);
        gc_enter(f->mutator);
        for (unsigned i = 0; i < 2; i++) {
                f->tables[i] = gc_root_new(f->mutator);
                gc_root_store(f->mutator, f->tables[i],
                              gc_alloc(f->mutator, f->table_kind, SLOTS_MAX));
        }
        gc_leave(f->mutator);
}

static void fixture_deinit(struct fixture *f)
{
        gc_enter(f->mutator);
        gc_root_free(f->mutator, f->tables[0]);
        gc_root_free(f->mutator, f->tables[1]);
        gc_leave(f->mutator);
        gc_detach(f->mutator);
        gc_free(f->gc);
        heap_free(f->heap);
}

static uint32_t fixture_fill(struct fixture *f, unsigned table, uint32_t size_bytes)
{
        uint32_t n = (uint32_t)(LIVE_BYTES / size_bytes);

        gc_enter(f->mutator);
        for (uint32_t i = 0; i < n; i++) {
                gc_store(f->mutator, gc_root_load(f->mutator, f->tables[table]), i,
                         gc_alloc(f->mutator, f->bytes_kind, size_bytes - 8));
                gc_poll(f->mutator);
        }
        gc_leave(f->mutator);
        return n;
}

/* Keeps none, one in sixteen, or the first sixteenth. */
static void fixture_drop(struct fixture *f, unsigned table, uint32_t n, bool keep, bool together)
{
        gc_enter(f->mutator);
        for (uint32_t i = 0; i < n; i++) {
                if (!keep || (together ? i > n / 16 : i % 16 != 0)) {
                        gc_store(f->mutator, gc_root_load(f->mutator, f->tables[table]), i,
                                 word_nil());
                }
        }
        gc_leave(f->mutator);
        gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
}

/* Pages in use at the end over the most that was ever live; the tables are left out. */
static double torture(struct fixture *f, uint32_t first, uint32_t second, bool together)
{
        uint64_t before, inuse, peak;
        uint32_t n_first, n_second;

        gc_wait(f->gc, gc_request(f->gc, GC_REASON_FORCED));
        before = heap_inuse_bytes(f->heap);
        n_first = fixture_fill(f, 0, first);
        fixture_drop(f, 0, n_first, true, together);
        n_second = fixture_fill(f, 1, second);
        inuse = heap_inuse_bytes(f->heap) - before;
        peak = (uint64_t)n_second * second + (uint64_t)(n_first / 16) * first;
        fixture_drop(f, 0, n_first, false, false);
        fixture_drop(f, 1, n_second, false, false);
        return (double)inuse / (double)peak;
}

static double torture_all(bool together)
{
        const char *given = getenv("HEAPD_TORTURE_STEP");
        unsigned step = given ? (unsigned)atoi(given) : 5, worst_first = 0, worst_second = 0;
        struct fixture f;
        double worst = 0;

        fixture_init(&f);
        for (unsigned i = 1; i < SIZE_CLASSES; i += step) {
                for (unsigned j = 1; j < SIZE_CLASSES; j += step) {
                        double now = torture(&f, size_class_table[i].size_bytes,
                                             size_class_table[j].size_bytes, together);

                        if (now > worst) {
                                worst = now;
                                worst_first = size_class_table[i].size_bytes;
                                worst_second = size_class_table[j].size_bytes;
                        }
                }
        }
        fixture_deinit(&f);
        fprintf(stderr, "# worst: %.2f of peak live, %u bytes and then %u\n", worst, worst_first,
                worst_second);
        return worst;
}

Test(fragmentation, what_died_together_is_of_use_to_every_other_size)
{
        cr_assert_lt(torture_all(true), 1.5);
}

Test(fragmentation, scattered_survivors_cost_no_more_than_what_they_pin)
{
        cr_assert_lt(torture_all(false), 2.2);
}
