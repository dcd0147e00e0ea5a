/* SPDX-License-Identifier: MIT */

#include "proto/format.h"

#define X4(...)  __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define X16(...) X4(X4(__VA_ARGS__))
#define X32(...) X16(__VA_ARGS__), X16(__VA_ARGS__)

const struct format_lead format_leads[256] = {
        X32(X4({FORMAT_POSITIVE, 0, 0, 0})), /* 00 .. 7f */
        X16({FORMAT_MAP, 0, 0, 0x0f}),       /* 80 .. 8f */
        X16({FORMAT_ARRAY, 0, 0, 0x0f}),     /* 90 .. 9f */
        X32({FORMAT_STR, 0, 0, 0x1f}),       /* a0 .. bf */
        {FORMAT_NIL, 0, 0, 0},               /* c0 */
        {FORMAT_RESERVED, 0, 0, 0},          /* c1 */
        {FORMAT_FALSE, 0, 0, 0},             /* c2 */
        {FORMAT_TRUE, 0, 0, 0},              /* c3 */
        {FORMAT_BIN, 1, 0, 0},               /* c4 */
        {FORMAT_BIN, 2, 0, 0},               /* c5 */
        {FORMAT_BIN, 4, 0, 0},               /* c6 */
        {FORMAT_EXT, 1, 0, 0},               /* c7 */
        {FORMAT_EXT, 2, 0, 0},               /* c8 */
        {FORMAT_EXT, 4, 0, 0},               /* c9 */
        {FORMAT_FLOAT, 0, 4, 0},             /* ca */
        {FORMAT_FLOAT, 0, 8, 0},             /* cb */
        {FORMAT_UINT, 0, 1, 0},              /* cc */
        {FORMAT_UINT, 0, 2, 0},              /* cd */
        {FORMAT_UINT, 0, 4, 0},              /* ce */
        {FORMAT_UINT, 0, 8, 0},              /* cf */
        {FORMAT_INT, 0, 1, 0},               /* d0 */
        {FORMAT_INT, 0, 2, 0},               /* d1 */
        {FORMAT_INT, 0, 4, 0},               /* d2 */
        {FORMAT_INT, 0, 8, 0},               /* d3 */
        {FORMAT_EXT, 0, 1, 0},               /* d4 */
        {FORMAT_EXT, 0, 2, 0},               /* d5 */
        {FORMAT_EXT, 0, 4, 0},               /* d6 */
        {FORMAT_EXT, 0, 8, 0},               /* d7 */
        {FORMAT_EXT, 0, 16, 0},              /* d8 */
        {FORMAT_STR, 1, 0, 0},               /* d9 */
        {FORMAT_STR, 2, 0, 0},               /* da */
        {FORMAT_STR, 4, 0, 0},               /* db */
        {FORMAT_ARRAY, 2, 0, 0},             /* dc */
        {FORMAT_ARRAY, 4, 0, 0},             /* dd */
        {FORMAT_MAP, 2, 0, 0},               /* de */
        {FORMAT_MAP, 4, 0, 0},               /* df */
        X32({FORMAT_NEGATIVE, 0, 0, 0}),     /* e0 .. ff */
};
