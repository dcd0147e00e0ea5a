/* SPDX-License-Identifier: MIT */
#include "gc/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

static void *worker_main(void *user)
{
        struct worker *worker = user;
        struct worker_pool *pool = worker->pool;
        uint64_t n_seen = 0;
        char name[16];

        snprintf(name, sizeof(name), "gc-worker-%u", worker->index);
        pthread_setname_np(pthread_self(), name);
        /* Whoever runs requests on this core comes first: at normal priority a worker keeps it for
         * a scheduler tick, and clients wait milliseconds. No privilege is needed to be nice. */
        setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
        pthread_mutex_lock(&pool->lock);
        for (;;) {
                uint64_t cpu_ns;

                while (!pool->stopping && pool->n_jobs == n_seen) {
                        pthread_cond_wait(&pool->start, &pool->lock);
                }
                if (pool->stopping) {
                        break;
                }
                n_seen = pool->n_jobs;
                pthread_mutex_unlock(&pool->lock);
                cpu_ns = clock_thread_cpu_ns();
                pool->job(pool->user, worker->index);
                cpu_ns = clock_thread_cpu_ns() - cpu_ns;
                pthread_mutex_lock(&pool->lock);
                pool->cpu_ns += cpu_ns;
                if (--pool->n_busy == 0) {
                        pthread_cond_signal(&pool->done);
                }
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

int workers_start(struct worker_pool *pool, unsigned n_workers)
{
        memset(pool, 0, sizeof(*pool));
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->start, NULL);
        pthread_cond_init(&pool->done, NULL);
        for (; pool->n_workers < n_workers; pool->n_workers++) {
                struct worker *worker = &pool->workers[pool->n_workers];

                worker->pool = pool;
                worker->index = pool->n_workers;
                if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
                        workers_stop(pool);
                        return -EAGAIN;
                }
        }
        return 0;
}

void workers_stop(struct worker_pool *pool)
{
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->start);
        pthread_mutex_unlock(&pool->lock);
        for (unsigned i = 0; i < pool->n_workers; i++) {
                pthread_join(pool->workers[i].thread, NULL);
        }
        pool->n_workers = 0;
        pthread_cond_destroy(&pool->done);
        pthread_cond_destroy(&pool->start);
        pthread_mutex_destroy(&pool->lock);
}

void workers_run(struct worker_pool *pool, worker_job_fn *job, void *user)
{
        pthread_mutex_lock(&pool->lock);
        pool->job = job;
        pool->user = user;
        pool->n_busy = pool->n_workers;
        pool->n_jobs++;
        pthread_cond_broadcast(&pool->start);
        while (pool->n_busy > 0) {
                pthread_cond_wait(&pool->done, &pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
}

uint64_t workers_cpu_ns(const struct worker_pool *pool)
{
        return pool->cpu_ns;
}
