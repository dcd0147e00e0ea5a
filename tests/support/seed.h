/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Seed: the random numbers of tests. seed_init() prints the seed before anything can go wrong;
 * HEAPD_SEED=<that number> replays the run. The generator is SplitMix64: fast, and every seed is a
 * good one.
 *
 * Threads: a struct seed belongs to one; give another thread its own by seed_fork().
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct seed {
        uint64_t state;
};

static inline uint64_t seed_next(struct seed *seed)
{
        uint64_t z = seed->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* Uniform enough for tests; n must not be 0. */
static inline uint64_t seed_below(struct seed *seed, uint64_t n)
{
        return n <= UINT32_MAX ? (seed_next(seed) >> 32) * n >> 32 : seed_next(seed) % n;
}

/* Both ends included. */
static inline int64_t seed_between(struct seed *seed, int64_t low, int64_t high)
{
        return low + (int64_t)seed_below(seed, (uint64_t)(high - low) + 1);
}

static inline bool seed_one_in(struct seed *seed, uint64_t n)
{
        return seed_below(seed, n) == 0;
}

static inline struct seed seed_fork(struct seed *seed)
{
        return (struct seed){.state = seed_next(seed)};
}

static inline void seed_init(struct seed *seed)
{
        const char *given = getenv("HEAPD_SEED");

        if (given) {
                seed->state = strtoull(given, NULL, 0);
        } else if (getentropy(&seed->state, sizeof(seed->state)) < 0) {
                seed->state = (uint64_t)getpid();
        }
        fprintf(stderr, "# seed: HEAPD_SEED=0x%016llx replays this run\n",
                (unsigned long long)seed->state);
}
