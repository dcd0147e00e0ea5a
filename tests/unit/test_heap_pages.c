/* SPDX-License-Identifier: MIT */

/* The page heap: runs never overlap, neighbours merge, released pages read as zero, the limit
 * holds. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "heap/heap.h"
#include "heap/internals.h"
#include "heap/pages.h"
#include "support/seed.h"
#include "support/unit.h"

static struct heap *pages_test_heap(uint64_t limit_bytes)
{
        struct heap_config config = {.reserve_bytes = UINT64_C(1) << 30,
                                     .limit_bytes = limit_bytes};
        struct heap *heap;

        cr_assert_eq(heap_new(&heap, &config), 0);
        return heap;
}

/* As a large object would: so that heap_verify() finds a span it knows. */
static uint32_t pages_test_take(struct heap *heap, uint32_t n_pages, bool *ret_zeroed)
{
        uint32_t page;

        cr_assert_eq(pages_alloc(heap, n_pages, false, false, &page, ret_zeroed), 0);
        heap_span(heap, page)->class = SIZE_CLASS_LARGE;
        heap_span(heap, page)->noscan = false;
        heap_span(heap, page)->n_slots = 1;
        span_set_state(heap_span(heap, page), SPAN_LARGE);
        pages_publish(heap, page);
        return page;
}

static void pages_test_verify(struct heap *heap)
{
        char text[200] = "";

        cr_assert(heap_verify(heap, text, sizeof(text)), "%s", text);
}

Test(pages, everything_given_back_is_one_run_again)
{
        struct heap *heap = pages_test_heap(0);
        uint32_t runs[100];
        bool zeroed;

        for (unsigned i = 0; i < 100; i++) {
                runs[i] = pages_test_take(heap, i + 1, &zeroed);
                cr_assert(zeroed);
        }
        for (unsigned i = 0; i < 100; i += 2) {
                pages_push_freed(heap, runs[i]);
        }
        pages_test_verify(heap);
        for (unsigned i = 1; i < 100; i += 2) {
                pages_push_freed(heap, runs[i]);
        }
        pages_test_verify(heap);
        cr_assert_eq(pages_largest_free(heap), HEAP_ARENA_BYTES - HEAP_PAGE_BYTES);
        heap_free(heap);
}

Test(pages, used_pages_are_not_called_zeroed_until_the_kernel_had_them)
{
        struct heap *heap = pages_test_heap(0);
        bool zeroed;
        uint32_t page = pages_test_take(heap, 3, &zeroed);
        uint8_t *memory = heap_base(heap) + heap_page_offset(page);

        memory[5] = 1;
        pages_push_freed(heap, page);
        page = pages_test_take(heap, 3, &zeroed);
        cr_assert(!zeroed);
        pages_push_freed(heap, page);
        cr_assert_ge(pages_scavenge(heap, 0, UINT64_MAX), 3 * HEAP_PAGE_BYTES);
        pages_test_verify(heap);
        page = pages_test_take(heap, 3, &zeroed);
        cr_assert(zeroed);
        cr_assert_eq(heap_base(heap)[heap_page_offset(page) + 5], 0);
        heap_free(heap);
}

Test(pages, scavenging_keeps_what_it_is_told_to_keep)
{
        struct heap *heap = pages_test_heap(0);
        bool zeroed;

        pages_push_freed(heap, pages_test_take(heap, 5000, &zeroed));
        pages_drain(heap);
        pages_scavenge(heap, 2000 * HEAP_PAGE_BYTES, UINT64_MAX);
        cr_assert_eq(heap_idle_bytes(heap), 2000 * HEAP_PAGE_BYTES);
        pages_test_verify(heap);
        heap_free(heap);
}

Test(pages, the_limit_holds_to_the_page)
{
        struct heap *heap = pages_test_heap(UINT64_C(10) << 20);
        uint64_t n_max = heap->pages.ordinary_pages;
        uint32_t page, first;
        bool zeroed;

        first = pages_test_take(heap, (uint32_t)n_max - 1, &zeroed);
        page = pages_test_take(heap, 1, &zeroed);
        cr_assert_eq(pages_alloc(heap, 1, false, false, &page, &zeroed), -ENOMEM);
        pages_push_freed(heap, first);
        page = pages_test_take(heap, 1, &zeroed);
        heap_free(heap);
}

Test(pages, the_spare_part_of_the_limit_is_for_the_urgent)
{
        struct heap *heap = pages_test_heap(UINT64_C(100) << 20);
        uint64_t n_ordinary = heap->pages.ordinary_pages, n_all = heap->pages.limit_pages;
        uint32_t page;
        bool zeroed;

        cr_assert_eq(n_all - n_ordinary, (UINT64_C(3) << 20) / HEAP_PAGE_COST_BYTES + 1);
        pages_test_take(heap, (uint32_t)n_ordinary, &zeroed);
        cr_assert_eq(pages_alloc(heap, 1, false, false, &page, &zeroed), -ENOMEM);
        cr_assert_eq(pages_alloc(heap, (uint32_t)(n_all - n_ordinary), false, true, &page, &zeroed),
                     0);
        cr_assert_eq(pages_alloc(heap, 1, false, true, &page, &zeroed), -ENOMEM);
        heap_free(heap);
}

Test(pages, what_lies_beside_the_heap_counts_towards_the_limit)
{
        struct heap *heap = pages_test_heap(UINT64_C(100) << 20);
        uint64_t before = heap->pages.ordinary_pages;

        heap_set_other(heap, UINT64_C(30) << 20);
        cr_assert_eq(before - heap->pages.ordinary_pages,
                     (UINT64_C(30) << 20) / HEAP_PAGE_COST_BYTES);
        heap_set_spare(heap, UINT64_C(50) << 20);
        cr_assert_eq(heap->pages.ordinary_pages, (UINT64_C(20) << 20) / HEAP_PAGE_COST_BYTES);
        heap_set_other(heap, UINT64_C(101) << 20);
        cr_assert_eq(heap->pages.limit_pages, 0);
        cr_assert_eq(heap_allowance_bytes(heap), 0);
        heap_set_limit(heap, 0);
        cr_assert_eq(heap_allowance_bytes(heap), UINT64_MAX);
        heap_free(heap);
}

Test(pages, scavenging_in_steps_ends_where_it_would_at_once)
{
        struct heap *heap = pages_test_heap(0);
        uint32_t runs[5];
        unsigned n_steps = 0;
        bool zeroed;

        for (unsigned i = 0; i < 5; i++) {
                runs[i] = pages_test_take(heap, 1000, &zeroed);
        }
        pages_push_freed(heap, runs[0]);
        pages_push_freed(heap, runs[1]);
        pages_push_freed(heap, runs[3]);
        pages_drain(heap);
        while (pages_scavenge(heap, 0, 128 * HEAP_PAGE_BYTES) > 0) {
                pages_test_verify(heap);
                n_steps++;
        }
        cr_assert_ge(n_steps, 3000u / 128);
        cr_assert_eq(heap_idle_bytes(heap), 0);
        /* Resident pages between released ones, behind them, and before them. */
        pages_push_freed(heap, runs[2]);
        pages_drain(heap);
        pages_test_verify(heap);
        pages_push_freed(heap, runs[4]);
        pages_drain(heap);
        pages_test_verify(heap);
        cr_assert_eq(heap_idle_bytes(heap), 2000 * HEAP_PAGE_BYTES);
        cr_assert_eq(pages_scavenge(heap, 500 * HEAP_PAGE_BYTES, UINT64_MAX),
                     1500 * HEAP_PAGE_BYTES);
        cr_assert_eq(pages_scavenge(heap, 0, UINT64_MAX), 500 * HEAP_PAGE_BYTES);
        pages_test_verify(heap);
        heap_free(heap);
}

Test(pages, the_end_of_the_reservation_is_an_error)
{
        struct heap *heap = pages_test_heap(0);
        uint32_t page;
        bool zeroed;

        cr_assert_eq(pages_alloc(heap, (1u << 30) / HEAP_PAGE_BYTES, false, false, &page, &zeroed),
                     -ENOMEM);
        page = pages_test_take(heap, (1u << 30) / HEAP_PAGE_BYTES - 1, &zeroed);
        cr_assert_eq(pages_alloc(heap, 1, false, false, &page, &zeroed), -ENOMEM);
        heap_free(heap);
}

Test(pages, random_runs_never_overlap)
{
        enum { N = 300 };
        struct heap *heap = pages_test_heap(0);
        uint32_t runs[N] = {0}, sizes[N] = {0};
        struct seed seed;
        bool zeroed;

        seed_init(&seed);
        for (int i = 0; i < 20000; i++) {
                unsigned at = (unsigned)seed_below(&seed, N);
                uint64_t *memory;

                if (runs[at]) {
                        memory = (uint64_t *)(heap_base(heap) + heap_page_offset(runs[at]));
                        cr_assert_eq(memory[1], at + 1, "somebody wrote into the run");
                        cr_assert_eq(*heap_page_head(heap, runs[at]), runs[at]);
                        pages_push_freed(heap, runs[at]);
                        runs[at] = 0;
                } else {
                        sizes[at] = seed_one_in(&seed, 10) ? (uint32_t)seed_between(&seed, 1, 500)
                                                           : (uint32_t)seed_between(&seed, 1, 12);
                        runs[at] = pages_test_take(heap, sizes[at], &zeroed);
                        memory = (uint64_t *)(heap_base(heap) + heap_page_offset(runs[at]));
                        cr_assert(!zeroed || memory[1] == 0);
                        memory[1] = at + 1;
                }
                if (seed_one_in(&seed, 500)) {
                        pages_test_verify(heap);
                }
                if (seed_one_in(&seed, 1000)) {
                        pages_scavenge(heap, seed_below(&seed, 1 << 24),
                                       seed_one_in(&seed, 2) ? UINT64_MAX : 1 << 20);
                        pages_test_verify(heap);
                }
        }
        heap_free(heap);
}

/* What the kernel was told of the mapping in which the address lies. */
static bool pages_test_flagged(const void *address, const char *flag)
{
        FILE *smaps = fopen("/proc/self/smaps", "r");
        bool inside = false, found = false;
        char line[4096];

        cr_assert_not_null(smaps);
        while (fgets(line, sizeof(line), smaps)) {
                unsigned long from, to;

                if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
                        inside = (uintptr_t)address >= from && (uintptr_t)address < to;
                } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
                        found = strstr(line, flag) != NULL;
                }
        }
        fclose(smaps);
        return found;
}

Test(pages, huge_pages_are_asked_for_when_wanted)
{
        struct heap_config config = {.reserve_bytes = UINT64_C(1) << 30, .huge_pages = true};
        struct heap *plain = pages_test_heap(0), *huge;
        bool zeroed;

        cr_assert_eq(heap_new(&huge, &config), 0);
        pages_test_take(plain, 1, &zeroed);
        pages_test_take(huge, 1, &zeroed);
        cr_assert_not(pages_test_flagged(heap_base(plain), " hg"));
        if (access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0) {
                cr_assert(pages_test_flagged(heap_base(huge), " hg"));
        }
        heap_free(huge);
        heap_free(plain);
}
