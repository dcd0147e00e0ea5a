/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Grey work: objects seen and not yet scanned. Each marking thread fills and drains a packet of its
 * own and trades whole packets with the others through a shared list. How many packets a cycle may
 * use is settled before it, by the size of the heap; they take memory when first used, and give it
 * back after the cycle. When none is left, the object's page is flagged and rescanned later:
 * slower, never wrong (GC-9).
 *
 * Owns:     the packets.
 * Threads:  grey_queue: marking threads, under its lock; between cycles the controller. grey_local:
 *           its thread.
 * Failure:  grey_queue_init() returns -ENOMEM; nothing else fails.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gc/greylog.h"
#include "heap/arena.h"

#define GREY_PACKET_MIN 8u

/*
 * The queue's share. In a random graph every fifth object is grey at a time, an entry of 8 bytes
 * each; the smallest of which one can be built have 32 bytes. So a twentieth of the heap, and some
 * room. Lists and trees need next to nothing.
 */
#define GREY_HEAP_SHARE  12u                 /* of the heap in use */
#define GREY_LIMIT_SHARE 32u                 /* of the memory limit, whatever the heap */
#define GREY_BYTES_MIN   (UINT64_C(1) << 20) /* this much always, and is kept between cycles */

struct heap;

/* An object's offset, and in the upper 16 bits the piece of a long object that comes next. */
#define GREY_PIECE_SHIFT 48
#define GREY_PIECE_WORDS 4096u

struct grey_queue {
        pthread_mutex_t lock;
        pthread_cond_t more; /* a packet was shared, or all are idle */
        struct grey_packet *full, *empty;
        uint64_t n_empty;    /* of n_packets: in `empty`, or not used in this cycle */
        uint64_t n_expected; /* threads that have yet to take their first packet */
        struct arena memory;
        uint64_t n_packets; /* that a cycle may use */
        uint64_t n_touched; /* the first so many packets have been used since they took memory */
        uint64_t packet_entries; /* in use of each packet; fewer only to test a full queue */
        bool fixed;              /* as many as were asked for, whatever the heap */
        unsigned n_threads, n_idle;
        _Atomic unsigned n_waiting; /* idle threads, for a look without the lock */
        struct grey_logs logs;      /* the mutators' side */
};

struct grey_local {
        struct grey_queue *queue;
        struct heap *heap;
        struct grey_packet *packet;
        uint64_t capacity; /* of every packet */
        uint64_t n_overflows;
};

/*
 * For a heap of up to `heap_bytes`. `n_entries`: a queue of that many for ever, to test a full one;
 * 0: as the heap needs. `log_entries`: capacity of the mutators' logs; 0: that of the packets.
 */
int grey_queue_init(struct grey_queue *queue, uint64_t heap_bytes, unsigned n_entries,
                    unsigned n_threads, unsigned log_entries);
void grey_queue_deinit(struct grey_queue *queue);

/* Before a cycle: makes room for what a heap of this size may need, if the kernel agrees. */
void grey_queue_fit(struct grey_queue *queue, uint64_t heap_bytes, uint64_t limit_bytes);
/* After a cycle: gives back what it took; returns the most that it used at a time, in bytes. */
uint64_t grey_queue_give_back(struct grey_queue *queue);

/* Before each use, with no thread in it. */
void grey_queue_reset(struct grey_queue *queue);

void grey_local_init(struct grey_local *local, struct grey_queue *queue, struct heap *heap);
/* Returns the packet, which must be empty. */
void grey_local_deinit(struct grey_local *local);

void grey_push_slow(struct grey_local *local, uint64_t entry);
bool grey_pop_slow(struct grey_local *local, uint64_t *ret_entry);
void grey_share(struct grey_local *local);

static inline void grey_push(struct grey_local *local, uint64_t entry)
{
        if (local->packet->n < local->capacity) {
                local->packet->entries[local->packet->n++] = entry;
        } else {
                grey_push_slow(local, entry);
        }
}

/* From this thread's own packet; false: it is empty. */
static inline bool grey_try_pop(struct grey_local *local, uint64_t *ret_entry)
{
        if (local->packet->n == 0) {
                return false;
        }
        *ret_entry = local->packet->entries[--local->packet->n];
        return true;
}
