/* SPDX-License-Identifier: MIT */
#include "gc/greylog.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "heap/marks.h"

int grey_logs_init(struct grey_logs *logs, uint32_t capacity)
{
        *logs = (struct grey_logs){.capacity = capacity};
        logs->memory = mmap(NULL, GREY_LOGS * sizeof(struct grey_packet), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (logs->memory == MAP_FAILED) {
                logs->memory = NULL;
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < GREY_LOGS; i++) {
                logs->memory[i].is_log = true;
                grey_logs_release(logs, &logs->memory[i]);
        }
        return 0;
}

void grey_logs_deinit(struct grey_logs *logs)
{
        if (logs->memory) {
                munmap(logs->memory, GREY_LOGS * sizeof(struct grey_packet));
                logs->memory = NULL;
        }
}

static uint64_t grey_logs_head(const struct grey_logs *logs, uint64_t old,
                               const struct grey_packet *packet)
{
        /* The tag makes a head that went and came back another one. */
        return ((old >> 32) + 1) << 32 | (packet ? (uint64_t)(packet - logs->memory) + 1 : 0);
}

/* Popped one at a time, by several mutators. */
static struct grey_packet *grey_logs_take_free(struct grey_logs *logs)
{
        uint64_t head = atomic_load_explicit(&logs->free, memory_order_acquire);
        struct grey_packet *packet, *below;

        do {
                if ((uint32_t)head == 0) {
                        return NULL;
                }
                packet = &logs->memory[(uint32_t)head - 1];
                /* Stale if the packet is taken meanwhile: then the exchange fails. */
                below = atomic_load_explicit(&packet->next, memory_order_relaxed);
        } while (!atomic_compare_exchange_weak_explicit(
                &logs->free, &head, grey_logs_head(logs, head, below), memory_order_acquire,
                memory_order_acquire));
        packet->n = 0;
        return packet;
}

void grey_logs_release(struct grey_logs *logs, struct grey_packet *packet)
{
        uint64_t head = atomic_load_explicit(&logs->free, memory_order_relaxed);

        do {
                atomic_store_explicit(&packet->next,
                                      (uint32_t)head ? &logs->memory[(uint32_t)head - 1] : NULL,
                                      memory_order_relaxed);
        } while (!atomic_compare_exchange_weak_explicit(
                &logs->free, &head, grey_logs_head(logs, head, packet), memory_order_release,
                memory_order_relaxed));
}

void grey_logs_push(struct grey_logs *logs, struct grey_packet *log)
{
        struct grey_packet *head = atomic_load_explicit(&logs->filled, memory_order_relaxed);

        do {
                atomic_store_explicit(&log->next, head, memory_order_relaxed);
                /* Release: who takes the packet sees its entries. */
        } while (!atomic_compare_exchange_weak_explicit(
                &logs->filled, &head, log, memory_order_release, memory_order_relaxed));
}

struct grey_packet *grey_logs_take_all(struct grey_logs *logs)
{
        if (!atomic_load_explicit(&logs->filled, memory_order_relaxed)) {
                return NULL;
        }
        return atomic_exchange_explicit(&logs->filled, NULL, memory_order_acquire);
}

void grey_logs_flag(struct grey_logs *logs, struct heap *heap, uint64_t offset)
{
        marks_flag_overflow(heap, offset);
        /* Release: who learns that pages are flagged finds this one. */
        atomic_store_explicit(&logs->overflowed, true, memory_order_release);
}

void grey_log(struct grey_logs *logs, struct heap *heap, struct grey_packet **log, uint64_t offset)
{
        if (*log && (*log)->n == logs->capacity) {
                grey_logs_push(logs, *log);
                *log = NULL;
        }
        if (!*log) {
                *log = grey_logs_take_free(logs);
        }
        if (*log) {
                (*log)->entries[(*log)->n++] = offset;
        } else {
                grey_logs_flag(logs, heap, offset);
        }
}

void grey_logs_assert_empty(struct grey_logs *logs)
{
        hd_assert(!grey_logs_pending(logs));
}

bool grey_logs_pending(struct grey_logs *logs)
{
        return atomic_load_explicit(&logs->filled, memory_order_acquire) ||
               atomic_load_explicit(&logs->overflowed, memory_order_acquire);
}

bool grey_logs_take_overflowed(struct grey_logs *logs)
{
        return atomic_exchange_explicit(&logs->overflowed, false, memory_order_acquire);
}
