/* SPDX-License-Identifier: MIT */
#include "store/space.h"

#include "heap/descriptor.h"

int space_init(struct space *space, struct gc *gc, struct mutator *mutator,
               const struct siphash_key *key)
{
        *space = (struct space){.gc = gc, .mutator = mutator, .key = *key};
        for (unsigned kind = KIND_NONE + 1; kind < _KIND_N; kind++) {
                struct descriptor d = {.kind = (uint8_t)kind, .noscan = kind_is_noscan(kind)};
                int r = descriptor_intern(mutator->heap, &d, &space->descriptors[kind]);

                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

struct word space_alloc(struct space *space, enum kind kind, uint32_t count)
{
        struct word object = gc_alloc(space->mutator, space->descriptors[kind], count);
        uint64_t size_bytes;

        space->work_units++;
        if (!word_is_nil(object)) {
                size_bytes = object_size_bytes(kind_is_noscan(kind), count);
                size_bytes = (size_bytes + OBJECT_ALIGN - 1) / OBJECT_ALIGN * OBJECT_ALIGN;
                space->allocated_bytes += size_bytes;
                if (space->charge) {
                        *space->charge += size_bytes;
                }
        }
        return object;
}

enum kind space_kind(const struct space *space, struct word object)
{
        unsigned index = gc_descriptor(space->mutator, object);

        return (enum kind)descriptor_find(space->mutator->heap, index)->kind;
}
