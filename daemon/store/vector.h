/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Vector: a sparse row of words, nil where nothing was put, in two slots of a host object. Arrays,
 * handle tables and the directories of hash tables are made of it.
 *
 * A radix tree of nodes of VECTOR_FANOUT words that grows in height; a node takes one slot of the
 * 4096 bytes class. A row that fits one node has a node just large enough, so short ones are cheap.
 * Nodes with nothing in them do not exist between calls of the store (STORE-5).
 *
 * A change takes three steps: vector_reserve() makes the path and is the only one that can fail,
 * vector_put() writes, vector_prune() takes away nodes that were reserved or emptied. All take time
 * O(height) per node touched.
 *
 * Threads: the executor, inside a request. A struct vector is a cursor: good until the boundary.
 * Failure: vector_reserve(): STORE_E_NOMEM, and nothing is reserved.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/space.h"

#define VECTOR_FANOUT     510u
#define VECTOR_SLOTS      2u /* of the host: root, shape */
#define VECTOR_LENGTH_MAX (UINT64_C(1) << 31)

struct vector {
        struct word host;
        uint32_t slot;
};

int vector_reserve(struct space *space, struct vector v, uint64_t first, uint64_t n);
/* The place was reserved, or held something. */
void vector_put(struct space *space, struct vector v, uint64_t index, struct word value);
void vector_prune(struct space *space, struct vector v, uint64_t first, uint64_t n);

struct word vector_get(struct space *space, struct vector v, uint64_t index);
/* The first place at or after `from` that holds nil; skips full nodes. */
uint64_t vector_find_nil(struct space *space, struct vector v, uint64_t from);
uint32_t vector_n_nodes(struct space *space, struct vector v);
