/* SPDX-License-Identifier: MIT */
/* Console lines: ends, telnet's commands, the bound, words. */
#include "console/line.h"

#include <string.h>

#include "support/unit.h"

/* Feeds all; appends "text|" for each line and "!|" for one too long. */
static void feed(struct line *line, const void *bytes, size_t n, char *ret_text)
{
        for (size_t i = 0; i < n; i++) {
                switch (line_feed(line, ((const uint8_t *)bytes)[i])) {
                case LINE_READY:
                        strcat(ret_text, line->text);
                        strcat(ret_text, "|");
                        break;
                case LINE_TOO_LONG:
                        strcat(ret_text, "!|");
                        break;
                case LINE_MORE:
                        break;
                }
        }
}

static const struct {
        const char *bytes;
        const char *lines;
} cases[] = {
        {"help\n", "help|"},
        {"help\r\n", "help|"},
        {"a\nb\r\n\n", "a|b||"},
        {"no end", ""},
        {"\xff\xfd\x01help\n", "help|"},                     /* IAC DO ECHO */
        {"he\xff\xf1lp\n", "help|"},                         /* IAC NOP */
        {"\xff\xfa\x18\x01xterm\nx\xff\xf0quit\n", "quit|"}, /* IAC SB … IAC SE */
        {"\xff\xfa\xff\xffmore\n\xff\xf0info\n", "info|"},   /* IAC IAC inside */
        {"a\xff\xff"
         "b\n",
         "ab|"},
        {"a\x1b[31mb\x07\x7f\n", "a[31mb|"},
        {"tab\there\n", "tab\there|"},
};

Test(console_line, lines_are_found_and_telnet_is_filtered)
{
        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct line line;
                char lines[256] = "";

                line_init(&line);
                feed(&line, cases[i].bytes, strlen(cases[i].bytes), lines);
                cr_assert_str_eq(lines, cases[i].lines);
        }
}

Test(console_line, the_longest_line_is_one_and_a_longer_one_is_refused_once)
{
        char bytes[LINE_BYTES_MAX + 3], lines[2 * LINE_BYTES_MAX] = "";
        struct line line;

        memset(bytes, 'x', sizeof(bytes));
        bytes[LINE_BYTES_MAX] = '\n';
        line_init(&line);
        feed(&line, bytes, LINE_BYTES_MAX + 1, lines);
        cr_assert_eq(strlen(lines), LINE_BYTES_MAX + 1);
        cr_assert_eq(lines[0], 'x');

        lines[0] = '\0';
        bytes[LINE_BYTES_MAX] = 'x';
        bytes[LINE_BYTES_MAX + 1] = '\n';
        feed(&line, bytes, LINE_BYTES_MAX + 2, lines);
        feed(&line, "help\n", 5, lines);
        cr_assert_str_eq(lines, "!|help|");
}

Test(console_line, words_are_cut_at_blanks)
{
        static const struct {
                const char *text;
                unsigned n;
                const char *first;
        } lines[] = {
                {"", 0, NULL},       {"  \t ", 0, NULL},      {"gc", 1, "gc"},
                {"  gc  ", 1, "gc"}, {"names a", 2, "names"}, {"a b c d", 4, "a"},
        };

        for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                char text[32], *words[2] = {0};

                strcpy(text, lines[i].text);
                cr_assert_eq(line_split(text, words, 2), lines[i].n);
                if (lines[i].first) {
                        cr_assert_str_eq(words[0], lines[i].first);
                }
        }
}
