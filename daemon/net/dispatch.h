/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Dispatch: a decoded request, the function that serves it, and the answer.
 *
 * Threads:  the executor, inside a request.
 * Failure:  is an answer to the peer.
 */

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct request;

/* Serves the request, or with `refused` answers what is wrong with it. Returns its units of work.
 */
uint64_t dispatch(struct conn *conn, const struct request *request, bool refused);
