/* SPDX-License-Identifier: MIT */
#include "heap/sizeclass.h"

#include <assert.h>

#include "heap/heap.h"

const struct size_class size_class_table[SIZE_CLASSES] = {
        {0},
#define SIZE_CLASS(bytes, pages)                              \
        {                                                     \
                .size_bytes = (bytes),                        \
                .n_pages = (pages),                           \
                .n_slots = (pages)*HEAP_PAGE_BYTES / (bytes), \
        },
#include "heap/sizeclass.def"
#undef SIZE_CLASS
};

#define SIZE_CLASS(bytes, pages)                                                            \
        static_assert((bytes) % HEAP_GRANULE_BYTES == 0, "bitmaps have a bit per granule"); \
        static_assert((bytes) <= SIZE_SMALL_MAX, "larger objects have their own span");     \
        static_assert((pages)*HEAP_PAGE_BYTES % (bytes)*8 <= (pages)*HEAP_PAGE_BYTES,       \
                      "a span wastes at most an eighth");
#include "heap/sizeclass.def"
#undef SIZE_CLASS

static_assert(SIZE_CLASSES <= HEAP_CLASSES_MAX, "statistics and caches have room for every class");
static_assert(SIZE_CLASSES - 1 >= 60 && SIZE_CLASSES - 1 <= 70, "about 66 classes");

void size_class_fill_map(uint8_t map[SIZE_MAP_ENTRIES])
{
        unsigned class = 1;

        for (unsigned i = 0; i < SIZE_MAP_ENTRIES; i++) {
                if (i * 16 > size_class_table[class].size_bytes) {
                        class ++;
                }
                map[i] = (uint8_t) class;
        }
}
