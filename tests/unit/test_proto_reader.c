/* SPDX-License-Identifier: MIT */
/* Reader: every encoding of every type; never past the end; strict UTF-8 (P-10, P-12). */
#include "proto/reader.h"

#include <stdlib.h>
#include <string.h>

#include "support/notation.h"
#include "support/unit.h"

static struct wire_value one(const char *bytes, size_t n)
{
        struct wire_value value = {0};
        struct reader reader;

        reader_init(&reader, (const uint8_t *)bytes, n);
        cr_assert(reader_take(&reader, &value));
        cr_assert(reader.at == reader.end);
        cr_assert_eq(value.n_raw, n);
        return value;
}

#define ONE(literal) one(literal, sizeof(literal) - 1)

Test(reader, reads_integers_of_every_width_by_their_sign)
{
        static const struct {
                const char *bytes;
                size_t n;
                enum wire_type type;
                int64_t value;
        } rows[] = {
                {"\x7f", 1, WIRE_UINT, 127},
                {"\xe0", 1, WIRE_INT, -32},
                {"\xcc\xff", 2, WIRE_UINT, 255},
                {"\xcd\xff\xff", 3, WIRE_UINT, 65535},
                {"\xce\xff\xff\xff\xff", 5, WIRE_UINT, 4294967295},
                {"\xd0\x80", 2, WIRE_INT, -128},
                {"\xd0\x7f", 2, WIRE_UINT, 127},
                {"\xd1\x80\x00", 3, WIRE_INT, -32768},
                {"\xd2\x80\x00\x00\x00", 5, WIRE_INT, -2147483648},
                {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, WIRE_INT, INT64_MIN},
                {"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", 9, WIRE_UINT, INT64_MAX},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct wire_value value = one(rows[i].bytes, rows[i].n);

                cr_assert_eq(value.type, rows[i].type, "row %zu", i);
                cr_assert_eq(value.sint, rows[i].value, "row %zu", i);
        }
        cr_assert_eq(ONE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff").uint, UINT64_MAX);
}

Test(reader, what_has_no_length_has_length_0_whatever_was_there)
{
        static const char *const scalars[] = {"\x05", "\xc0",     "\xc3",
                                              "\xff", "\xcc\x80", "\xca\x3f\xc0\x00\x00"};

        for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
                struct wire_value value = {.n = 77};
                struct reader reader;

                reader_init(&reader, (const uint8_t *)scalars[i], i == 5 ? 5 : i == 4 ? 2 : 1);
                cr_assert(reader_next(&reader, &value));
                cr_assert_eq(value.n, 0, "scalar %zu", i);
        }
}

Test(reader, reads_the_other_scalars)
{
        cr_assert_eq(ONE("\xc0").type, WIRE_NIL);
        cr_assert_not(ONE("\xc2").boolean);
        cr_assert(ONE("\xc3").boolean);
        cr_assert_eq(ONE("\xca\x3f\xc0\x00\x00").real, 1.5);
        cr_assert_eq(ONE("\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00").real, -1.5);
        cr_assert_eq(ONE("\xa2hi").n, 2);
        cr_assert_eq(ONE("\xd9\x02hi").type, WIRE_STR);
        cr_assert_eq(ONE("\xda\x00\x02hi").n, 2);
        cr_assert_eq(ONE("\xdb\x00\x00\x00\x02hi").bytes[1], 'i');
        cr_assert_eq(ONE("\xc4\x02hi").type, WIRE_BIN);
        cr_assert_eq(ONE("\xc5\x00\x02hi").bytes[0], 'h');
        cr_assert_eq(ONE("\xc6\x00\x00\x00\x02hi").n, 2);
        cr_assert_eq(ONE("\xd4\xffx").ext, -1);
        cr_assert_eq(ONE("\xd6\x01\x00\x00\x00\x09").bytes[3], 9);
        cr_assert_eq(ONE("\xd8\x04"
                         "0123456789abcdef")
                             .n,
                     16);
        cr_assert_eq(ONE("\xc7\x03\x05xyz").ext, 5);
        cr_assert_eq(ONE("\xc8\x00\x03\x05xyz").n, 3);
        cr_assert_eq(ONE("\xc9\x00\x00\x00\x03\x05xyz").bytes[2], 'z');
}

Test(reader, walks_and_skips_containers)
{
        struct writer stream;
        struct reader reader;
        struct reader inside;
        struct wire_value value;

        writer_init(&stream, 4096);
        notation_write(&stream, "[1, [2, {\"k\": [3]}], 4] 5");
        reader_init(&reader, stream.bytes, stream.n);
        cr_assert(reader_take(&reader, &value));
        cr_assert_eq(value.type, WIRE_ARRAY);
        cr_assert_eq(value.n_raw, stream.n - 1);
        inside = reader_inside(&value);
        cr_assert(reader_skip(&inside, 2));
        cr_assert(reader_take(&inside, &value));
        cr_assert_eq(value.uint, 4);
        cr_assert_not(reader_take(&inside, &value));
        cr_assert(reader_take(&reader, &value));
        cr_assert_eq(value.uint, 5);
        inside = reader_inside(&value);
        cr_assert_not(reader_next(&inside, &value));
        writer_deinit(&stream);
}

Test(reader, stops_at_the_end_of_whatever_is_cut_off)
{
        struct writer stream;
        struct wire_value value;

        writer_init(&stream, 4096);
        notation_write(&stream, "[1.5, \"str\", 'bin', #7, {70000: -70000}, [nil, @5\"abc\"]]");
        for (size_t n = 0; n < stream.n; n++) {
                uint8_t *exact = malloc(n + !n); /* so that a sanitizer sees one byte too far */
                struct reader reader;

                memcpy(exact, stream.bytes, n);
                reader_init(&reader, exact, n);
                cr_assert_not(reader_take(&reader, &value), "cut at %zu", n);
                free(exact);
        }
        writer_deinit(&stream);
}

Test(reader, a_claim_of_billions_fails_at_once)
{
        struct wire_value value;
        struct reader reader;

        reader_init(&reader, (const uint8_t *)"\xdf\xff\xff\xff\xff\xc0", 6);
        cr_assert_not(reader_take(&reader, &value));
        reader_init(&reader, (const uint8_t *)"\xc1", 1);
        cr_assert_not(reader_next(&reader, &value));
}

static bool utf8(const char *text)
{
        return utf8_valid((const uint8_t *)text, strlen(text));
}

Test(reader, utf8_is_strict_at_every_edge)
{
        static const char *const good[] = {
                "",
                "plain",
                "\xc2\x80",
                "\xdf\xbf",
                "\xe0\xa0\x80",
                "\xed\x9f\xbf",
                "\xee\x80\x80",
                "\xef\xbf\xbf",
                "\xf0\x90\x80\x80",
                "\xf4\x8f\xbf\xbf",
                "exactly8\xc3\xa4",
        };
        static const char *const bad[] = {
                "\x80",
                "\xbf",
                "\xc0\x80",
                "\xc1\xbf",
                "\xc2",
                "\xc2\x7f",
                "\xc2\xc0",
                "\xe0\x9f\xbf",
                "\xe0\xa0",
                "\xed\xa0\x80",
                "\xed\xbf\xbf",
                "\xf0\x8f\xbf\xbf",
                "\xf4\x90\x80\x80",
                "\xf5\x80\x80\x80",
                "\xff",
                "\xf0\x90\x80",
                "exactly8\xc3",
                "1234567\x80",
        };

        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                cr_assert(utf8(good[i]), "good %zu", i);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                cr_assert_not(utf8(bad[i]), "bad %zu", i);
        }
}
