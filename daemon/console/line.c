/* SPDX-License-Identifier: MIT */
#include "console/line.h"

/* Telnet (RFC 854): IAC IAC is a byte 255, IAC WILL/WONT/DO/DONT takes an option, IAC SB … IAC SE.
 */
enum { TELNET_SE = 240, TELNET_SB = 250, TELNET_WILL = 251, TELNET_IAC = 255 };

void line_init(struct line *line)
{
        *line = (struct line){.telnet = LINE_TEXT};
}

/* True for a byte that belongs to the text. */
static bool line_filter(struct line *line, uint8_t byte)
{
        switch (line->telnet) {
        case LINE_TEXT:
                if (byte != TELNET_IAC) {
                        return true;
                }
                line->telnet = LINE_IAC;
                return false;
        case LINE_IAC:
                if (byte == TELNET_SB) {
                        line->telnet = LINE_SUB;
                } else if (byte >= TELNET_WILL && byte != TELNET_IAC) {
                        line->telnet = LINE_OPTION;
                } else {
                        line->telnet = LINE_TEXT;
                }
                return false;
        case LINE_OPTION:
                line->telnet = LINE_TEXT;
                return false;
        case LINE_SUB:
                line->telnet = byte == TELNET_IAC ? LINE_SUB_IAC : LINE_SUB;
                return false;
        case LINE_SUB_IAC:
        default:
                line->telnet = byte == TELNET_SE ? LINE_TEXT : LINE_SUB;
                return false;
        }
}

enum line_outcome line_feed(struct line *line, uint8_t byte)
{
        if (!line_filter(line, byte)) {
                return LINE_MORE;
        }
        if (byte == '\n') {
                bool too_long = line->too_long;

                line->text[line->n] = '\0';
                line->n = 0;
                line->too_long = false;
                return too_long ? LINE_TOO_LONG : LINE_READY;
        }
        if ((byte < ' ' && byte != '\t') || byte == 127) {
                return LINE_MORE;
        }
        if (line->n == LINE_BYTES_MAX) {
                line->too_long = true;
        } else {
                line->text[line->n++] = (char)byte;
        }
        return LINE_MORE;
}

unsigned line_split(char *text, char **ret_words, unsigned n_words_max)
{
        unsigned n = 0;

        while (*text) {
                while (*text == ' ' || *text == '\t') {
                        *text++ = '\0';
                }
                if (!*text) {
                        break;
                }
                if (n < n_words_max) {
                        ret_words[n] = text;
                }
                n++;
                while (*text && *text != ' ' && *text != '\t') {
                        text++;
                }
        }
        return n;
}
