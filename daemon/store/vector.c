/* SPDX-License-Identifier: MIT */
#include "store/vector.h"

#include "base/assert.h"
#include "store/store.h"

/*
 * Host: slot + 0 root, slot + 1 shape: height in bits 0..7, number of nodes above (word_int).
 * Node: word 0 how many of the others are not nil, then the children or, at height 0, the content.
 * Only a root of height 0 may be narrower than VECTOR_FANOUT.
 */

#define VECTOR_HEIGHT_MAX 3u

/* Places under a node of that height. */
static const uint64_t vector_reach[VECTOR_HEIGHT_MAX + 1] = {
        UINT64_C(510),
        UINT64_C(510) * 510,
        UINT64_C(510) * 510 * 510,
        UINT64_C(510) * 510 * 510 * 510,
};

/* The way from the root to a leaf. nodes[h] and the position at[h] in it, h = height … 0. */
struct vector_path {
        unsigned height;
        struct word nodes[VECTOR_HEIGHT_MAX + 1];
        uint32_t at[VECTOR_HEIGHT_MAX + 1];
};

static struct word vector_root(struct space *space, struct vector v)
{
        return space_load(space, v.host, v.slot);
}

/* A new host's shape slot holds nil, which reads as zero. */
static uint64_t vector_shape(struct space *space, struct vector v)
{
        return space_load_count(space, v.host, v.slot + 1);
}

static unsigned vector_height(struct space *space, struct vector v)
{
        return vector_shape(space, v) & 0xff;
}

uint32_t vector_n_nodes(struct space *space, struct vector v)
{
        return (uint32_t)(vector_shape(space, v) >> 8);
}

static void vector_set_root(struct space *space, struct vector v, struct word root, unsigned height,
                            uint64_t n_nodes)
{
        space_store(space, v.host, v.slot, root);
        space_store_count(space, v.host, v.slot + 1, n_nodes << 8 | height);
}

static void vector_count_nodes(struct space *space, struct vector v, int delta)
{
        space_store_count(space, v.host, v.slot + 1,
                          vector_shape(space, v) + (uint64_t)(int64_t)delta * 256);
}

static uint32_t vector_node_width(struct space *space, struct word node)
{
        return gc_count(space->mutator, node) - 1;
}

static struct word vector_node_get(struct space *space, struct word node, uint32_t at)
{
        space->work_units++;
        return space_load(space, node, 1 + at);
}

static void vector_node_put(struct space *space, struct word node, uint32_t at, struct word value)
{
        struct word old = vector_node_get(space, node, at);
        uint64_t n_used = space_load_count(space, node, 0);

        if (word_is_nil(old) != word_is_nil(value)) {
                space_store_count(space, node, 0, word_is_nil(value) ? n_used - 1 : n_used + 1);
        }
        space_store(space, node, 1 + at, value);
}

static struct word vector_node_new(struct space *space, uint32_t width)
{
        struct word node = space_alloc(space, KIND_NODE, 1 + width);

        if (!word_is_nil(node)) {
                space_store_count(space, node, 0, 0);
        }
        return node;
}

/* Header, count and content of these widths fill 32, 64, … 4096 bytes. */
static uint32_t vector_width_for(uint64_t index)
{
        uint32_t width = 2;

        while (width <= index && width < VECTOR_FANOUT) {
                width = (width + 2) * 2 - 2;
        }
        return width;
}

/* Walks as far as nodes exist; true if the leaf was reached and `index` lies within it. */
static bool vector_find(struct space *space, struct vector v, uint64_t index,
                        struct vector_path *path)
{
        struct word node = vector_root(space, v);
        unsigned h = vector_height(space, v);

        path->height = h;
        if (word_is_nil(node) || index >= vector_reach[h]) {
                return false;
        }
        for (;; h--) {
                uint64_t below = h ? vector_reach[h - 1] : 1;

                path->nodes[h] = node;
                path->at[h] = (uint32_t)(index / below);
                index %= below;
                if (h == 0) {
                        return path->at[0] < vector_node_width(space, node);
                }
                node = vector_node_get(space, node, path->at[h]);
                if (word_is_nil(node)) {
                        return false;
                }
        }
}

/* The root as a node of at least that width: itself, or a wider copy. Only roots of height 0 are
 * narrow. */
static int vector_widen(struct space *space, struct vector v, uint32_t width)
{
        struct word old = vector_root(space, v);
        uint32_t n_old = vector_node_width(space, old);
        struct word node;

        if (n_old >= width) {
                return STORE_OK;
        }
        node = vector_node_new(space, width);
        if (word_is_nil(node)) {
                return STORE_E_NOMEM;
        }
        for (uint32_t i = 0; i <= n_old; i++) {
                space_store(space, node, i, space_load(space, old, i));
        }
        space->work_units += n_old;
        space_store(space, v.host, v.slot, node);
        return STORE_OK;
}

/* Makes the root reach `index`. On failure the tree may be taller or wider than needed, which is
 * harmless and undone by vector_prune(). */
static int vector_grow(struct space *space, struct vector v, uint64_t index)
{
        struct word root = vector_root(space, v);
        unsigned height = vector_height(space, v);
        unsigned want = 0;

        while (index >= vector_reach[want]) {
                want++;
        }
        hd_assert(want <= VECTOR_HEIGHT_MAX);
        if (word_is_nil(root)) {
                root = vector_node_new(space, want ? VECTOR_FANOUT : vector_width_for(index));
                if (word_is_nil(root)) {
                        return STORE_E_NOMEM;
                }
                vector_set_root(space, v, root, want, 1);
                return STORE_OK;
        }
        if (height == 0) {
                int r = vector_widen(space, v, want ? VECTOR_FANOUT : vector_width_for(index));

                if (r) {
                        return r;
                }
        }
        for (; height < want; height++) {
                struct word above = vector_node_new(space, VECTOR_FANOUT);

                if (word_is_nil(above)) {
                        return STORE_E_NOMEM;
                }
                vector_node_put(space, above, 0, vector_root(space, v));
                vector_set_root(space, v, above, height + 1, vector_n_nodes(space, v) + 1u);
        }
        return STORE_OK;
}

static int vector_reserve_leaf(struct space *space, struct vector v, uint64_t index)
{
        struct vector_path path;
        struct word node;
        int r;

        if (vector_find(space, v, index, &path)) {
                return STORE_OK;
        }
        r = vector_grow(space, v, index);
        if (r) {
                return r;
        }
        node = vector_root(space, v);
        for (unsigned h = vector_height(space, v); h > 0; h--) {
                uint32_t at = (uint32_t)(index / vector_reach[h - 1]);
                struct word child = vector_node_get(space, node, at);

                index %= vector_reach[h - 1];
                if (word_is_nil(child)) {
                        child = vector_node_new(space, VECTOR_FANOUT);
                        if (word_is_nil(child)) {
                                return STORE_E_NOMEM;
                        }
                        vector_node_put(space, node, at, child);
                        vector_count_nodes(space, v, 1);
                }
                node = child;
        }
        return STORE_OK;
}

/* The last place of the leaf of `index`, or of the range if that ends earlier. */
static uint64_t vector_leaf_last(uint64_t index, uint64_t end)
{
        uint64_t leaf_end = (index / VECTOR_FANOUT + 1) * VECTOR_FANOUT;

        return (leaf_end < end ? leaf_end : end) - 1;
}

int vector_reserve(struct space *space, struct vector v, uint64_t first, uint64_t n)
{
        uint64_t end = first + n;

        hd_assert(end >= first && end <= VECTOR_LENGTH_MAX);
        for (uint64_t i = first, last; i < end; i = last + 1) {
                last = vector_leaf_last(i, end);
                if (vector_reserve_leaf(space, v, last)) {
                        vector_prune(space, v, first, last + 1 - first);
                        return STORE_E_NOMEM;
                }
        }
        return STORE_OK;
}

/* A root with one child in the first place is no root: its reach is not needed. */
static void vector_lower(struct space *space, struct vector v)
{
        struct word root = vector_root(space, v);
        uint64_t n_nodes = vector_n_nodes(space, v);
        unsigned height = vector_height(space, v);

        while (!word_is_nil(root)) {
                uint64_t n_used = space_load_count(space, root, 0);

                if (n_used == 0) {
                        root = word_nil();
                        height = 0;
                        n_nodes--;
                } else if (height > 0 && n_used == 1 &&
                           !word_is_nil(vector_node_get(space, root, 0))) {
                        root = vector_node_get(space, root, 0);
                        height--;
                        n_nodes--;
                } else {
                        break;
                }
        }
        vector_set_root(space, v, root, height, n_nodes);
}

static void vector_prune_leaf(struct space *space, struct vector v, uint64_t index)
{
        struct vector_path path = {.height = 0};
        unsigned h = 0;

        /* A path that ends early ends in a node that may be empty, too. */
        if (!vector_find(space, v, index, &path)) {
                for (h = path.height; h > 0; h--) {
                        if (word_is_nil(path.nodes[h]) ||
                            word_is_nil(vector_node_get(space, path.nodes[h], path.at[h]))) {
                                break;
                        }
                }
        }
        for (; h < path.height && word_is_ref(path.nodes[h]) &&
               space_load_count(space, path.nodes[h], 0) == 0;
             h++) {
                vector_node_put(space, path.nodes[h + 1], path.at[h + 1], word_nil());
                vector_count_nodes(space, v, -1);
        }
}

void vector_prune(struct space *space, struct vector v, uint64_t first, uint64_t n)
{
        uint64_t end = first + n;

        for (uint64_t i = first; i < end; i = vector_leaf_last(i, end) + 1) {
                vector_prune_leaf(space, v, i);
        }
        if (n > 0) {
                vector_lower(space, v);
        }
}

void vector_put(struct space *space, struct vector v, uint64_t index, struct word value)
{
        struct vector_path path;
        bool found = vector_find(space, v, index, &path);

        hd_assert(found || word_is_nil(value));
        if (found) {
                vector_node_put(space, path.nodes[0], path.at[0], value);
        }
}

struct word vector_get(struct space *space, struct vector v, uint64_t index)
{
        struct vector_path path;

        return vector_find(space, v, index, &path)
                       ? vector_node_get(space, path.nodes[0], path.at[0])
                       : word_nil();
}

uint64_t vector_find_nil(struct space *space, struct vector v, uint64_t from)
{
        struct vector_path path;

        for (; vector_find(space, v, from, &path); from = vector_leaf_last(from, UINT64_MAX) + 1) {
                struct word leaf = path.nodes[0];
                uint32_t width = vector_node_width(space, leaf);

                if (space_load_count(space, leaf, 0) == VECTOR_FANOUT) {
                        continue;
                }
                for (uint32_t at = path.at[0]; at < width; at++, from++) {
                        if (word_is_nil(vector_node_get(space, leaf, at))) {
                                return from;
                        }
                }
                if (width < VECTOR_FANOUT) {
                        return from;
                }
                from--; /* the end of this leaf: the step above goes to the next one */
        }
        return from;
}
