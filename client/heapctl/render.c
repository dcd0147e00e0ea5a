/* SPDX-License-Identifier: MIT */
#include "client/heapctl/render.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void render_json(struct json_object *json)
{
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

        if (isatty(STDOUT_FILENO)) {
                flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
        }
        puts(json_object_to_json_string_ext(json, flags));
}

void render_value_json(const struct heapd_value *value)
{
        struct json_object *json = json_from_value(value);

        render_json(json);
        json_object_put(json);
}

void render_text(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];
                /* C1 controls are two bytes in UTF-8, the first of them 0xc2 */
                bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)text[i + 1] < 0xa0;

                if (c < ' ' || c == 0x7f || c1) {
                        printf("\\x%02x", c1 ? (unsigned char)text[++i] : c);
                } else {
                        putchar(c);
                }
        }
}

void render_value(const struct heapd_value *value)
{
        if (value->type == HEAPD_REF) {
                fputs("reference", stdout);
        } else if (value->type == HEAPD_STR) {
                putchar('"');
                render_text(value->str, value->n);
                putchar('"');
        } else {
                struct json_object *json = json_from_value(value);
                const char *text = json_object_to_json_string_ext(json,
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);

                render_text(text, strlen(text));
                json_object_put(json);
        }
}

const char *render_count(char buffer[RENDER_NUMBER_BYTES], uint64_t number)
{
        char digits[24];
        int n = snprintf(digits, sizeof(digits), "%" PRIu64, number);
        char *to = buffer;

        for (int i = 0; i < n; i++) {
                if (i > 0 && (n - i) % 3 == 0) {
                        *to++ = ',';
                }
                *to++ = digits[i];
        }
        *to = '\0';
        return buffer;
}

static const char *render_scaled(char buffer[RENDER_NUMBER_BYTES], uint64_t number, double step,
                                 const char *const units[4])
{
        double scaled = (double)number;
        int unit = 0;

        while (scaled >= step && unit < 3) {
                scaled /= step;
                unit++;
        }
        snprintf(buffer, RENDER_NUMBER_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", scaled,
                 units[unit]);
        return buffer;
}

static bool render_ends_in(const struct heapd_value *name, const char *end)
{
        size_t n = strlen(end);

        return name->type == HEAPD_STR && name->n >= n &&
               memcmp(name->str + name->n - n, end, n) == 0;
}

const char *render_quantity(char buffer[RENDER_NUMBER_BYTES], const struct heapd_value *name,
                            uint64_t number)
{
        static const char *const BYTES[] = {"B", "KiB", "MiB", "GiB"};
        static const char *const NANOSECONDS[] = {"ns", "us", "ms", "s"};

        if (render_ends_in(name, "bytes") && number != UINT64_MAX) {
                return render_scaled(buffer, number, 1024, BYTES);
        }
        if (render_ends_in(name, "_ns")) {
                return render_scaled(buffer, number, 1000, NANOSECONDS);
        }
        return render_count(buffer, number);
}
