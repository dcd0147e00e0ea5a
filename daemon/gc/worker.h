/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Worker: the collector's threads. They sleep until the controller hands them a job, which all of
 * them run once, side by side.
 *
 * How they share a core with those who run requests (tests/bench/bench_core_sharing.c compares
 * ways): they take what time is spare (SCHED_IDLE), so that who wakes up does not wait for them at
 * all, and yield every 100 us. If nobody leaves them a quarter of a core each, they take turns at
 * normal priority: 100 us, then 300 us for others. So collecting goes on under any load, and a
 * request waits for about 100 us. To come back from SCHED_IDLE takes the right to (RLIMIT_NICE of
 * 20 or more, CAP_SYS_NICE); without it they stay at nice 5 and yield.
 *
 * Owns:     the threads. Threads: workers_run() is called by the controller only.
 * Failure:  workers_start() returns -EAGAIN when the kernel gives no thread; none is then left
 * behind.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gc/gc.h"

struct worker;

typedef void worker_job_fn(void *user, struct worker *worker);

struct worker_pool;

struct worker {
        struct worker_pool *pool;
        pthread_t thread;
        unsigned index;
        pid_t id;             /* the kernel's; 0 until it runs */
        uint64_t turn_end_ns; /* its own */
};

enum worker_manner {
        WORKER_SPARE, /* runs when nobody else wants the core */
        WORKER_TURNS, /* computes for a turn, sleeps for three */
        WORKER_NICE,  /* has not the right to change between these two */
};

struct worker_pool {
        pthread_mutex_t lock;
        pthread_cond_t start, done;
        worker_job_fn *job;
        void *user;
        uint64_t n_jobs; /* handed out so far */
        uint64_t cpu_ns; /* spent on jobs so far, all threads; written under the lock */
        unsigned n_workers, n_busy;
        bool stopping;
        _Atomic uint32_t manner; /* enum worker_manner; written by the controller */
        uint64_t manner_ns;      /* since when; the controller's */
        uint64_t watched_ns, watched_cpu_ns;
        struct worker workers[GC_WORKERS_MAX];
};

int workers_start(struct worker_pool *pool, unsigned n_workers);
void workers_stop(struct worker_pool *pool);

/* Runs the job on every worker and waits for all. So many of those that have not ended may be
 * waiting for others just now, and need no time; NULL: none ever is. */
void workers_run(struct worker_pool *pool, worker_job_fn *job, void *user,
                 const _Atomic unsigned *n_waiting);

/* On a worker, without a lock, every 50 us or so of its job: lets others have the core. */
void worker_turn(struct worker *worker);
/* CPU time that jobs have taken so far. Between jobs, on the thread that runs them. */
uint64_t workers_cpu_ns(const struct worker_pool *pool);
