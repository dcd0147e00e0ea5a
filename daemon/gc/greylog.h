/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Grey logs: how mutators tell the collector which objects their barriers have shaded. A mutator
 * fills a packet of its own and hands it over when it is full or when a handshake asks; marking
 * threads take all that was handed over at once. Both ways are lock-free stacks, so a marking
 * thread frozen anywhere delays no store (GC-25). Without a free packet the object's page is
 * flagged.
 *
 * Owns:     the mutators' packets.
 * Threads:  grey_log(), grey_logs_push(): mutators, and the controller as their proxy; the rest:
 * any. Failure:  grey_logs_init() returns -ENOMEM; nothing else fails.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GREY_PACKET_ENTRIES 254u
#define GREY_LOGS           1024u

struct heap;

struct grey_packet {
        _Atomic(struct grey_packet *) next;
        bool is_log; /* goes back to the mutators' pool when it is empty */
        uint32_t n;
        uint64_t entries[GREY_PACKET_ENTRIES];
};

struct grey_logs {
        struct grey_packet *memory; /* GREY_LOGS packets, touched when used */
        uint32_t capacity;          /* entries in use of each */
        _Atomic uint64_t free;      /* stack of empty ones: tag << 32 | index + 1 */
        _Atomic(struct grey_packet *) filled;
        _Atomic bool overflowed; /* a page was flagged since somebody last asked */
};

int grey_logs_init(struct grey_logs *logs, uint32_t capacity);
void grey_logs_deinit(struct grey_logs *logs);

/* Enters an object that a store has just marked, whatever happens. `*log` is the mutator's packet.
 */
void grey_log(struct grey_logs *logs, struct heap *heap, struct grey_packet **log, uint64_t offset);
void grey_logs_push(struct grey_logs *logs, struct grey_packet *log);

/* Flags the page of an object that found no place in a queue. */
void grey_logs_flag(struct grey_logs *logs, struct heap *heap, uint64_t offset);

/* Everything handed over so far, as a chain; the packets come back by grey_logs_release(). */
struct grey_packet *grey_logs_take_all(struct grey_logs *logs);
void grey_logs_release(struct grey_logs *logs, struct grey_packet *packet);

/* After the end of marking nobody can have shaded anything: whatever a store overwrites is marked.
 */
void grey_logs_assert_empty(struct grey_logs *logs);

/* Whether shaded objects wait that no marking thread has. Exact once every mutator has handed over.
 */
bool grey_logs_pending(struct grey_logs *logs);
/* True once after pages were flagged: somebody has to look for them. */
bool grey_logs_take_overflowed(struct grey_logs *logs);
