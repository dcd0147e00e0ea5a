/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Descriptor: what the type field of a header stands for: a kind, whether the object holds words or
 * plain bytes, and two numbers for the owner's use (shape, tag). Descriptors are interned: the same
 * content gets the same index.
 *
 * Owns:     the table inside its heap; entries are never moved.
 * Threads:  intern under a lock inside, find from any thread (entries are immutable once
 * published). Failure:  descriptor_intern() returns -ENOSPC at HEAP_DESCRIPTORS_MAX, -ENOMEM.
 */

#include <stdbool.h>
#include <stdint.h>

struct heap;

struct descriptor {
        uint8_t kind;   /* the store's object kind, never 0 */
        bool noscan;    /* bytes: the collector never looks inside */
        bool weak;      /* may hold weak words: the collector looks for dead ones (GC-30) */
        uint32_t shape; /* 0: none */
        uint32_t tag;   /* 0: none */
};

#define HEAP_DESCRIPTORS_MAX 4096u /* interning looks at each: a table, not an index */

int descriptor_intern(struct heap *heap, const struct descriptor *descriptor, unsigned *ret_index);

/* The table, for those who know that an index is good. An entry whose kind is 0 is not in use. */
const struct descriptor *descriptor_table(const struct heap *heap);

/* `index` comes from a header or from descriptor_intern(); anything else asserts. */
const struct descriptor *descriptor_find(const struct heap *heap, unsigned index);
