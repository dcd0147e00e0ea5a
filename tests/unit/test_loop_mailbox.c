/* SPDX-License-Identifier: MIT */
/* The mailbox: letters posted by several threads arrive once each, in order, up to its bound. */
#include "loop/loop.h"

#include "support/unit.h"

enum { N_THREADS = 4, N_LETTERS = 20000, N_BOUND = 8 };

struct note {
        struct letter letter; /* first */
        struct loop *loop;
        _Atomic unsigned n_delivered;
        unsigned value;
        unsigned *last;
};

static void deliver_count(struct letter *letter)
{
        ((struct note *)letter)->n_delivered++;
}

static void deliver_end(struct letter *letter)
{
        loop_end(((struct note *)letter)->loop);
}

static void deliver_order(struct letter *letter)
{
        struct note *note = (struct note *)letter;

        cr_assert_eq(note->value, *note->last + 1);
        *note->last = note->value;
}

static void *post_many(void *user)
{
        struct note *note = user;

        for (unsigned i = 0; i < N_LETTERS; i++) {
                unsigned before = note->n_delivered;

                while (mailbox_post(&note->loop->mailbox, &note->letter) == MAILBOX_E_FULL) {
                }
                while (note->n_delivered == before) {
                        sched_yield();
                }
        }
        return NULL;
}

Test(loop_mailbox, letters_of_several_threads_are_delivered_once_each)
{
        struct note notes[N_THREADS] = {0}, end = {.letter.deliver = deliver_end};
        pthread_t threads[N_THREADS];
        struct loop loop;

        cr_assert_eq(loop_init(&loop, "test"), 0);
        cr_assert_eq(loop_start(&loop), 0);
        for (unsigned i = 0; i < N_THREADS; i++) {
                notes[i].letter.deliver = deliver_count;
                notes[i].loop = &loop;
                cr_assert_eq(pthread_create(&threads[i], NULL, post_many, &notes[i]), 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++) {
                pthread_join(threads[i], NULL);
                cr_assert_eq(notes[i].n_delivered, N_LETTERS);
        }
        end.loop = &loop;
        cr_assert_eq(mailbox_post(&loop.mailbox, &end.letter), 0);
        loop_join(&loop);
        cr_assert_eq(mailbox_post(&loop.mailbox, &end.letter), MAILBOX_E_CLOSED);
        loop_deinit(&loop);
}

Test(loop_mailbox, a_letter_that_waits_is_not_delivered_twice)
{
        struct note note = {.letter.deliver = deliver_count}, end = {.letter.deliver = deliver_end};
        struct loop loop;

        cr_assert_eq(loop_init(&loop, "test"), 0);
        end.loop = &loop;
        cr_assert_eq(mailbox_post(&loop.mailbox, &note.letter), 0);
        cr_assert_eq(mailbox_post(&loop.mailbox, &note.letter), 0);
        cr_assert_eq(mailbox_post(&loop.mailbox, &end.letter), 0);
        loop_run(&loop);
        cr_assert_eq(note.n_delivered, 1);
        loop_deinit(&loop);
}

Test(loop_mailbox, its_bound_is_exact_and_closing_delivers_what_waits_in_order)
{
        struct note notes[N_BOUND + 1];
        struct mailbox mailbox;
        unsigned last = 0;
        uv_loop_t uv;

        cr_assert_eq(uv_loop_init(&uv), 0);
        cr_assert_eq(mailbox_open(&mailbox, &uv, N_BOUND), 0);
        for (unsigned i = 0; i <= N_BOUND; i++) {
                notes[i] = (struct note){
                        .letter.deliver = deliver_order, .value = i + 1, .last = &last};
                cr_assert_eq(mailbox_post(&mailbox, &notes[i].letter),
                             i < N_BOUND ? 0 : MAILBOX_E_FULL);
        }
        mailbox_close(&mailbox);
        cr_assert_eq(last, N_BOUND);
        uv_run(&uv, UV_RUN_DEFAULT);
        cr_assert_eq(uv_loop_close(&uv), 0);
        mailbox_deinit(&mailbox);
}
