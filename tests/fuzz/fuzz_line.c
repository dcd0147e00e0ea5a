/* SPDX-License-Identifier: MIT */
/* Lines of the console hold no control characters and are bounded; words lie inside their line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "console/line.h"

static void demand(int holds)
{
        if (!holds) {
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct line line;

        line_init(&line);
        for (size_t i = 0; i < n; i++) {
                char *words[4];
                size_t n_line;
                unsigned n_words;

                if (line_feed(&line, bytes[i]) != LINE_READY) {
                        continue;
                }
                n_line = strlen(line.text);
                demand(n_line <= LINE_BYTES_MAX);
                for (size_t j = 0; j < n_line; j++) {
                        unsigned char c = (unsigned char)line.text[j];

                        demand((c >= ' ' && c != 127) || c == '\t');
                }
                n_words = line_split(line.text, words, 4);
                for (unsigned j = 0; j < n_words && j < 4; j++) {
                        demand(words[j] >= line.text && *words[j] && !strpbrk(words[j], " \t"));
                        demand(words[j] + strlen(words[j]) <= line.text + n_line);
                }
        }
        return 0;
}
