/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Size class: how large the slot is that an object of some size gets, and how many pages a span of
 * such slots takes. Class 0 stands for large objects, which get a span of their own; classes 1 to
 * SIZE_CLASSES - 1 come from sizeclass.def.
 *
 * Threads: constant data.
 */

#include <stdint.h>

#define SIZE_CLASS_LARGE 0u
#define SIZE_SMALL_MAX   32768u

enum {
        SIZE_CLASSES = 1
#define SIZE_CLASS(bytes, pages) +1
#include "heap/sizeclass.def"
#undef SIZE_CLASS
};

struct size_class {
        uint16_t size_bytes;
        uint8_t n_pages;
        uint16_t n_slots;
};

extern const struct size_class size_class_table[SIZE_CLASSES];

/* Fills the map from (size + 15) / 16 to the class, for sizes 0 to SIZE_SMALL_MAX. */
#define SIZE_MAP_ENTRIES (SIZE_SMALL_MAX / 16 + 1)
void size_class_fill_map(uint8_t map[SIZE_MAP_ENTRIES]);
