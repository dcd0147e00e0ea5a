/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Value: from the wire's view of a value to the public one. The value must be whole (reader_take):
 * what is borrowed lives as long as the message's bytes. Pure; cannot fail.
 */

#include "client/include/heapd.h"
#include "proto/reader.h"

struct heapd_value value_from_wire(const struct wire_value *wire);
