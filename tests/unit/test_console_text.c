/* SPDX-License-Identifier: MIT */
/* Console answers: what a peer chose cannot speak to a terminal, and answers are bounded. */
#include "console/text.h"

#include <string.h>

#include "support/unit.h"

Test(console_text, only_plain_characters_reach_the_terminal)
{
        struct text text = {0};

        for (unsigned byte = 0; byte < 256; byte++) {
                unsigned char c = (unsigned char)byte;

                text_add_escaped(&text, &c, 1);
        }
        for (size_t i = 0; i < text.n; i++) {
                cr_assert(text.bytes[i] >= ' ' && text.bytes[i] < 127);
        }
        text_add(&text, "%c", 0);
        cr_assert_not_null(strstr(text.bytes, "\\x1b"));
        cr_assert_not_null(strstr(text.bytes, "\\x5c"));
        cr_assert_not_null(strstr(text.bytes, "\\x9b\\x9c"));
        cr_assert_not_null(strstr(text.bytes, " !\"#$"));
        text_deinit(&text);
}

Test(console_text, an_answer_stops_at_its_bound)
{
        struct text text = {0};
        char part[101];

        memset(part, 'x', 100);
        part[100] = '\0';
        for (unsigned i = 0; i < TEXT_BYTES_MAX / 100 + 10; i++) {
                text_add(&text, "%s", part);
        }
        cr_assert(text.cut);
        cr_assert_le(text.n, TEXT_BYTES_MAX);
        cr_assert_gt(text.n, TEXT_BYTES_MAX - 200);
        cr_assert_eq(text.n % 100, 0);
        text_deinit(&text);
        cr_assert_null(text.bytes);
}
