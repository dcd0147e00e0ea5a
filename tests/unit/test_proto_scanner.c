/* SPDX-License-Identifier: MIT */
/*
 * Scanner: ends of messages at every split point; every bound exactly at and one beyond; hostile
 * claims refused before their bytes arrive (P-1, P-2, P-7, P-42).
 */
#include "proto/scanner.h"

#include <string.h>

#include "support/notation.h"
#include "support/unit.h"

static const char session[] =
        "[0, 1, \"hello\", [{\"proto\": [1, 1], \"client\": \"test\"}]]"
        "[2, \"ping\", []]"
        "[0, 4294967295, \"obj.new\", [\"map\", {1: nil, \"two\": 2.5, 'three': #3, true: {}}]]"
        "[0, 70000, \"array.push\", [#7, [-1, -200, -70000, 5000000000, -5000000000, [[[]]]]]]"
        "[0, 300, \"blob.open\", [{\"bytes\": 'a longer run of bytes than fits a short head'}]]"
        "[1, 5, nil, @-1\"abcdabcd\"]"
        "[0, 9, \"obj.set\", [1, [[@5\"x\", @5\"xxx\"], [@5\"xx\", @5\"xxxxxxxxxxxxxxxx\"]]]]";

enum { SESSION_MESSAGES = 7 };

/* Feeds whole bytes in pieces; returns the last outcome, counts messages and the bytes used. */
static enum scanner_outcome feed(struct scanner *scanner, const uint8_t *bytes, size_t n,
                                 unsigned *n_messages, size_t *n_used)
{
        enum scanner_outcome outcome = SCANNER_MORE;

        for (size_t at = 0; at < n; at += *n_used) {
                outcome = scanner_feed(scanner, bytes + at, n - at, n_used);
                *n_messages += outcome == SCANNER_MESSAGE;
                if (outcome > SCANNER_MORE) {
                        break;
                }
        }
        return outcome;
}

static enum scanner_outcome verdict_of(const void *bytes, size_t n, uint32_t max)
{
        struct scanner scanner;
        unsigned n_messages = 0;
        size_t n_used;

        scanner_init(&scanner, max);
        return feed(&scanner, bytes, n, &n_messages, &n_used);
}

#define verdict(literal) verdict_of(literal, sizeof(literal) - 1, LIMIT_MESSAGE_BYTES)

Test(scanner, finds_every_message_at_every_split_point)
{
        struct writer stream;

        writer_init(&stream, 1u << 20);
        notation_write(&stream, session);
        for (size_t split = 0; split <= stream.n; split++) {
                struct scanner scanner;
                unsigned n_messages = 0;
                size_t n_used;
                enum scanner_outcome outcome;

                scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
                feed(&scanner, stream.bytes, split, &n_messages, &n_used);
                outcome = feed(&scanner, stream.bytes + split, stream.n - split, &n_messages,
                               &n_used);
                cr_assert(split == stream.n || outcome == SCANNER_MESSAGE);
                cr_assert_eq(n_messages, SESSION_MESSAGES, "split at %zu", split);
        }
        writer_deinit(&stream);
}

Test(scanner, byte_by_byte_knows_lengths_and_never_wants_too_much)
{
        struct writer stream;
        struct scanner scanner;
        size_t began = 0;

        writer_init(&stream, 1u << 20);
        notation_write(&stream, session);
        scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
        for (size_t at = 0; at < stream.n;) {
                /* Where wants() points, no message may have ended before. */
                size_t n_wanted = scanner_wants(&scanner);

                cr_assert_gt(n_wanted, 0);
                for (size_t i = 1; i <= n_wanted; i++, at++) {
                        size_t n_used;
                        enum scanner_outcome outcome;

                        outcome = scanner_feed(&scanner, stream.bytes + at, 1, &n_used);
                        cr_assert_eq(n_used, 1);
                        cr_assert(outcome == SCANNER_MORE || i == n_wanted);
                        if (outcome == SCANNER_MESSAGE) {
                                cr_assert_eq(scanner.n_bytes, at + 1 - began);
                                began = at + 1;
                        }
                }
        }
        cr_assert_eq(began, stream.n);
        writer_deinit(&stream);
}

Test(scanner, truncated_anywhere_asks_for_more)
{
        struct writer stream;

        writer_init(&stream, 1u << 20);
        notation_write(&stream, "[0, 9, \"obj.set\", [#1, {\"k\": [1.5, 'bin', 70000]}]]");
        for (size_t n = 1; n < stream.n; n++) {
                cr_assert_eq(verdict_of(stream.bytes, n, LIMIT_MESSAGE_BYTES), SCANNER_MORE);
        }
        writer_deinit(&stream);
}

Test(scanner, takes_two_first_bytes_and_names_the_others)
{
        for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t first = (uint8_t)byte;
                enum scanner_outcome outcome = verdict_of(&first, 1, LIMIT_MESSAGE_BYTES);

                if (byte == 0x93 || byte == 0x94) {
                        cr_assert_eq(outcome, SCANNER_MORE);
                } else {
                        cr_assert_gt(outcome, SCANNER_MORE, "byte %u", byte);
                        cr_assert_not_null(scanner_explain(outcome));
                }
        }
        cr_assert_eq(verdict("GET / HTTP/1.1\r\n"), SCANNER_E_TEXT);
        cr_assert_eq(verdict("\r\n"), SCANNER_E_TEXT);
        cr_assert_eq(verdict("\x16\x03\x01\x02"), SCANNER_E_TLS);
        cr_assert_eq(verdict("\x00\x00"), SCANNER_E_ENVELOPE);
}

Test(scanner, refuses_the_reserved_byte_as_value_but_not_as_payload)
{
        cr_assert_eq(verdict("\x94\x00\xc1"), SCANNER_E_RESERVED);
        cr_assert_eq(verdict("\x93\x02\xa1\xc1\x90"), SCANNER_MESSAGE);
}

Test(scanner, refuses_claims_of_gigabytes_at_their_head)
{
        cr_assert_eq(verdict("\x94\xdf\x05\xf5\xe1\x00"), SCANNER_E_TOO_MANY);
        cr_assert_eq(verdict("\x94\xdd\xff\xff\xff\xff"), SCANNER_E_TOO_MANY);
        cr_assert_eq(verdict("\x94\xdf\xff\xff\xff\xff"), SCANNER_E_TOO_MANY);
        cr_assert_eq(verdict("\x94\xdb\xff\xff\xff\xff"), SCANNER_E_TOO_LONG);
        cr_assert_eq(verdict("\x94\xc6\x7f\xff\xff\xff"), SCANNER_E_TOO_LONG);
        cr_assert_eq(verdict("\x94\xc9\xff\xff\xff\xff"), SCANNER_E_TOO_LONG);
        cr_assert_eq(verdict("\xdd\xff\xff\xff\xff"), SCANNER_E_ENVELOPE);
}

/* [2, "ping", <bin of n - 9 bytes>] is n bytes long. */
static enum scanner_outcome message_of(uint32_t n, uint32_t max)
{
        uint8_t head[] = {0x93, 2, 0xa1, 'p', 0xc6, 0, 0, 0, 0};

        for (unsigned i = 0; i < 4; i++) {
                head[5 + i] = (uint8_t)((n - sizeof(head)) >> (24 - 8 * i));
        }
        return verdict_of(head, sizeof(head), max);
}

Test(scanner, message_length_at_the_limit_and_one_beyond)
{
        cr_assert_eq(message_of(LIMIT_MESSAGE_BYTES, LIMIT_MESSAGE_BYTES), SCANNER_MORE);
        cr_assert_eq(message_of(LIMIT_MESSAGE_BYTES + 1, LIMIT_MESSAGE_BYTES), SCANNER_E_TOO_LONG);
        cr_assert_eq(message_of(LIMIT_MESSAGE_BYTES_MAX, LIMIT_MESSAGE_BYTES_MAX), SCANNER_MORE);
        /* Values owed count as a byte each: four do not fit behind the first of four. */
        cr_assert_eq(verdict_of("\x94\x00\x00\xa0\x90", 5, 5), SCANNER_MESSAGE);
        cr_assert_eq(verdict_of("\x94\x00\x00\xa0\x90", 5, 4), SCANNER_E_TOO_LONG);
        cr_assert_eq(verdict_of("\x94", 1, 4), SCANNER_E_TOO_LONG);
}

/* [2, "p", [[[...]]]] with `depth` arrays in all, the innermost empty or holding nil. */
static enum scanner_outcome nested(unsigned depth, bool empty)
{
        uint8_t bytes[64] = {0x93, 2, 0xa1, 'p'};
        size_t n = 4;

        for (unsigned i = 1; i < depth; i++) {
                bytes[n++] = 0x91;
        }
        if (empty) {
                bytes[n - 1] = 0x90;
        } else {
                bytes[n++] = 0xc0;
        }
        return verdict_of(bytes, n, LIMIT_MESSAGE_BYTES);
}

Test(scanner, nesting_at_the_limit_and_one_beyond)
{
        cr_assert_eq(nested(LIMIT_NESTING, true), SCANNER_MESSAGE);
        cr_assert_eq(nested(LIMIT_NESTING, false), SCANNER_MESSAGE);
        cr_assert_eq(nested(LIMIT_NESTING + 1, true), SCANNER_E_TOO_DEEP);
        cr_assert_eq(nested(LIMIT_NESTING + 1, false), SCANNER_E_TOO_DEEP);
}

Test(scanner, a_hundred_thousand_levels_stop_at_the_thirty_third)
{
        static uint8_t bytes[100000];
        struct scanner scanner;
        size_t n_used;

        memset(bytes, 0x91, sizeof(bytes));
        bytes[0] = 0x94;
        scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
        cr_assert_eq(scanner_feed(&scanner, bytes, sizeof(bytes), &n_used), SCANNER_E_TOO_DEEP);
        cr_assert_eq(n_used, LIMIT_NESTING + 1);
        /* And stays refused. */
        cr_assert_eq(scanner_feed(&scanner, bytes, 1, &n_used), SCANNER_E_TOO_DEEP);
        cr_assert_eq(n_used, 0);
}

Test(scanner, siblings_do_not_count_as_depth)
{
        struct writer stream;

        writer_init(&stream, 1u << 20);
        writer_array(&stream, 3);
        writer_uint(&stream, 2);
        writer_text(&stream, "ping");
        writer_array(&stream, 1000);
        for (unsigned i = 0; i < 1000; i++) {
                notation_write(&stream, "[[{}, [[1]]], {[]: [{1: []}]}]");
        }
        cr_assert_eq(verdict_of(stream.bytes, stream.n, LIMIT_MESSAGE_BYTES), SCANNER_MESSAGE);
        writer_deinit(&stream);
}

/* Envelope (3) + params + filler nils = n_elements values. */
static enum scanner_outcome elements(uint32_t n_elements)
{
        static uint8_t bytes[2 * LIMIT_ELEMENTS];
        uint32_t n_inside = n_elements - 3;

        memset(bytes, 0xc0, sizeof(bytes));
        memcpy(bytes, "\x93\x02\xa1p\xdd", 5);
        for (unsigned i = 0; i < 4; i++) {
                bytes[5 + i] = (uint8_t)(n_inside >> (24 - 8 * i));
        }
        return verdict_of(bytes, 9 + (size_t)n_inside, LIMIT_MESSAGE_BYTES);
}

Test(scanner, elements_at_the_limit_and_one_beyond)
{
        cr_assert_eq(elements(LIMIT_ELEMENTS), SCANNER_MESSAGE);
        cr_assert_eq(elements(LIMIT_ELEMENTS + 1), SCANNER_E_TOO_MANY);
}

Test(scanner, nested_array_heads_meet_the_budget_of_the_whole_message)
{
        /* 73 KB of array16 heads, each modest by itself: [[3000 ...], [3000 ...], ...] */
        static uint8_t bytes[73000];
        struct scanner scanner;
        size_t n_used;

        for (size_t at = 4; at + 3 <= sizeof(bytes); at += 3) {
                memcpy(bytes + at, "\xdc\x0b\xb8", 3);
        }
        memcpy(bytes, "\x93\x02\xa1p", 4);
        scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
        cr_assert_eq(scanner_feed(&scanner, bytes, sizeof(bytes), &n_used), SCANNER_E_TOO_MANY);
        cr_assert_lt(n_used, 100);
}

Test(scanner, each_message_has_a_budget_of_its_own)
{
        struct scanner scanner;
        unsigned n_messages = 0;
        size_t n_used;

        scanner_init(&scanner, 16);
        for (unsigned i = 0; i < 100000; i++) {
                feed(&scanner, (const uint8_t *)"\x94\x00\x00\xa0\x90", 5, &n_messages, &n_used);
        }
        cr_assert_eq(n_messages, 100000);
}
