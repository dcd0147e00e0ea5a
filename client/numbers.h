/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Numbers: which handle numbers of a connection are in use. Numbers given back are used again
 * first, so they stay small and dense, as the daemon's paged handle tables like them.
 *
 * Owns:     its two arrays.
 * Threads:  the connection's.
 * Failure:  -ENOMEM; -ENOSPC when NUMBERS_MAX are taken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/limits.h"

enum { NUMBERS_MAX = LIMIT_HANDLES_MAX };

struct numbers {
        uint64_t *taken; /* a bit per number; bit 0 stands for number 1 */
        uint32_t *spare; /* given back, the last one on top */
        uint32_t n_spare;
        uint32_t n_ever;  /* 1 .. n_ever have been taken at least once */
        uint32_t n_words; /* of `taken` */
};

void numbers_deinit(struct numbers *numbers);

int numbers_take(struct numbers *numbers, uint32_t *ret_number);

/* False, and nothing changes, if it was not taken here: the daemon's own choice, or given back. */
bool numbers_give(struct numbers *numbers, uint32_t number);
