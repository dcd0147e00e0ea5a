/* SPDX-License-Identifier: MIT */
/*
 * The scanner must say the same of a stream however it is cut, and what it calls a message must be
 * one for the reader. The first byte of the input chooses the cuts.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/reader.h"
#include "proto/scanner.h"

enum { MESSAGE_BYTES = 4096, ENDS_MAX = 256 };

struct reading {
        enum scanner_outcome outcome;
        unsigned n_ends;
        size_t ends[ENDS_MAX]; /* where messages ended, as long as there is room */
};

static void demand(int holds)
{
        if (!holds) {
                abort();
        }
}

/* Cuts after 1 + (cut >> 5i) % 32 bytes, in turn; cut 0 does not cut. */
static struct reading read_stream(const uint8_t *bytes, size_t n, unsigned cut)
{
        struct reading reading = {.outcome = SCANNER_MORE};
        struct scanner scanner;
        unsigned state = cut;

        scanner_init(&scanner, MESSAGE_BYTES);
        for (size_t at = 0; at < n && reading.outcome <= SCANNER_MORE;) {
                size_t n_piece = n - at;
                size_t n_used;

                state = state * 75 + 74;
                if (cut && n_piece > 1 + state % cut) {
                        n_piece = 1 + state % cut;
                }
                reading.outcome = scanner_feed(&scanner, bytes + at, n_piece, &n_used);
                demand(n_used <= n_piece);
                demand(reading.outcome != SCANNER_MORE || n_used == n_piece);
                demand(reading.outcome > SCANNER_MORE || scanner.n_bytes <= MESSAGE_BYTES);
                at += n_used;
                if (reading.outcome == SCANNER_MESSAGE) {
                        if (reading.n_ends < ENDS_MAX) {
                                reading.ends[reading.n_ends] = at;
                        }
                        reading.n_ends++;
                }
        }
        return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct reading whole;
        struct reading cut;
        size_t began = 0;

        if (!n) {
                return 0;
        }
        whole = read_stream(bytes + 1, n - 1, 0);
        cut = read_stream(bytes + 1, n - 1, 1 + bytes[0] % 32);
        demand(whole.outcome == cut.outcome);
        demand(whole.n_ends == cut.n_ends);
        for (unsigned i = 0; i < whole.n_ends && i < ENDS_MAX; i++) {
                struct wire_value value;
                struct reader reader;

                demand(whole.ends[i] == cut.ends[i]);
                reader_init(&reader, bytes + 1 + began, whole.ends[i] - began);
                demand(reader_take(&reader, &value));
                demand(reader.at == reader.end);
                began = whole.ends[i];
        }
        return 0;
}
