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

                if (r == 0 && !d.noscan) {
                        d.weak = true;
                        r = descriptor_intern(mutator->heap, &d, &space->weak_descriptors[kind]);
                }
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

void space_set_urgent(struct space *space, bool urgent)
{
        space->urgent = urgent;
        gc_set_urgent(space->mutator, urgent);
}

static struct word space_alloc_as(struct space *space, enum kind kind, unsigned descriptor,
                                  uint32_t count)
{
        struct word object;
        uint64_t size_bytes;

        space->work_units++;
        if (space->refuse && !space->urgent) {
                gc_want_room(space->gc);
                return word_nil();
        }
        object = gc_alloc(space->mutator, descriptor, count);
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

struct word space_alloc(struct space *space, enum kind kind, uint32_t count)
{
        return space_alloc_as(space, kind, space->descriptors[kind], count);
}

struct word space_alloc_weak(struct space *space, enum kind kind, uint32_t count)
{
        return space_alloc_as(space, kind, space->weak_descriptors[kind], count);
}

bool space_is_weak(const struct space *space, struct word object)
{
        unsigned index = gc_descriptor(space->mutator, object);

        return descriptor_find(space->mutator->heap, index)->weak;
}

enum kind space_kind(const struct space *space, struct word object)
{
        unsigned index = gc_descriptor(space->mutator, object);

        return (enum kind)descriptor_find(space->mutator->heap, index)->kind;
}
