/* SPDX-License-Identifier: MIT */
/* The terms of barrier.pml in which a record is told. */
#include "trace.pml"

int held_set[2]; /* what a request has loaded or made, as bits */
#define HELD(m) held_set[m]

#define GREY_AMONG(a, b, c, d, who)                                                                \
        (grey[a] == (who) || grey[b] == (who) || grey[c] == (who) || grey[d] == (who))
#define ANY_GREY(who)                                                                              \
        (GREY_AMONG(1, 2, 3, 4, who) || GREY_AMONG(5, 6, 7, 8, who) ||                             \
         GREY_AMONG(9, 10, 11, 12, who) || GREY_AMONG(13, 14, 15, 16, who) ||                      \
         GREY_AMONG(17, 18, 19, 20, who) || GREY_AMONG(21, 22, 23, 24, who))
#define SAW_STORE(m) (IS_ARMED(m) -> SAW_EXCHANGED : SAW_STORED)
#define IS_STORE(m)                                                                                \
        (ready[m] && (next_transition[m] == SAW_EXCHANGED || next_transition[m] == SAW_STORED))
#define HAS_LOG(m)   (level[m] == ARMED && ANY_GREY((m) + 1))
#define HOLDS(m, o)  ((o) == 0 || (held_set[m] >> (o)) & 1)
