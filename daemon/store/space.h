/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Space: the heap as the store's structures see it: objects have kinds, allocation is charged to
 * somebody, work is counted.
 *
 * Owns:     nothing; borrows gc and mutator.
 * Threads:  the executor, inside a request.
 * Failure:  space_alloc() gives nil when there is no memory.
 */

#include <stdint.h>

#include "base/siphash.h"
#include "gc/gc.h"
#include "store/kind.h"

struct space {
        struct gc *gc;
        struct mutator *mutator;
        struct siphash_key key; /* of the hash tables */
        unsigned descriptors[_KIND_N];
        unsigned weak_descriptors[_KIND_N]; /* of those that may hold weak words */
        uint64_t allocated_bytes;           /* ever */
        uint64_t *charge;                   /* whose allocations these are; NULL: nobody's */
        uint64_t work_units;                /* of the running call (STORE-4) */
        bool committed;                     /* gc_weak_committed(), as of the start of the call */
        bool refuse; /* the running call gets no memory unless it is urgent */
        bool urgent; /* what is allocated serves to read or to drop */
};

/* -ENOMEM, -ENOSPC: the heap's descriptor table is full. */
int space_init(struct space *space, struct gc *gc, struct mutator *mutator,
               const struct siphash_key *key);

/* Between the two calls memory may come from the spare part of the heap's limit. */
void space_set_urgent(struct space *space, bool urgent);

/* `count` words, all nil; or bytes, to be written at once. */
struct word space_alloc(struct space *space, enum kind kind, uint32_t count);
/* The same, for words that may be weak: maps and buckets come in both forms, KIND_WEAK in this. */
struct word space_alloc_weak(struct space *space, enum kind kind, uint32_t count);

enum kind space_kind(const struct space *space, struct word object);

/* Whether it was made by space_alloc_weak(). */
bool space_is_weak(const struct space *space, struct word object);

/* Something that a client can name. */
static inline bool space_is_object(const struct space *space, struct word w)
{
        return word_is_ref(w) && kind_is_object(space_kind(space, w));
}

static inline struct word space_load(struct space *space, struct word object, uint32_t slot)
{
        return gc_load(space->mutator, object, slot);
}

static inline void space_store(struct space *space, struct word object, uint32_t slot,
                               struct word value)
{
        gc_store(space->mutator, object, slot, value);
}

/* Slots that hold small counts. */
static inline uint64_t space_load_count(struct space *space, struct word object, uint32_t slot)
{
        return (uint64_t)word_get_int(space_load(space, object, slot));
}

static inline void space_store_count(struct space *space, struct word object, uint32_t slot,
                                     uint64_t count)
{
        space_store(space, object, slot, word_int((int64_t)count));
}
