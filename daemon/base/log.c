/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic int log_level_max = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
        atomic_store_explicit(&log_level_max, (int)level, memory_order_relaxed);
}

/* systemd sets JOURNAL_STREAM when stderr is the journal: a "<N>" prefix then carries the level. */
void log_line(enum log_level level, const char *format, ...)
{
        char line[1024];
        int saved_errno = errno;
        int n = 0;
        va_list ap;

        if ((int)level > atomic_load_explicit(&log_level_max, memory_order_relaxed)) {
                return;
        }
        if (getenv("JOURNAL_STREAM")) {
                n = snprintf(line, sizeof(line), "<%d>", (int)level);
        } else {
                n = snprintf(line, sizeof(line), "heapd: ");
        }
        va_start(ap, format);
        n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
        va_end(ap);
        if ((size_t)n > sizeof(line) - 2) {
                n = sizeof(line) - 2;
        }
        line[n++] = '\n';
        /* One write, so that lines of several threads do not mix. */
        if (write(STDERR_FILENO, line, (size_t)n) < 0) {
                (void)0;
        }
        errno = saved_errno;
}
