/* SPDX-License-Identifier: MIT */
#include "console/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MIN 1024u

void text_deinit(struct text *text)
{
        free(text->bytes);
        *text = (struct text){0};
}

static bool text_reserve(struct text *text, size_t n_more)
{
        size_t n_cap = text->n_cap ? text->n_cap : TEXT_BYTES_MIN;
        char *bytes;

        if (n_more > TEXT_BYTES_MAX - text->n) {
                return false;
        }
        while (n_cap < text->n + n_more) {
                n_cap *= 2;
        }
        if (n_cap == text->n_cap) {
                return true;
        }
        bytes = realloc(text->bytes, n_cap);
        if (!bytes) {
                return false;
        }
        text->bytes = bytes;
        text->n_cap = n_cap;
        return true;
}

void text_add(struct text *text, const char *format, ...)
{
        char part[512];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(part, sizeof(part), format, ap);
        va_end(ap);
        if (n < 0 || text->cut || (size_t)n >= sizeof(part) || !text_reserve(text, (size_t)n + 1)) {
                text->cut = true;
                return;
        }
        for (int i = 0; i < n; i++) {
                text->bytes[text->n++] = part[i];
        }
}

void text_add_escaped(struct text *text, const void *bytes, size_t n_bytes)
{
        const uint8_t *at = bytes;

        for (size_t i = 0; i < n_bytes; i++) {
                if (at[i] >= ' ' && at[i] < 127 && at[i] != '\\') {
                        text_add(text, "%c", at[i]);
                } else {
                        text_add(text, "\\x%02x", at[i]);
                }
        }
}
