/* SPDX-License-Identifier: MIT */
#include "service/systemd.h"

#if HEAPD_SYSTEMD

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

int systemd_take_sockets(systemd_socket_fn *take, void *user)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names), r = 0;

        for (int i = 0; i < n; i++) {
                if (r == 0) {
                        r = take(user, names[i], SD_LISTEN_FDS_START + i);
                }
                free(names[i]);
        }
        free(names);
        return n < 0 ? n : r;
}

void systemd_notify(const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        sd_notify(0, text);
}

/* At half the interval, as sd_watchdog_enabled(3) wants it. */
uint64_t systemd_watchdog_ms(void)
{
        uint64_t interval_us = 0;

        return sd_watchdog_enabled(0, &interval_us) > 0 ? interval_us / 2000 : 0;
}

#else

int systemd_take_sockets(systemd_socket_fn *take, void *user)
{
        return 0;
}

void systemd_notify(const char *format, ...)
{
}

uint64_t systemd_watchdog_ms(void)
{
        return 0;
}

#endif
