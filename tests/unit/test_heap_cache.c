/* SPDX-License-Identifier: MIT */

/* Allocation and sweep against a shadow: no two objects overlap, fresh memory is zero, exactly what
 * was not marked becomes free, and the counters agree. */

#include <errno.h>

#include "heap/cache.h"
#include "heap/central.h"
#include "heap/descriptor.h"
#include "heap/internals.h"
#include "heap/marks.h"
#include "heap/object.h"
#include "heap/sweep.h"
#include "support/seed.h"
#include "support/unit.h"

struct fixture {
        struct heap *heap;
        struct cache cache;
        unsigned scan, noscan;
};

static void fixture_init(struct fixture *f, uint64_t limit_bytes)
{
        struct heap_config config = {.reserve_bytes = UINT64_C(1) << 30,
                                     .limit_bytes = limit_bytes};

        cr_assert_eq(heap_new(&f->heap, &config), 0);
        cache_init(&f->cache, f->heap);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 1}, &f->scan);
        descriptor_intern(f->heap, &(struct descriptor){.kind = 2, .noscan = true}, &f->noscan);
}

static void fixture_deinit(struct fixture *f)
{
        cache_deinit(&f->cache);
        heap_free(f->heap);
}

static void fixture_verify(struct fixture *f)
{
        char text[200] = "";

        cache_flush(&f->cache);
        cr_assert(heap_verify(f->heap, text, sizeof(text)), "%s", text);
}

/* Makes an object whose words all hold its own offset. */
static uint64_t fixture_make(struct fixture *f, uint32_t count, bool noscan)
{
        uint64_t offset = cache_alloc(&f->cache, object_size_bytes(noscan, count), noscan);
        uint64_t *words = (uint64_t *)(heap_base(f->heap) + offset);

        if (offset == 0) {
                return 0;
        }
        cr_assert_eq(offset % OBJECT_ALIGN, 0u);
        for (uint32_t i = 0; !noscan && i < count; i++) {
                cr_assert_eq(words[1 + i], 0u, "a scannable object starts as nil");
                words[1 + i] = offset;
        }
        if (noscan) {
                memset(words + 1, (int)(offset >> 4 & 0xff), count);
        }
        words[0] = object_header(noscan ? f->noscan : f->scan, 0, count);
        return offset;
}

static void fixture_check(struct fixture *f, uint64_t offset, uint32_t count, bool noscan)
{
        const uint64_t *words = (const uint64_t *)(heap_base(f->heap) + offset);

        cr_assert_eq(words[0], object_header(noscan ? f->noscan : f->scan, 0, count));
        for (uint32_t i = 0; !noscan && i < count; i++) {
                cr_assert_eq(words[1 + i], offset, "somebody wrote into the object");
        }
        for (uint32_t i = 0; noscan && i < count; i++) {
                cr_assert_eq(((const uint8_t *)(words + 1))[i], offset >> 4 & 0xff);
        }
}

struct buried {
        struct fixture *f;
        uint64_t n_objects, n_bytes;
};

/* Called before the memory is poisoned, so the header tells what the object was; a word of it that
 * holds its own offset tells that it is this very object. */
static void buried_note(void *user, unsigned worker, const struct sweep_freed *freed)
{
        struct buried *buried = user;
        uint64_t bits = freed->bits, offset;

        cr_assert_eq(worker, 7u);
        while ((offset = sweep_freed_next(freed, &bits))) {
                uint64_t header = sweep_freed_header(freed, offset);
                uint32_t count = object_header_count(header);

                cr_assert_eq(object_header_descriptor(header),
                             freed->noscan ? buried->f->noscan : buried->f->scan);
                cr_assert_ge(freed->slot_bytes, object_size_bytes(freed->noscan, count));
                fixture_check(buried->f, offset, count, freed->noscan);
                /* So that a second announcement of it fails. */
                *(uint64_t *)(heap_base(buried->f->heap) + offset) = 0;
                buried->n_objects++;
                buried->n_bytes += freed->slot_bytes;
        }
}

static void fixture_sweep(struct fixture *f, struct sweep_totals *totals)
{
        unsigned old = f->cache.generation;
        struct buried buried = {.f = f};
        struct sweep_order order = {.generation = !old,
                                    .poison = true,
                                    .freed = buried_note,
                                    .freed_user = &buried,
                                    .worker = 7};

        cache_flush(&f->cache);
        f->cache.generation = (uint8_t)!old;
        central_reset(f->heap, old);
        *totals = (struct sweep_totals){0};
        for (uint32_t i = 0; i < sweep_n_chunks(f->heap); i++) {
                sweep_chunk(f->heap, i, &order, totals);
        }
        cr_assert_eq(buried.n_objects, totals->freed_objects);
        cr_assert_eq(buried.n_bytes, totals->freed_bytes);
}

struct shadow {
        uint64_t offset;
        uint32_t count;
        bool noscan;
};

static uint32_t shadow_count(struct seed *seed)
{
        switch (seed_below(seed, 20)) {
        case 0:
                return (uint32_t)seed_below(seed, 10000); /* up to large objects */
        case 1:
        case 2:
                return (uint32_t)seed_below(seed, 400);
        default:
                return (uint32_t)seed_below(seed, 12);
        }
}

Test(cache, random_objects_survive_exactly_when_marked)
{
        enum { N = 6000 };
        static struct shadow live[N];
        struct fixture f;
        struct seed seed;
        struct sweep_totals totals;
        struct heap_stats stats;
        size_t n_live = 0;

        seed_init(&seed);
        fixture_init(&f, 0);
        for (int round = 0; round < 30; round++) {
                size_t n_kept = 0, n_before;

                while (n_live < N && !seed_one_in(&seed, 4000)) {
                        struct shadow s = {.noscan = seed_one_in(&seed, 3)};

                        s.count = shadow_count(&seed);
                        s.offset = fixture_make(&f, s.count, s.noscan);
                        cr_assert_neq(s.offset, 0u);
                        live[n_live++] = s;
                }
                n_before = n_live;
                for (size_t i = 0; i < n_live; i++) {
                        fixture_check(&f, live[i].offset, live[i].count, live[i].noscan);
                        if (!seed_one_in(&seed, 3)) {
                                cr_assert(marks_try_set(f.heap, live[i].offset));
                                cr_assert(!marks_try_set(f.heap, live[i].offset));
                                live[n_kept++] = live[i];
                        }
                }
                n_live = n_kept;
                fixture_sweep(&f, &totals);
                cr_assert_eq(totals.live_objects, n_live);
                cr_assert_eq(totals.freed_objects, n_before - n_live);
                heap_get_stats(f.heap, &stats);
                cr_assert_eq(stats.n_objects, n_live);
                cr_assert_eq(stats.alloc, totals.live_bytes);
                fixture_verify(&f);
        }
        fixture_sweep(&f, &totals);
        heap_get_stats(f.heap, &stats);
        cr_assert_eq(stats.n_objects, 0u);
        cr_assert_eq(stats.alloc, 0u);
        cr_assert_eq(stats.heap_inuse, 0u);
        cr_assert_eq(stats.n_spans, 0u);
        fixture_deinit(&f);
}

static bool count_visit(void *user, uint64_t offset, uint64_t header, uint64_t size, bool noscan)
{
        uint64_t *n = user;

        (void)offset, (void)header, (void)size, (void)noscan;
        return --*n > 0;
}

Test(cache, the_walk_visits_every_object_and_stops_on_request)
{
        struct fixture f;
        uint64_t n = 1000;

        fixture_init(&f, 0);
        for (unsigned i = 0; i < 100; i++) {
                fixture_make(&f, i * 60, i & 1);
        }
        cache_count(&f.cache);
        heap_walk(f.heap, count_visit, &n);
        cr_assert_eq(n, 900u);
        n = 7;
        heap_walk(f.heap, count_visit, &n);
        cr_assert_eq(n, 0u);
        fixture_deinit(&f);
}

Test(cache, at_the_limit_allocation_fails_and_a_sweep_makes_room)
{
        struct fixture f;
        struct sweep_totals totals;
        struct heap_stats stats;
        uint64_t n = 0;

        fixture_init(&f, UINT64_C(4) << 20);
        while (fixture_make(&f, 7, false)) {
                n++;
        }
        heap_get_stats(f.heap, &stats);
        cr_assert_le(stats.heap_inuse, UINT64_C(4) << 20);
        cr_assert_gt(n, (UINT64_C(4) << 20) / 64 / 10 * 9, "the limit is used");
        cr_assert_eq(fixture_make(&f, 70000, true), 0u, "large objects too");
        fixture_sweep(&f, &totals);
        cr_assert_eq(totals.freed_objects, n);
        cr_assert_neq(fixture_make(&f, 7, false), 0u);
        fixture_verify(&f);
        fixture_deinit(&f);
}

Test(cache, slots_freed_between_live_objects_are_used_again)
{
        static uint64_t offsets[100000];
        struct sweep_totals totals;
        struct fixture f;
        uint64_t n = 0, n_again = 0;

        fixture_init(&f, UINT64_C(4) << 20);
        while ((offsets[n] = fixture_make(&f, 7, false))) {
                n++;
        }
        for (uint64_t i = 0; i < n; i += 2) {
                marks_try_set(f.heap, offsets[i]);
        }
        fixture_sweep(&f, &totals);
        cr_assert_eq(totals.freed_objects, n / 2);
        while (fixture_make(&f, 7, false)) {
                n_again++;
        }
        cr_assert_eq(n_again, n / 2);
        for (uint64_t i = 0; i < n; i += 2) {
                fixture_check(&f, offsets[i], 7, false);
        }
        fixture_verify(&f);
        fixture_deinit(&f);
}

Test(cache, what_a_flush_gives_back_is_used_again)
{
        struct fixture f;

        fixture_init(&f, UINT64_C(1) << 20);
        for (unsigned i = 0; i < 10000; i++) {
                cr_assert_neq(fixture_make(&f, 7, false), 0u, "after %u objects of 64 bytes", i);
                cache_flush(&f.cache);
        }
        fixture_verify(&f);
        fixture_deinit(&f);
}

Test(cache, several_heaps_live_side_by_side)
{
        struct fixture a, b;
        uint64_t x, y;

        fixture_init(&a, 0);
        fixture_init(&b, 0);
        x = fixture_make(&a, 3, false);
        y = fixture_make(&b, 3, false);
        cr_assert_eq(x, y, "offsets are relative to their heap");
        cr_assert_neq(heap_base(a.heap), heap_base(b.heap));
        fixture_verify(&a);
        fixture_deinit(&a);
        fixture_check(&b, y, 3, false);
        fixture_deinit(&b);
}

Test(cache, a_refused_configuration_is_an_error)
{
        struct heap_config config = {.reserve_bytes = 4096};
        struct heap *heap;

        cr_assert_lt(heap_new(&heap, &config), 0);
        heap_free(NULL);
}

Test(descriptor, equal_content_gets_one_index_and_the_table_has_an_end)
{
        struct fixture f;
        uint32_t n = 0;
        unsigned a, b;
        int r;

        fixture_init(&f, 0);
        cr_assert_eq(descriptor_intern(f.heap, &(struct descriptor){.kind = 9, .tag = 4}, &a), 0);
        cr_assert_eq(descriptor_intern(f.heap, &(struct descriptor){.kind = 9, .tag = 4}, &b), 0);
        cr_assert_eq(a, b);
        cr_assert_eq(descriptor_find(f.heap, a)->tag, 4u);
        /* Index 0 is none, the fixture made two, the test one. */
        while ((r = descriptor_intern(f.heap, &(struct descriptor){.kind = 1, .tag = n + 1}, &b)) ==
               0) {
                cr_assert_eq(descriptor_find(f.heap, b)->tag, ++n);
        }
        cr_assert_eq(r, -ENOSPC);
        cr_assert_eq(n, HEAP_DESCRIPTORS_MAX - 4);
        cr_assert_eq(descriptor_intern(f.heap, &(struct descriptor){.kind = 9, .tag = 4}, &b), 0);
        cr_assert_eq(a, b, "what is there is still found");
        fixture_deinit(&f);
}
