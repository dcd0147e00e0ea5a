/* SPDX-License-Identifier: MIT */
#include "stats/cycle_log.h"

#include <string.h>

void cycle_log_init(struct cycle_log *log)
{
        memset(log, 0, sizeof(*log));
        pthread_mutex_init(&log->lock, NULL);
}

void cycle_log_deinit(struct cycle_log *log)
{
        pthread_mutex_destroy(&log->lock);
}

void cycle_log_add(struct cycle_log *log, const struct gc_cycle *cycle, uint64_t end_real_ns)
{
        pthread_mutex_lock(&log->lock);
        log->cycles[log->n % CYCLE_LOG_MAX] = *cycle;
        log->pauses[log->n % CYCLE_LOG_PAUSES] = (struct cycle_pause){
                .longest_ns = cycle->handshakes.longest_ns, .end_real_ns = end_real_ns};
        log->n++;
        pthread_mutex_unlock(&log->lock);
}

unsigned cycle_log_copy(struct cycle_log *log, struct gc_cycle ret_cycles[static CYCLE_LOG_MAX])
{
        unsigned n;

        pthread_mutex_lock(&log->lock);
        n = log->n < CYCLE_LOG_MAX ? (unsigned)log->n : CYCLE_LOG_MAX;
        for (unsigned i = 0; i < n; i++) {
                ret_cycles[i] = log->cycles[(log->n - n + i) % CYCLE_LOG_MAX];
        }
        pthread_mutex_unlock(&log->lock);
        return n;
}

void cycle_log_copy_pauses(struct cycle_log *log,
                           struct cycle_pause ret_pauses[static CYCLE_LOG_PAUSES])
{
        pthread_mutex_lock(&log->lock);
        memcpy(ret_pauses, log->pauses, sizeof(log->pauses));
        pthread_mutex_unlock(&log->lock);
}
