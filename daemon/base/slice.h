/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Slice: how long the calling thread wants to run before others get the core. Who asks for less
 * than the one that runs, and has had no more than a fair share, gets the core at once when it
 * wakes up: Linux from 6.12 on; before, it changes nothing. Takes no privilege. Failure: none that
 * matters.
 */

#include <stdint.h>

void slice_request(uint64_t slice_ns);
