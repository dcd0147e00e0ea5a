/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Handle: numbers that a session has bound to objects, each a strong root.
 *
 * Numbers 1 to 2^31-1 are the client's to choose; those with the top bit set are picked here.
 * Wherever a call takes `into`, 0 asks for such a pick. Sparse use is charged by the page: at most
 * handles_max / HANDLE_PAGE_MIN pages (and a few) of chosen numbers may exist, and as many of
 * picked ones, whose range is so short that they need no more however few of them stay.
 *
 * Threads: the executor, inside a request.
 * Failure: binding a number in use is STORE_E_EXISTS and leaves it as it was; STORE_E_LIMIT,
 *          STORE_E_NOMEM, STORE_E_BAD_REQUEST for a number with the top bit set.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/session.h"
#include "store/vector.h"

#define HANDLE_PICKED   (UINT32_C(1) << 31)
#define HANDLE_PAGE_MIN 64u
#define HANDLE_PICKS    7u /* times handles_max: the range of picked numbers */

_Static_assert(HANDLE_PICKS *HANDLE_PAGE_MIN < VECTOR_FANOUT, "picking never fails for its pages");

int handle_dup(struct session *session, struct target target, uint32_t into, uint32_t *ret_handle);

/* False if the number was not bound. A broken number becomes unused, and counts as dropped. */
bool handle_drop(struct session *session, uint32_t handle);

int handle_same(struct session *session, struct target one, struct target other, bool *ret_same);
