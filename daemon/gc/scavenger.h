/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Scavenger: the thread that gives idle pages back to the kernel, in the background and in small
 * steps, and that looks after what the process holds beside the heap when there is a limit.
 *
 * It keeps a tenth above the goal, so that a heap that grows back does not fault every page in
 * anew, and takes a hundredth of one CPU. It does not wait when idle memory stands between the
 * process and its limit, and when somebody asked for all of it.
 *
 * Owns:     its thread. Threads: scavenger_poke() any, also with gc->lock held; the rest as gc.h
 *           says.
 * Failure:  scavenger_start(): -EAGAIN.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gc;

struct scavenger {
        pthread_t thread;
        bool started;
        pthread_mutex_t lock; /* innermost; guards what follows */
        pthread_cond_t wake;
        bool stopping;
        bool poked;                              /* there may be something to do */
        bool all;                                /* and everything is wanted */
        _Atomic uint64_t released_bytes, cpu_ns; /* ever */
};

int scavenger_start(struct scavenger *scavenger, struct gc *gc);
void scavenger_stop(struct scavenger *scavenger);
void scavenger_poke(struct scavenger *scavenger, bool all);
