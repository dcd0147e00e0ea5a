/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Line: what a person types at the console, out of the bytes that their program sends. Lines end
 * with LF or CRLF; telnet's own commands (IAC ...) and other control characters are dropped.
 *
 * Threads: plain data, pure functions. Failure: a line over LINE_BYTES_MAX is reported once, as a
 * whole, and the next one is read as if nothing had been.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES_MAX 1024u

enum line_outcome { LINE_MORE, LINE_READY, LINE_TOO_LONG };

enum line_telnet { LINE_TEXT, LINE_IAC, LINE_OPTION, LINE_SUB, LINE_SUB_IAC };

struct line {
        char text[LINE_BYTES_MAX + 1]; /* terminated when LINE_READY */
        size_t n;
        bool too_long;
        enum line_telnet telnet;
};

void line_init(struct line *line);
/* One byte; after LINE_READY the text is good until the next one. */
enum line_outcome line_feed(struct line *line, uint8_t byte);

/* Cuts a line into words, in place; returns how many there are, at most `n_words_max` of them
 * stored. */
unsigned line_split(char *text, char **ret_words, unsigned n_words_max);
