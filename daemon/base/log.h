/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Log: one line per event, to the journal under systemd and to stderr elsewhere.
 *
 * Sentence case, no trailing dot, peer text in single ticks and escaped by the caller. The layers
 * proto, heap, gc and store never log: they return, or call a listener.
 *
 * Threads: any. Failure: none; a line that cannot be written is lost.
 */

enum log_level {
        LOG_LEVEL_ERROR = 3, /* syslog's numbers, which the journal prefix <N> uses */
        LOG_LEVEL_WARNING = 4,
        LOG_LEVEL_NOTICE = 5,
        LOG_LEVEL_INFO = 6,
        LOG_LEVEL_DEBUG = 7,
};

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
