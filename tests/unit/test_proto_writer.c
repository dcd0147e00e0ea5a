/* SPDX-License-Identifier: MIT */
/* Writer and envelopes: the bytes they make, the bound, and taking back half a reply (P-1, P-6). */
#include "proto/writer.h"

#include <string.h>

#include "proto/envelope.h"
#include "proto/scanner.h"
#include "support/notation.h"
#include "support/unit.h"

#define same_literal(writer, literal) same_bytes(writer, literal, sizeof(literal) - 1)

static void same_bytes(struct writer *writer, const char *bytes, size_t n)
{
        cr_assert_eq(writer_status(writer), 0);
        cr_assert_eq(writer->n, n);
        cr_assert_arr_eq(writer->bytes, bytes, n);
        writer_deinit(writer);
}

Test(writer, uses_the_shortest_encodings)
{
        struct writer writer;

        writer_init(&writer, 1000);
        writer_nil(&writer);
        writer_bool(&writer, true);
        writer_uint(&writer, 127);
        writer_uint(&writer, 128);
        writer_uint(&writer, UINT64_MAX);
        writer_int(&writer, -32);
        writer_int(&writer, -129);
        writer_float(&writer, 1.5);
        writer_text(&writer, "ab");
        writer_bin(&writer, "\0", 1);
        writer_ext(&writer, -1, "abcd", 4);
        writer_handle(&writer, 0x80000001);
        writer_array(&writer, 2);
        writer_map(&writer, 16);
        writer_raw(&writer, "\xc3", 1);
        same_literal(&writer,
                     "\xc0\xc3\x7f\xcc\x80\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xe0\xd1\xff\x7f"
                     "\xcb\x3f\xf8\0\0\0\0\0\0\xa2"
                     "ab\xc4\x01\0\xd6\xff"
                     "abcd\xd6\x01\x80\0\0\x01"
                     "\x92\xde\0\x10\xc3");
}

Test(writer, array_of_unknown_length_is_patched)
{
        struct writer writer;
        size_t opened;

        writer_init(&writer, 1000);
        opened = writer_array_open(&writer);
        writer_uint(&writer, 1);
        writer_uint(&writer, 2);
        writer_array_close(&writer, opened, 2);
        same_literal(&writer, "\xdd\0\0\0\x02\x01\x02");
}

Test(writer, fills_up_to_its_bound_and_not_a_byte_more)
{
        for (size_t max = 0; max <= 600; max += 300) {
                struct writer writer;

                writer_init(&writer, max);
                for (size_t i = 0; i < max; i++) {
                        writer_nil(&writer);
                }
                cr_assert_eq(writer_status(&writer), 0);
                cr_assert_eq(writer.n, max);
                writer_nil(&writer);
                cr_assert_eq(writer_status(&writer), WRITER_E_FULL);
                cr_assert_eq(writer.n, max);
                cr_assert_le(writer.n_cap, max);
                writer_deinit(&writer);
        }
}

Test(writer, failure_is_sticky_until_rolled_back)
{
        struct writer writer;
        size_t mark;

        writer_init(&writer, 10);
        writer_text(&writer, "kept");
        mark = writer_mark(&writer);
        writer_text(&writer, "does not fit");
        writer_nil(&writer);
        writer_array_close(&writer, writer_array_open(&writer), 0);
        cr_assert_eq(writer_status(&writer), WRITER_E_FULL);
        writer_truncate(&writer, mark);
        writer_nil(&writer);
        same_literal(&writer, "\xa4kept\xc0");
}

Test(writer, reset_keeps_memory_up_to_what_is_asked)
{
        struct writer writer;

        writer_init(&writer, 1u << 20);
        for (unsigned i = 0; i < 1000; i++) {
                writer_nil(&writer);
        }
        writer_reset(&writer, 1024);
        cr_assert_not_null(writer.bytes);
        cr_assert_eq(writer.n, 0);
        writer_reset(&writer, 1023);
        cr_assert_null(writer.bytes);
        writer_nil(&writer);
        same_literal(&writer, "\xc0");
}

Test(writer, moves_by_assignment)
{
        struct writer writer;
        struct writer taken;

        writer_init(&writer, 100);
        writer_nil(&writer);
        taken = writer;
        writer_init(&writer, 100);
        writer_bool(&writer, false);
        same_literal(&taken, "\xc0");
        same_literal(&writer, "\xc2");
}

static struct response decoded(struct writer *writer)
{
        struct response response = {0};
        struct scanner scanner;
        size_t n_used;

        scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
        cr_assert_eq(scanner_feed(&scanner, writer->bytes, writer->n, &n_used), SCANNER_MESSAGE);
        cr_assert_eq(n_used, writer->n);
        cr_assert_eq(response_decode(writer->bytes, writer->n, &response), 0);
        return response;
}

Test(envelope, results_errors_and_events_come_back_as_sent)
{
        struct writer writer;
        struct response response;

        writer_init(&writer, 1000);
        envelope_result(&writer, 4294967295u);
        writer_text(&writer, "answer");
        response = decoded(&writer);
        cr_assert_eq(response.type, RESPONSE_RESULT);
        cr_assert_eq(response.msgid, 4294967295u);
        cr_assert_eq(response.result.n, 6);

        writer_reset(&writer, SIZE_MAX);
        envelope_error_open(&writer, 7, ERROR_BROKEN, "why", 1);
        writer_text(&writer, "cause");
        writer_uint(&writer, 6);
        envelope_error_close(&writer);
        response = decoded(&writer);
        cr_assert_eq(response.type, RESPONSE_ERROR);
        cr_assert_eq(response.code, ERROR_BROKEN);
        cr_assert_eq(response.message.n, 3);
        cr_assert_eq(response.details.type, WIRE_MAP);

        writer_reset(&writer, SIZE_MAX);
        envelope_error(&writer, 8, ERROR_INTERNAL, "oh");
        cr_assert_eq(decoded(&writer).details.n, 0);

        writer_reset(&writer, SIZE_MAX);
        envelope_error_event(&writer, ERROR_PARSE, "why");
        response = decoded(&writer);
        cr_assert_eq(response.type, RESPONSE_EVENT);
        cr_assert_arr_eq(response.name.bytes, "error", 5);
        cr_assert_eq(response.result.n, 2);
        writer_deinit(&writer);
}

Test(envelope, requests_are_what_a_person_would_write)
{
        struct writer writer;
        struct writer wanted;

        writer_init(&writer, 1000);
        writer_init(&wanted, 1000);
        envelope_request(&writer, 300, "obj.get", 2);
        writer_handle(&writer, 7);
        writer_nil(&writer);
        envelope_notification(&writer, "bye", 0);
        notation_write(&wanted, "[0, 300, \"obj.get\", [#7, nil]] [2, \"bye\", []]");
        same_bytes(&writer, (const char *)wanted.bytes, wanted.n);
        writer_deinit(&wanted);
}

Test(envelope, foreign_errors_still_are_errors)
{
        static const char *const texts[] = {
                "[1, 2, \"plain text\", nil]", "[1, 2, [], nil]",      "[1, 2, [17], nil]",
                "[1, 2, {\"a\": 1}, nil]",     "[1, 2, true, [1, 2]]", "[1, 2, [\"NEWER\"], nil]",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct writer writer;
                struct response response;

                writer_init(&writer, 1000);
                notation_write(&writer, texts[i]);
                response = decoded(&writer);
                cr_assert_eq(response.type, RESPONSE_ERROR, "%s", texts[i]);
                cr_assert_eq(response.code, _ERROR_N);
                writer_deinit(&writer);
        }
}

Test(envelope, what_is_no_response_is_refused_and_leaves_the_result_alone)
{
        static const char *const texts[] = {
                "[0, 1, \"ping\", []]",
                "[1, -1, nil, nil]",
                "[1, 4294967296, nil, nil]",
                "[1, nil, nil]",
                "[2, 3, []]",
                "[2, \"event\", {}]",
                "[1, 2, nil]",
                "{}",
                "[\"a\", 1, 2, 3]",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct writer writer;
                struct response response = {.msgid = 77};

                writer_init(&writer, 1000);
                notation_write(&writer, texts[i]);
                cr_assert_eq(response_decode(writer.bytes, writer.n, &response),
                             RESPONSE_E_ENVELOPE, "%s", texts[i]);
                cr_assert_eq(response.msgid, 77);
                writer_deinit(&writer);
        }
}
