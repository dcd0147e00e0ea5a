/* SPDX-License-Identifier: MIT */

#include <string.h>
#include "proto/describe.h"
#include "proto/errors.h"
#include "proto/kinds.h"
#include "proto/methods.h"

enum {
        DESCRIBE_N_EXTS = 0
#define EXT(symbol, name, number, payload) +1
#include "proto/ext.def"
#undef EXT
};

/* Words separated by single spaces, as an array. */
static void describe_words(struct writer *writer, const char *words)
{
        size_t opened = writer_array_open(writer);
        uint32_t n = 0;

        for (size_t length = strcspn(words, " "); length; length = strcspn(words, " ")) {
                writer_str(writer, words, length);
                words += length + (words[length] == ' ');
                n++;
        }
        writer_array_close(writer, opened, n);
}

static void describe_params(struct writer *writer, const struct method_param *params)
{
        size_t opened = writer_array_open(writer);
        uint32_t n = 0;

        for (; params[n].type; n++) {
                writer_array(writer, 2);
                writer_text(writer, params[n].name);
                writer_text(writer, type_name(params[n].type));
        }
        writer_array_close(writer, opened, n);
}

static void describe_options(struct writer *writer, const struct method_option *options)
{
        size_t opened = writer_array_open(writer);
        uint32_t n = 0;

        for (; options[n].type; n++) {
                writer_array(writer, 2);
                writer_text(writer, option_name(options[n].option));
                writer_text(writer, type_name(options[n].type));
        }
        writer_array_close(writer, opened, n);
}

static void describe_method(struct writer *writer, const struct method_info *info)
{
        writer_map(writer, 8);
        writer_text(writer, "params");
        describe_params(writer, info->params);
        writer_text(writer, "options");
        describe_options(writer, info->options);
        writer_text(writer, "result");
        writer_text(writer, info->result);
        writer_text(writer, "errors");
        describe_words(writer, info->errors);
        writer_text(writer, "cost");
        writer_text(writer, info->cost == METHOD_BOUNDED ? "bounded" : "sliced");
        writer_text(writer, "parks");
        writer_bool(writer, info->parks);
        writer_text(writer, "since");
        writer_uint(writer, info->since);
        writer_text(writer, "help");
        writer_text(writer, info->help);
}

void api_info_write(struct writer *writer)
{
        writer_map(writer, 5);
        writer_text(writer, "methods");
        writer_map(writer, _METHOD_N);
        for (unsigned i = 0; i < _METHOD_N; i++) {
                writer_text(writer, method_info((enum method)i)->name);
                describe_method(writer, method_info((enum method)i));
        }
        writer_text(writer, "errors");
        writer_map(writer, _ERROR_N);
        for (unsigned i = 0; i < _ERROR_N; i++) {
                writer_text(writer, error_name((enum error)i));
                writer_text(writer, error_sentence((enum error)i));
        }
        writer_text(writer, "kinds");
        writer_map(writer, _WIRE_KIND_N);
#define KIND(symbol, name, what)   \
        writer_text(writer, name); \
        writer_text(writer, what);
#include "proto/kinds.def"
#undef KIND
        writer_text(writer, "ext");
        writer_map(writer, DESCRIBE_N_EXTS);
#define EXT(symbol, name, number, payload) \
        writer_text(writer, name);         \
        writer_int(writer, number);
#include "proto/ext.def"
#undef EXT
        writer_text(writer, "features");
        features_write(writer);
}

void limits_write(struct writer *writer, const struct limits *limits)
{
        writer_map(writer, sizeof(*limits) / sizeof(uint32_t));
#define LIMIT(symbol, field, normal, ceiling, what) \
        writer_text(writer, #field);                \
        writer_uint(writer, limits->field);
#include "proto/limits.def"
#undef LIMIT
}

void features_write(struct writer *writer)
{
        writer_array(writer, 0);
}
