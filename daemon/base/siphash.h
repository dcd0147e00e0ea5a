/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * SipHash-1-3: a keyed hash for tables whose keys a peer chooses. With a secret key nobody outside
 * can find keys that collide (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the
 * 1-3 variant is the one most runtimes chose for hash tables).
 *
 * Threads: pure. Failure: siphash_key_random() cannot fail on a booted Linux; it aborts if it does.
 */

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
        uint64_t k0;
        uint64_t k1;
};

void siphash_key_random(struct siphash_key *key);

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n_bytes);
uint64_t siphash24(const struct siphash_key *key, const void *bytes, size_t n_bytes);
