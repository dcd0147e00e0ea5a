/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Prometheus: a snapshot as exposition text 0.0.4, from metrics.def.
 *
 * Threads: pure. Failure: none; the text is always shorter than PROMETHEUS_BYTES_MAX.
 */

#include <stddef.h>

#include "stats/snapshot.h"

#define PROMETHEUS_BYTES_MAX (64u << 10)
#define PROMETHEUS_TYPE      "text/plain; version=0.0.4; charset=utf-8"

/* Returns the length. */
size_t prometheus_format(char text[static PROMETHEUS_BYTES_MAX], const struct snapshot *snapshot);
