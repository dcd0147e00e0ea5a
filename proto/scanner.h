/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Scanner: finds the end of each MessagePack-RPC message in a stream of bytes, and enforces every
 * bound on the way, before anything is allocated for the message and before anyone decodes it.
 *
 * It can stop and go on at every byte, keeps no bytes itself, allocates nothing, and passes over
 * the payload of strings in one step. Checked: length of the message, nesting, number of values in
 * the whole message, claimed lengths against what may still come, the reserved byte 0xc1, and that
 * a message starts like a MessagePack-RPC envelope. Not checked: what the values mean (request.h).
 *
 * Owns:     nothing; plain data, one thread at a time.
 * Failure:  a refused stream stays refused; scanner_explain() has the sentence for the peer.
 */

#include <stddef.h>
#include <stdint.h>
#include "proto/limits.h"

enum scanner_outcome {
        SCANNER_MESSAGE, /* a message ends here */
        SCANNER_MORE,    /* all bytes seen, the message goes on */
        SCANNER_E_TEXT,
        SCANNER_E_TLS,
        SCANNER_E_ENVELOPE,
        SCANNER_E_RESERVED,
        SCANNER_E_TOO_LONG,
        SCANNER_E_TOO_DEEP,
        SCANNER_E_TOO_MANY,
        _SCANNER_N,
};

struct scanner {
        uint32_t message_bytes_max;
        uint32_t n_elements; /* values announced so far, the envelope not counted */
        uint64_t n_bytes;    /* of this message, up to and with the last one fed */
        uint64_t n_skip;     /* payload bytes still to pass over */
        uint32_t n_owed;     /* values announced and not begun */
        uint8_t depth;       /* open containers */
        uint8_t n_head;      /* bytes of a value's head kept over a split */
        uint8_t head[6];
        uint8_t outcome;                   /* of the last call */
        uint32_t closes_at[LIMIT_NESTING]; /* a container ends when n_owed falls to this */
};

void scanner_init(struct scanner *scanner, uint32_t message_bytes_max);

/*
 * Looks at `n` further bytes of the stream. SCANNER_MESSAGE: the message ends after *ret_n_used of
 * them, and scanner->n_bytes is its whole length; feed the rest again for the next one.
 * SCANNER_MORE: all are used. Anything else: the stream cannot be read on.
 */
enum scanner_outcome scanner_feed(struct scanner *scanner, const uint8_t *bytes, size_t n,
                                  size_t *ret_n_used);

/* How many bytes must at least still come before the message in hand can end: what to read for. */
size_t scanner_wants(const struct scanner *scanner);

const char *scanner_explain(enum scanner_outcome outcome);
