/* SPDX-License-Identifier: MIT */

/* How workers share a core: they start on spare time, who gets too little of it takes turns, and
 * tries spare time again. A worker that sleeps looks just like one that nobody lets run. */

#include <sched.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "gc/worker.h"
#include "support/unit.h"

static struct worker_pool pool;

static void nap(void)
{
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Whether whoever runs the tests may do what an administrator's daemon may. */
static bool has_right(void)
{
        return atomic_load(&pool.manner) != WORKER_NICE;
}

static void start(unsigned n_workers)
{
        cr_assert_eq(workers_start(&pool, n_workers), 0);
}

static _Atomic unsigned n_began;

static void begin_job(void *user, struct worker *worker)
{
        (void)user, (void)worker;
        n_began++;
}

Test(worker, runs_a_job_once_on_each_thread)
{
        start(3);
        n_began = 0;
        workers_run(&pool, begin_job, NULL, NULL);
        cr_assert_eq(n_began, 3u);
        workers_run(&pool, begin_job, NULL, NULL);
        cr_assert_eq(n_began, 6u);
        workers_stop(&pool);
}

/* Ends when it has been given turns, and spare time again: for ever, were it not. */
static void starve_job(void *user, struct worker *worker)
{
        unsigned *n_manners = user;

        (void)worker;
        if (!has_right()) {
                return;
        }
        while (sched_getscheduler(0) != SCHED_OTHER) {
                nap();
        }
        while (sched_getscheduler(0) != SCHED_IDLE) {
                nap();
        }
        ++*n_manners;
}

Test(worker, gets_turns_when_it_gets_no_time)
{
        unsigned n_manners = 0;

        start(1);
        for (int i = 0; i < 2; i++) {
                workers_run(&pool, starve_job, &n_manners, NULL);
        }
        cr_assert_eq(n_manners, has_right() ? 2u : 0u);
        workers_stop(&pool);
}

static _Atomic unsigned n_waiting;

/* One waits for the other, which computes: nobody is kept from anything. */
static void wait_job(void *user, struct worker *worker)
{
        bool *starved = user;
        uint64_t end_ns = clock_now_ns() + 100000000, mine_ns = clock_thread_cpu_ns(), got_ns;

        if (worker->index == 0) {
                while (clock_now_ns() < end_ns) {
                        nap();
                }
                return;
        }
        while (clock_now_ns() < end_ns) {
                worker_turn(worker);
        }
        got_ns = clock_thread_cpu_ns() - mine_ns;
        /* On a machine that is in use it may well have been. */
        *starved = atomic_load(&pool.manner) == WORKER_TURNS && got_ns > 90000000;
}

Test(worker, that_waits_for_another_needs_no_time)
{
        bool starved = false;

        start(2);
        n_waiting = 1;
        workers_run(&pool, wait_job, &starved, &n_waiting);
        cr_assert_not(starved);
        workers_stop(&pool);
}

/* Turns are ended by sleep: what it computes is less than the time that goes by. */
static void turns_job(void *user, struct worker *worker)
{
        unsigned *n_pauses = user;

        while (*n_pauses < 10) {
                uint64_t begin_ns = clock_now_ns();

                worker_turn(worker);
                *n_pauses += clock_now_ns() - begin_ns >= 300000;
                if (atomic_load(&pool.manner) == WORKER_NICE) {
                        *n_pauses = 10;
                } else if (atomic_load(&pool.manner) == WORKER_SPARE) {
                        nap(); /* until it is taken for starved */
                }
        }
}

Test(worker, pauses_between_turns)
{
        unsigned n_pauses = 0;

        start(1);
        workers_run(&pool, turns_job, &n_pauses, NULL);
        cr_assert_eq(n_pauses, 10u);
        workers_stop(&pool);
}
