/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"

struct sip_state {
        uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
        return (x << n) | (x >> (64 - n));
}

static inline void sip_rounds(struct sip_state *s, int n)
{
        while (n-- > 0) {
                s->v0 += s->v1;
                s->v1 = rotl(s->v1, 13) ^ s->v0;
                s->v0 = rotl(s->v0, 32);
                s->v2 += s->v3;
                s->v3 = rotl(s->v3, 16) ^ s->v2;
                s->v0 += s->v3;
                s->v3 = rotl(s->v3, 21) ^ s->v0;
                s->v2 += s->v1;
                s->v1 = rotl(s->v1, 17) ^ s->v2;
                s->v2 = rotl(s->v2, 32);
        }
}

static inline uint64_t siphash(const struct siphash_key *key, const uint8_t *p, size_t n, int c,
                               int d)
{
        struct sip_state s = {
                .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
                .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
                .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
                .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
        };
        uint64_t last = (uint64_t)n << 56;
        uint64_t m;

        for (; n >= 8; p += 8, n -= 8) {
                memcpy(&m, p, 8);
                m = le64toh(m);
                s.v3 ^= m;
                sip_rounds(&s, c);
                s.v0 ^= m;
        }
        for (size_t i = 0; i < n; i++) {
                last |= (uint64_t)p[i] << (8 * i);
        }
        s.v3 ^= last;
        sip_rounds(&s, c);
        s.v0 ^= last;
        s.v2 ^= 0xff;
        sip_rounds(&s, d);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t n_bytes)
{
        return siphash(key, bytes, n_bytes, 1, 3);
}

uint64_t siphash24(const struct siphash_key *key, const void *bytes, size_t n_bytes)
{
        return siphash(key, bytes, n_bytes, 2, 4);
}

void siphash_key_random(struct siphash_key *key)
{
        ssize_t n = getrandom(key, sizeof(*key), 0);

        hd_assert(n == (ssize_t)sizeof(*key));
}
