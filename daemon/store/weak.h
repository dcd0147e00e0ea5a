/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Weak: the method that only weak references have. A weak reference refers to one object without
 * keeping it alive; nothing ever makes it refer to another.
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h; all or nothing.
 */

#include "store/session.h"

/* The object, bound to `into`, or nil if it is dead; and once nil always nil. */
int weak_get(struct session *session, struct target target, uint32_t into, struct value *ret_value);
