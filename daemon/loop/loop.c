/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"

#include <signal.h>
#include <stdio.h>

#include "base/assert.h"

int loop_init(struct loop *loop, const char *name)
{
        int r;

        snprintf(loop->name, sizeof(loop->name), "%s", name);
        r = uv_loop_init(&loop->uv);
        if (r < 0) {
                return r;
        }
        r = mailbox_open(&loop->mailbox, &loop->uv, LOOP_LETTERS_MAX);
        if (r < 0) {
                uv_loop_close(&loop->uv);
        }
        return r;
}

void loop_deinit(struct loop *loop)
{
        int r = uv_loop_close(&loop->uv);

        hd_assert(r == 0);
        mailbox_deinit(&loop->mailbox);
}

void loop_run(struct loop *loop)
{
        uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void *loop_main(void *user)
{
        struct loop *loop = user;

        pthread_setname_np(pthread_self(), loop->name);
        loop_run(loop);
        return NULL;
}

int loop_start(struct loop *loop)
{
        sigset_t all, old;
        int r;

        /* Signals are the business of the thread that started us. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&loop->thread, NULL, loop_main, loop);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        return -r;
}

void loop_join(struct loop *loop)
{
        pthread_join(loop->thread, NULL);
}

void loop_end(struct loop *loop)
{
        mailbox_close(&loop->mailbox);
}
