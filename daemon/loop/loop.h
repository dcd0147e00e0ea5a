/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Loop: one libuv loop, its mailbox, and the thread that runs it. The daemon has two: the
 * *executor* runs every request, one at a time; the *service* loop has console, HTTP and signals,
 * so that a scrape never delays a client (DESIGN.md D1).
 *
 * Owns:     the uv_loop_t and the mailbox; handles on it belong to who opened them.
 * Threads:  what says so; otherwise the loop's own thread.
 * Failure:  negative errno from loop_init() and loop_start(). Nothing half-done stays.
 */

#include <pthread.h>
#include <uv.h>

#include "loop/mailbox.h"

#define LOOP_LETTERS_MAX 4096u

struct loop {
        uv_loop_t uv;
        struct mailbox mailbox;
        pthread_t thread;
        char name[16];
};

int loop_init(struct loop *loop, const char *name);
/* The loop has ended: every handle on it is closed, which is asserted. */
void loop_deinit(struct loop *loop);

/* Runs it on a thread of its own, or on the caller's, until loop_end() and the last handle's close.
 */
int loop_start(struct loop *loop);
void loop_run(struct loop *loop);
/* Another thread: waits until the loop's own thread has ended. */
void loop_join(struct loop *loop);

/* The loop's thread, or before it runs: no more letters; it ends when all other handles are closed.
 */
void loop_end(struct loop *loop);
