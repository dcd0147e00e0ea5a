/* SPDX-License-Identifier: MIT */
#include "loop/mailbox.h"

#include "base/assert.h"

static void mailbox_deliver(struct mailbox *mailbox)
{
        struct letter *letter;

        pthread_mutex_lock(&mailbox->lock);
        letter = mailbox->first;
        mailbox->first = NULL;
        mailbox->last = &mailbox->first;
        mailbox->n_letters = 0;
        pthread_mutex_unlock(&mailbox->lock);

        while (letter) {
                struct letter *next = letter->next;

                /* From here on it may be posted again, or freed, by its own delivery. */
                pthread_mutex_lock(&mailbox->lock);
                letter->posted = false;
                pthread_mutex_unlock(&mailbox->lock);
                letter->deliver(letter);
                letter = next;
        }
}

static void mailbox_on_async(uv_async_t *async)
{
        mailbox_deliver(async->data);
}

int mailbox_open(struct mailbox *mailbox, uv_loop_t *uv, unsigned n_letters_max)
{
        int r;

        *mailbox = (struct mailbox){.n_letters_max = n_letters_max, .closed = true};
        r = uv_async_init(uv, &mailbox->async, mailbox_on_async);
        if (r < 0) {
                return r;
        }
        mailbox->async.data = mailbox;
        mailbox->last = &mailbox->first;
        mailbox->closed = false;
        pthread_mutex_init(&mailbox->lock, NULL);
        return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
        pthread_mutex_lock(&mailbox->lock);
        hd_assert(!mailbox->closed);
        mailbox->closed = true;
        pthread_mutex_unlock(&mailbox->lock);
        uv_close((uv_handle_t *)&mailbox->async, NULL);
        mailbox_deliver(mailbox);
}

void mailbox_deinit(struct mailbox *mailbox)
{
        hd_assert(mailbox->closed && !mailbox->first);
        pthread_mutex_destroy(&mailbox->lock);
}

int mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
        int r = 0;

        pthread_mutex_lock(&mailbox->lock);
        if (mailbox->closed) {
                r = MAILBOX_E_CLOSED;
        } else if (letter->posted) {
                r = 0;
        } else if (mailbox->n_letters == mailbox->n_letters_max) {
                r = MAILBOX_E_FULL;
        } else {
                letter->posted = true;
                letter->next = NULL;
                *mailbox->last = letter;
                mailbox->last = &letter->next;
                mailbox->n_letters++;
                /* Under the lock: after it the async handle may be closing. */
                uv_async_send(&mailbox->async);
        }
        pthread_mutex_unlock(&mailbox->lock);
        return r;
}
