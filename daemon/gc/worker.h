/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Worker: the collector's threads. They sleep until the controller hands them a job, which all of
 * them run once, side by side.
 *
 * Owns:     the threads. Threads: workers_run() is called by the controller only.
 * Failure:  workers_start() returns -EAGAIN when the kernel gives no thread; none is then left
 * behind.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "gc/gc.h"

typedef void worker_job_fn(void *user, unsigned worker);

struct worker_pool;

struct worker {
        struct worker_pool *pool;
        pthread_t thread;
        unsigned index;
};

struct worker_pool {
        pthread_mutex_t lock;
        pthread_cond_t start, done;
        worker_job_fn *job;
        void *user;
        uint64_t n_jobs; /* handed out so far */
        uint64_t cpu_ns; /* spent on jobs, all threads */
        unsigned n_workers, n_busy;
        bool stopping;
        struct worker workers[GC_WORKERS_MAX];
};

int workers_start(struct worker_pool *pool, unsigned n_workers);
void workers_stop(struct worker_pool *pool);

/* Runs the job on every worker and waits for all. */
void workers_run(struct worker_pool *pool, worker_job_fn *job, void *user);
/* CPU time that jobs have taken so far. Between jobs, on the thread that runs them. */
uint64_t workers_cpu_ns(const struct worker_pool *pool);
