/* SPDX-License-Identifier: MIT */
/*
 * SipHash: 2-4 against the vectors of the paper and its reference code; 1-3, which shares every
 * line with it but the round counts, against independently computed values.
 */
#include "base/siphash.h"

#include <string.h>

#include "support/unit.h"

static const struct siphash_key paper_key = {
        .k0 = UINT64_C(0x0706050403020100),
        .k1 = UINT64_C(0x0f0e0d0c0b0a0908),
};

/* The message of n bytes is 0, 1, 2, ... n - 1. */
static const struct {
        size_t n_bytes;
        uint64_t hash24;
        uint64_t hash13;
} vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0xabac0158050fc4dc)},
        {1, UINT64_C(0x74f839c593dc67fd), UINT64_C(0xc9f49bf37d57ca93)},
        {2, UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x82cb9b024dc7d44d)},
        {7, UINT64_C(0xab0200f58b01d137), UINT64_C(0xd3927d989bb11140)},
        {8, UINT64_C(0x93f5f5799a932462), UINT64_C(0x369095118d299a8e)},
        {15, UINT64_C(0xa129ca6149be45e5), UINT64_C(0xd320d86d2a519956)},
        {16, UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0xcc4fdd1a7d908b66)},
        {63, UINT64_C(0x958a324ceb064572), UINT64_C(0x9d199062b7bbb3a8)},
};

Test(siphash, both_variants_meet_their_vectors)
{
        uint8_t message[64];

        for (size_t i = 0; i < sizeof(message); i++) {
                message[i] = (uint8_t)i;
        }
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
                size_t n = vectors[i].n_bytes;

                cr_assert_eq(siphash24(&paper_key, message, n), vectors[i].hash24, "%zu", n);
                cr_assert_eq(siphash13(&paper_key, message, n), vectors[i].hash13, "%zu", n);
        }
}

Test(siphash, the_place_of_the_message_does_not_matter)
{
        uint8_t buffer[32] = {0};
        uint64_t expected = siphash13(&paper_key, "unaligned reads", 15);

        for (size_t i = 0; i < 8; i++) {
                memcpy(buffer + i, "unaligned reads", 15);
                cr_assert_eq(siphash13(&paper_key, buffer + i, 15), expected, "at %zu", i);
        }
}

Test(siphash, two_random_keys_differ)
{
        struct siphash_key a, b;

        siphash_key_random(&a);
        siphash_key_random(&b);
        cr_assert_neq(siphash13(&a, "x", 1), siphash13(&b, "x", 1));
}
