/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Mailbox: how another thread asks a loop's thread to do something. A letter is embedded in what it
 * is about; posting allocates nothing. Every letter that was accepted is delivered exactly once, in
 * order, also when the mailbox closes; posting one that still waits is the same posting.
 *
 * Owns:     nothing; a letter is the mailbox's from mailbox_post() to its delivery.
 * Threads:  mailbox_post() any; the rest is the loop's own thread, or nobody else's yet.
 * Failure:  mailbox_post() says when it is full or closed; the letter then stays the caller's.
 */

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

enum { _MAILBOX_E_SUCCESS, MAILBOX_E_FULL, MAILBOX_E_CLOSED };

struct letter {
        void (*deliver)(struct letter *letter); /* on the loop's thread */
        struct letter *next;                    /* the rest is the mailbox's */
        bool posted;
};

struct mailbox {
        uv_async_t async;
        pthread_mutex_t lock; /* everything below */
        struct letter *first;
        struct letter **last;
        unsigned n_letters;
        unsigned n_letters_max;
        bool closed;
};

int mailbox_open(struct mailbox *mailbox, uv_loop_t *uv, unsigned n_letters_max);
/* Delivers what waits and takes nothing more. The memory is free once the loop has ended. */
void mailbox_close(struct mailbox *mailbox);
void mailbox_deinit(struct mailbox *mailbox);

int mailbox_post(struct mailbox *mailbox, struct letter *letter);
