/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Render: values for people, on stdout. Text from the heap is shown so that it cannot steer a
 * terminal. JSON goes on one line when piped and is indented on a terminal.
 */

#include <stdint.h>
#include "client/heapctl/json.h"

void render_json(struct json_object *json);

/* A value as JSON; takes nothing. */
void render_value_json(const struct heapd_value *value);

/* Text as it is, control characters as \xNN. */
void render_text(const char *text, size_t n);

/* One value on one line: strings quoted, references as "reference", containers as JSON. */
void render_value(const struct heapd_value *value);

enum { RENDER_NUMBER_BYTES = 32 };

/* 1,234,567 */
const char *render_count(char buffer[RENDER_NUMBER_BYTES], uint64_t number);

/* 12.3 MiB, 45.6 ms: by the unit that the name of the number ends in; else as a count. */
const char *render_quantity(char buffer[RENDER_NUMBER_BYTES], const struct heapd_value *name,
                            uint64_t number);
