/* SPDX-License-Identifier: MIT */
#include "gc/greywork.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "heap/marks.h"

static void grey_put_empty_locked(struct grey_queue *queue, struct grey_packet *packet)
{
        if (packet->is_log) {
                grey_logs_release(&queue->logs, packet);
                return;
        }
        packet->next = queue->empty;
        queue->empty = packet;
        queue->n_empty++;
}

/* Leaves one for each thread that has not come yet. A packet that has memory is taken first. */
static struct grey_packet *grey_take_empty_locked(struct grey_queue *queue)
{
        struct grey_packet *packet = queue->empty;

        if (queue->n_empty <= queue->n_expected) {
                return NULL;
        }
        if (packet) {
                queue->empty = packet->next;
        } else {
                packet = (struct grey_packet *)queue->memory.base + queue->n_touched++;
        }
        queue->n_empty--;
        packet->n = 0;
        return packet;
}

static uint64_t grey_round_to_packets(uint64_t bytes)
{
        return (bytes + GREY_BYTES_MIN - 1) / GREY_BYTES_MIN * GREY_BYTES_MIN;
}

/* As many packets as `bytes` hold, or as there were, if the kernel refuses. */
static void grey_queue_resize(struct grey_queue *queue, uint64_t bytes)
{
        uint64_t n_packets = bytes / sizeof(struct grey_packet);

        hd_assert(queue->n_empty == queue->n_packets);
        if (bytes > queue->memory.committed_bytes &&
            arena_commit(&queue->memory, bytes - queue->memory.committed_bytes) < 0) {
                n_packets = queue->memory.committed_bytes / sizeof(struct grey_packet);
        }
        queue->n_packets = queue->n_empty = n_packets;
}

/* One packet per thread is the least with which every thread can work, however short. */
static void grey_queue_fix(struct grey_queue *queue, unsigned n_entries)
{
        uint64_t n_packets = (n_entries + GREY_PACKET_ENTRIES - 1) / GREY_PACKET_ENTRIES;

        n_packets = n_packets < queue->n_threads ? queue->n_threads : n_packets;
        grey_queue_resize(queue, grey_round_to_packets(n_packets * sizeof(struct grey_packet)));
        if (queue->n_packets > n_packets) {
                queue->n_packets = queue->n_empty = n_packets;
        }
        queue->packet_entries = n_entries / n_packets;
        queue->packet_entries = queue->packet_entries < GREY_PACKET_MIN ? GREY_PACKET_MIN
                                : queue->packet_entries > GREY_PACKET_ENTRIES
                                        ? GREY_PACKET_ENTRIES
                                        : queue->packet_entries;
        queue->fixed = true;
}

int grey_queue_init(struct grey_queue *queue, uint64_t heap_bytes, unsigned n_entries,
                    unsigned n_threads, unsigned log_entries)
{
        uint64_t bytes = n_entries / GREY_PACKET_ENTRIES * sizeof(struct grey_packet);
        int r;

        memset(queue, 0, sizeof(*queue));
        queue->n_threads = n_threads;
        queue->packet_entries = GREY_PACKET_ENTRIES;
        bytes = bytes > heap_bytes / GREY_HEAP_SHARE ? bytes : heap_bytes / GREY_HEAP_SHARE;
        r = arena_reserve(&queue->memory, grey_round_to_packets(bytes) + GREY_BYTES_MIN);
        if (r < 0) {
                return r;
        }
        pthread_mutex_init(&queue->lock, NULL);
        pthread_cond_init(&queue->more, NULL);
        if (n_entries) {
                grey_queue_fix(queue, n_entries);
        } else {
                grey_queue_resize(queue, GREY_BYTES_MIN);
        }
        if (queue->n_packets < n_threads ||
            grey_logs_init(&queue->logs,
                           log_entries ? log_entries : (uint32_t)queue->packet_entries) < 0) {
                grey_queue_deinit(queue);
                return -ENOMEM;
        }
        return 0;
}

void grey_queue_deinit(struct grey_queue *queue)
{
        if (queue->memory.base) {
                grey_logs_deinit(&queue->logs);
                arena_unreserve(&queue->memory);
                pthread_mutex_destroy(&queue->lock);
                pthread_cond_destroy(&queue->more);
        }
}

void grey_queue_fit(struct grey_queue *queue, uint64_t heap_bytes, uint64_t limit_bytes)
{
        uint64_t bytes = grey_round_to_packets(heap_bytes / GREY_HEAP_SHARE);

        if (limit_bytes && bytes > limit_bytes / GREY_LIMIT_SHARE) {
                bytes = limit_bytes / GREY_LIMIT_SHARE;
        }
        if (!queue->fixed) {
                grey_queue_resize(queue, bytes < GREY_BYTES_MIN ? GREY_BYTES_MIN : bytes);
        }
}

uint64_t grey_queue_give_back(struct grey_queue *queue)
{
        uint64_t bytes = queue->n_touched * sizeof(struct grey_packet);

        hd_assert(queue->full == NULL && queue->n_empty == queue->n_packets);
        queue->empty = NULL;
        queue->n_touched = 0;
        if (bytes > GREY_BYTES_MIN) {
                arena_release(&queue->memory, GREY_BYTES_MIN, bytes - GREY_BYTES_MIN);
        }
        return bytes;
}

void grey_queue_reset(struct grey_queue *queue)
{
        hd_assert(queue->full == NULL && queue->n_empty == queue->n_packets);
        queue->n_expected = queue->n_threads;
        queue->n_idle = 0;
        atomic_store_explicit(&queue->n_waiting, 0, memory_order_relaxed);
}

static void grey_put_full_locked(struct grey_queue *queue, struct grey_packet *packet)
{
        packet->next = queue->full;
        queue->full = packet;
        if (queue->n_idle > 0) {
                pthread_cond_signal(&queue->more);
        }
}

void grey_local_init(struct grey_local *local, struct grey_queue *queue, struct heap *heap)
{
        *local = (struct grey_local){
                .queue = queue, .heap = heap, .capacity = queue->packet_entries};
        pthread_mutex_lock(&queue->lock);
        queue->n_expected--;
        local->packet = grey_take_empty_locked(queue);
        pthread_mutex_unlock(&queue->lock);
        hd_assert(local->packet);
}

void grey_local_deinit(struct grey_local *local)
{
        hd_assert(local->packet->n == 0);
        pthread_mutex_lock(&local->queue->lock);
        grey_put_empty_locked(local->queue, local->packet);
        pthread_mutex_unlock(&local->queue->lock);
        local->packet = NULL;
}

void grey_push_slow(struct grey_local *local, uint64_t entry)
{
        struct grey_queue *queue = local->queue;
        struct grey_packet *fresh;

        pthread_mutex_lock(&queue->lock);
        fresh = grey_take_empty_locked(queue);
        if (fresh) {
                grey_put_full_locked(queue, local->packet);
                local->packet = fresh;
        }
        pthread_mutex_unlock(&queue->lock);
        if (!fresh) {
                local->n_overflows++;
                grey_logs_flag(&queue->logs, local->heap,
                               entry & ((UINT64_C(1) << GREY_PIECE_SHIFT) - 1));
                return;
        }
        local->packet->entries[local->packet->n++] = entry;
}

/* Half of this thread's work for those who have none. */
void grey_share(struct grey_local *local)
{
        struct grey_queue *queue = local->queue;
        struct grey_packet *packet;
        uint64_t half = local->packet->n / 2;

        pthread_mutex_lock(&queue->lock);
        packet = queue->full ? NULL : grey_take_empty_locked(queue);
        if (packet) {
                memcpy(packet->entries, local->packet->entries, half * sizeof(uint64_t));
                memmove(local->packet->entries, local->packet->entries + half,
                        (local->packet->n - half) * sizeof(uint64_t));
                packet->n = half;
                local->packet->n -= half;
                grey_put_full_locked(queue, packet);
        }
        pthread_mutex_unlock(&queue->lock);
}

/* Logs that mutators have filled join the shared packets. */
static void grey_fetch_logs_locked(struct grey_queue *queue)
{
        struct grey_packet *log = grey_logs_take_all(&queue->logs);

        while (log) {
                struct grey_packet *next = log->next;

                grey_put_full_locked(queue, log);
                log = next;
        }
}

/* Waits for shared work; false when every thread waits, so that there is none. */
bool grey_pop_slow(struct grey_local *local, uint64_t *ret_entry)
{
        struct grey_queue *queue = local->queue;
        bool found = true;

        pthread_mutex_lock(&queue->lock);
        queue->n_idle++;
        atomic_store_explicit(&queue->n_waiting, queue->n_idle, memory_order_relaxed);
        if (!queue->full) {
                grey_fetch_logs_locked(queue);
        }
        while (!queue->full && queue->n_idle < queue->n_threads) {
                pthread_cond_wait(&queue->more, &queue->lock);
        }
        if (queue->full) {
                struct grey_packet *packet = queue->full;

                queue->full = packet->next;
                grey_put_empty_locked(queue, local->packet);
                local->packet = packet;
                queue->n_idle--;
                atomic_store_explicit(&queue->n_waiting, queue->n_idle, memory_order_relaxed);
        } else {
                found = false;
                atomic_store_explicit(&queue->n_waiting, 0, memory_order_relaxed);
                pthread_cond_broadcast(&queue->more);
        }
        pthread_mutex_unlock(&queue->lock);
        return found && grey_try_pop(local, ret_entry);
}
