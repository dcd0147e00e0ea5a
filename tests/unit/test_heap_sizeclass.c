/* SPDX-License-Identifier: MIT */

/* The table of size classes: every size gets the smallest slot that holds it, with bounded waste.
 */

#include "heap/heap.h"
#include "heap/sizeclass.h"
#include "support/unit.h"

Test(sizeclass, classes_ascend)
{
        for (unsigned i = 2; i < SIZE_CLASSES; i++) {
                cr_assert_gt(size_class_table[i].size_bytes, size_class_table[i - 1].size_bytes);
        }
        cr_assert_eq(size_class_table[SIZE_CLASSES - 1].size_bytes, SIZE_SMALL_MAX);
}

Test(sizeclass, every_size_gets_the_smallest_class_that_holds_it)
{
        static uint8_t map[SIZE_MAP_ENTRIES];

        size_class_fill_map(map);
        for (unsigned size = 1; size <= SIZE_SMALL_MAX; size++) {
                unsigned class = map[(size + 15) / 16];

                cr_assert_ge(size_class_table[class].size_bytes, size);
                cr_assert(class == 1 || size_class_table[class - 1].size_bytes < size);
        }
}

Test(sizeclass, no_object_wastes_a_quarter_of_its_slot)
{
        for (unsigned i = 10; i < SIZE_CLASSES; i++) {
                unsigned smallest = size_class_table[i - 1].size_bytes + 1;
                unsigned slot = size_class_table[i].size_bytes;

                cr_assert_lt((slot - smallest) * 4, slot, "class of %u bytes", slot);
        }
}

Test(sizeclass, slots_fill_their_span)
{
        for (unsigned i = 1; i < SIZE_CLASSES; i++) {
                unsigned span = size_class_table[i].n_pages * HEAP_PAGE_BYTES;
                unsigned used = size_class_table[i].n_slots * size_class_table[i].size_bytes;

                cr_assert(used <= span && span - used < size_class_table[i].size_bytes);
        }
}
