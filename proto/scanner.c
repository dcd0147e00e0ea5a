/* SPDX-License-Identifier: MIT */

#include <string.h>
#include "proto/format.h"
#include "proto/scanner.h"

/*
 * One counter finds the end: n_owed is the number of values announced and not begun. A message owes
 * one; each value pays one, and an array or map owes as many as it claims. The message is over when
 * nothing is owed. A container is over when the debt is back to what it was behind its own head, so
 * a stack of those marks is all that the nesting limit costs.
 *
 * Every value takes at least one byte: n_bytes + n_skip + n_owed is the least that the message can
 * come to, and is compared with the limit at each claim, before a single byte of it has arrived.
 */

void scanner_init(struct scanner *scanner, uint32_t message_bytes_max)
{
        *scanner = (struct scanner){
                .message_bytes_max = message_bytes_max,
                .outcome = SCANNER_MESSAGE,
        };
}

static void scanner_begin(struct scanner *scanner)
{
        scanner->n_bytes = 0;
        scanner->n_elements = 0;
        scanner->n_owed = 1;
        scanner->depth = 0;
        scanner->outcome = SCANNER_MORE;
}

/* What a stream that is not ours most likely is, by its first byte. */
static enum scanner_outcome scanner_first(uint8_t byte)
{
        if (byte == 0x93 || byte == 0x94) {
                return SCANNER_MORE;
        }
        if (byte == 0x16) {
                return SCANNER_E_TLS;
        }
        return (byte >= ' ' && byte < 0x7f) || byte == '\r' || byte == '\n' ? SCANNER_E_TEXT
                                                                            : SCANNER_E_ENVELOPE;
}

static enum scanner_outcome scanner_open(struct scanner *scanner, uint64_t n_children)
{
        if (scanner->depth == LIMIT_NESTING) {
                return SCANNER_E_TOO_DEEP;
        }
        if (n_children > LIMIT_ELEMENTS - scanner->n_elements) {
                return SCANNER_E_TOO_MANY;
        }
        if (n_children) {
                scanner->closes_at[scanner->depth++] = scanner->n_owed;
                scanner->n_owed += (uint32_t)n_children;
                scanner->n_elements += (uint32_t)n_children;
        }
        return SCANNER_MORE;
}

/* Behind a value: is the message still short enough, and which containers are over? */
static enum scanner_outcome scanner_settle(struct scanner *scanner)
{
        if (scanner->n_bytes + scanner->n_skip + scanner->n_owed > scanner->message_bytes_max) {
                return SCANNER_E_TOO_LONG;
        }
        while (scanner->depth && scanner->closes_at[scanner->depth - 1] == scanner->n_owed) {
                scanner->depth--;
        }
        return SCANNER_MORE;
}

/* Accounts for the value whose head is complete. */
static enum scanner_outcome scanner_value(struct scanner *scanner, const struct format_lead *lead,
                                          const uint8_t *head)
{
        uint64_t length = format_length(lead, head);
        enum scanner_outcome outcome = SCANNER_MORE;

        scanner->n_bytes += 1u + lead->n_length;
        scanner->n_owed--;
        if (lead->format == FORMAT_ARRAY) {
                outcome = scanner_open(scanner, length);
        } else if (lead->format == FORMAT_MAP) {
                outcome = scanner_open(scanner, 2 * length);
        } else {
                scanner->n_skip = length + (lead->format == FORMAT_EXT);
        }
        return outcome == SCANNER_MORE ? scanner_settle(scanner) : outcome;
}

/*
 * The common case, values with short heads that are wholly at hand: passes over as many as there
 * are, and stops in front of any that is refused or not of that sort. What they add to the least
 * length of the message is looked at once behind them, which gives the same verdict, since that
 * length only grows.
 */
static size_t scanner_run(struct scanner *scanner, const uint8_t *bytes, size_t n)
{
        uint32_t n_owed = scanner->n_owed;
        unsigned depth = scanner->depth;
        size_t at = 0;

        while (n_owed && at < n) {
                uint8_t byte = bytes[at];
                const struct format_lead *lead = &format_leads[byte];
                uint32_t length = lead->fixed + (uint32_t)(byte & lead->mask);

                if (lead->format < FORMAT_ARRAY) {
                        size_t n_whole = 1u + lead->n_length + (lead->format == FORMAT_EXT);

                        if (lead->n_length > 1 || n_whole + length > n - at) {
                                break;
                        }
                        n_whole += lead->n_length ? bytes[at + 1] : length;
                        if (n_whole > n - at) {
                                break;
                        }
                        at += n_whole;
                        n_owed--;
                } else {
                        length <<= lead->format == FORMAT_MAP;
                        if (lead->n_length || lead->format == FORMAT_RESERVED ||
                            depth == LIMIT_NESTING ||
                            length > LIMIT_ELEMENTS - scanner->n_elements) {
                                break;
                        }
                        at++;
                        n_owed--;
                        scanner->closes_at[depth] = n_owed;
                        depth++;
                        n_owed += length;
                        scanner->n_elements += length;
                }
                while (depth && scanner->closes_at[depth - 1] == n_owed) {
                        depth--;
                }
        }
        scanner->n_owed = n_owed;
        scanner->depth = (uint8_t)depth;
        scanner->n_bytes += at;
        if (at) {
                scanner->outcome = scanner_settle(scanner);
        }
        return at;
}

/* One step: payload, or one head. Returns the bytes used; n > 0. */
static size_t scanner_step(struct scanner *scanner, const uint8_t *bytes, size_t n)
{
        const struct format_lead *lead;
        size_t n_use;

        if (scanner->n_skip) {
                n_use = scanner->n_skip < n ? scanner->n_skip : n;
                scanner->n_skip -= n_use;
                scanner->n_bytes += n_use;
                return n_use;
        }
        n_use = scanner->n_head ? 0 : scanner_run(scanner, bytes, n);
        if (n_use) {
                return n_use;
        }
        lead = &format_leads[scanner->n_head ? scanner->head[0] : bytes[0]];
        if (lead->format == FORMAT_RESERVED) {
                scanner->outcome = SCANNER_E_RESERVED;
                return 0;
        }
        if (!scanner->n_head && n > lead->n_length) {
                scanner->outcome = scanner_value(scanner, lead, bytes);
                return 1u + lead->n_length;
        }
        n_use = 1u + lead->n_length - scanner->n_head;
        n_use = n_use < n ? n_use : n;
        memcpy(scanner->head + scanner->n_head, bytes, n_use);
        scanner->n_head += (uint8_t)n_use;
        if (scanner->n_head == 1u + lead->n_length) {
                scanner->n_head = 0;
                scanner->outcome = scanner_value(scanner, lead, scanner->head);
        }
        return n_use;
}

enum scanner_outcome scanner_feed(struct scanner *scanner, const uint8_t *bytes, size_t n,
                                  size_t *ret_n_used)
{
        size_t at = 0;

        if (scanner->outcome == SCANNER_MESSAGE && n) {
                scanner_begin(scanner);
                scanner->outcome = scanner_first(bytes[0]);
        }
        while (scanner->outcome == SCANNER_MORE && at < n) {
                at += scanner_step(scanner, bytes + at, n - at);
                if (scanner->outcome == SCANNER_MORE && !scanner->n_owed && !scanner->n_skip) {
                        scanner->outcome = SCANNER_MESSAGE;
                }
        }
        *ret_n_used = at;
        return !n && scanner->outcome == SCANNER_MESSAGE ? SCANNER_MORE : scanner->outcome;
}

size_t scanner_wants(const struct scanner *scanner)
{
        unsigned n_head = scanner->n_head ? format_leads[scanner->head[0]].n_length + 1u : 0;

        if (scanner->outcome != SCANNER_MORE) {
                return scanner->outcome == SCANNER_MESSAGE;
        }
        /* A value whose head is still incomplete is owed, and counted by what its head lacks. */
        return scanner->n_skip + scanner->n_owed + (n_head ? n_head - scanner->n_head - 1u : 0);
}

const char *scanner_explain(enum scanner_outcome outcome)
{
        static const char *const sentences[_SCANNER_N] = {
                [SCANNER_MESSAGE] = "a whole message",
                [SCANNER_MORE] = "the message goes on",
                [SCANNER_E_TEXT] =
                        "this is not MessagePack-RPC but text: HTTP and the console have "
                        "sockets of their own",
                [SCANNER_E_TLS] = "this is not MessagePack-RPC but TLS, which heapd does not speak",
                [SCANNER_E_ENVELOPE] =
                        "this is not MessagePack-RPC: a message is an array of 3 or 4 "
                        "elements and starts with byte 0x93 or 0x94",
                [SCANNER_E_RESERVED] = "this is not MessagePack: it never uses byte 0xc1",
                [SCANNER_E_TOO_LONG] = "the message is longer than the limit message_bytes",
                [SCANNER_E_TOO_DEEP] = "arrays and maps are nested deeper than the limit nesting",
                [SCANNER_E_TOO_MANY] = "the message has more values than the limit elements",
        };

        return sentences[outcome];
}
