/* SPDX-License-Identifier: MIT */
#include "gc/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"

#define WORKER_TURN_NS  (UINT64_C(100) * 1000)
#define WORKER_PAUSE_NS (3 * WORKER_TURN_NS)
#define WORKER_WATCH_NS (UINT64_C(10) * 1000 * 1000)
#define WORKER_TRY_NS   (10 * WORKER_WATCH_NS) /* of turns, before spare time is tried again */

enum { WORKER_SHARE = 4, WORKER_NICENESS = 5 };

/* If refused, it stays as it is: slower, or ruder, but right. */
static void worker_take_policy(const struct worker *worker, enum worker_manner manner)
{
        const struct sched_param none = {0};

        sched_setscheduler(worker->id, manner == WORKER_SPARE ? SCHED_IDLE : SCHED_OTHER, &none);
}

/* On a new worker: whether it could come back from SCHED_IDLE. */
static bool worker_has_right(void)
{
        const struct sched_param none = {0};

        return setpriority(PRIO_PROCESS, (id_t)gettid(), 1) == 0 &&
               setpriority(PRIO_PROCESS, (id_t)gettid(), 0) == 0 &&
               sched_setscheduler(0, SCHED_IDLE, &none) == 0;
}

static void worker_begin(struct worker *worker)
{
        struct worker_pool *pool = worker->pool;
        char name[16];

        snprintf(name, sizeof(name), "gc-worker-%u", worker->index);
        pthread_setname_np(pthread_self(), name);
        prctl(PR_SET_TIMERSLACK, 1UL); /* the default is half a turn */
        slice_request(WORKER_TURN_NS); /* with it a turn begins when it is due */
        worker->id = gettid();
        if (!worker_has_right()) {
                setpriority(PRIO_PROCESS, (id_t)worker->id, WORKER_NICENESS);
                atomic_store_explicit(&pool->manner, WORKER_NICE, memory_order_relaxed);
        }
}

void worker_turn(struct worker *worker)
{
        const struct timespec pause = {.tv_nsec = WORKER_PAUSE_NS};

        if (clock_now_ns() < worker->turn_end_ns) {
                return;
        }
        if (atomic_load_explicit(&worker->pool->manner, memory_order_relaxed) == WORKER_TURNS) {
                clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        } else {
                sched_yield();
        }
        worker->turn_end_ns = clock_now_ns() + WORKER_TURN_NS;
}

static void *worker_main(void *user)
{
        struct worker *worker = user;
        struct worker_pool *pool = worker->pool;
        uint64_t n_seen = 0;

        pthread_mutex_lock(&pool->lock);
        worker_begin(worker);
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
                pool->job(pool->user, worker);
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
        pthread_condattr_t attributes;

        memset(pool, 0, sizeof(*pool));
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->start, NULL);
        pthread_cond_init(&pool->done, &attributes);
        pthread_condattr_destroy(&attributes);
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

/* What all threads have computed until now, in this job and before. */
static uint64_t workers_read_cpu_ns(const struct worker_pool *pool)
{
        uint64_t cpu_ns = 0;

        for (unsigned i = 0; i < pool->n_workers; i++) {
                clockid_t clock;

                if (pthread_getcpuclockid(pool->workers[i].thread, &clock) == 0) {
                        cpu_ns += clock_read_ns(clock);
                }
        }
        return cpu_ns;
}

static void workers_change_manner_locked(struct worker_pool *pool, enum worker_manner manner)
{
        atomic_store_explicit(&pool->manner, manner, memory_order_relaxed);
        pool->manner_ns = pool->watched_ns;
        for (unsigned i = 0; i < pool->n_workers; i++) {
                if (pool->workers[i].id) {
                        worker_take_policy(&pool->workers[i], manner);
                }
        }
}

/* Did those who have work get their share since the last look? */
static void workers_watch_locked(struct worker_pool *pool, const _Atomic unsigned *n_waiting)
{
        uint64_t now_ns = clock_now_ns(), cpu_ns = workers_read_cpu_ns(pool);
        uint64_t wall_ns = now_ns - pool->watched_ns, got_ns = cpu_ns - pool->watched_cpu_ns;
        unsigned n_idle = n_waiting ? atomic_load_explicit(n_waiting, memory_order_relaxed) : 0;
        unsigned n = pool->n_busy > n_idle ? pool->n_busy - n_idle : 0;
        uint32_t manner = atomic_load_explicit(&pool->manner, memory_order_relaxed);

        pool->watched_ns = now_ns;
        pool->watched_cpu_ns = cpu_ns;
        if (manner == WORKER_SPARE && got_ns * WORKER_SHARE < wall_ns * n) {
                workers_change_manner_locked(pool, WORKER_TURNS);
        } else if (manner == WORKER_TURNS && now_ns - pool->manner_ns >= WORKER_TRY_NS) {
                workers_change_manner_locked(pool, WORKER_SPARE);
        }
}

void workers_run(struct worker_pool *pool, worker_job_fn *job, void *user,
                 const _Atomic unsigned *n_waiting)
{
        pthread_mutex_lock(&pool->lock);
        pool->job = job;
        pool->user = user;
        pool->n_busy = pool->n_workers;
        pool->n_jobs++;
        pool->watched_ns = clock_now_ns();
        pool->watched_cpu_ns = workers_read_cpu_ns(pool);
        pthread_cond_broadcast(&pool->start);
        while (pool->n_busy > 0) {
                uint64_t look_ns = pool->watched_ns + WORKER_WATCH_NS;
                const struct timespec until = {
                        .tv_sec = (time_t)(look_ns / 1000000000u),
                        .tv_nsec = (long)(look_ns % 1000000000u),
                };

                if (pthread_cond_timedwait(&pool->done, &pool->lock, &until) == ETIMEDOUT) {
                        workers_watch_locked(pool, n_waiting);
                }
        }
        pthread_mutex_unlock(&pool->lock);
}

uint64_t workers_cpu_ns(const struct worker_pool *pool)
{
        return pool->cpu_ns;
}
