/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The tables of requests, options and parameter types, as C: methods.def, options.def, types.def.
 *
 * method_info() is what decoding, dispatch, api.info and help read. Everything is constant after
 * the first method_from_name(), which builds its hash table once: any thread, cannot fail.
 */

#include <stdbool.h>
#include <stddef.h>

enum method {
#define METHOD(symbol, ...) METHOD_##symbol,
#include "proto/methods.def"
#undef METHOD
        _METHOD_N,
};

enum option {
#define OPTION(symbol, name) OPTION_##symbol,
#include "proto/options.def"
#undef OPTION
        _OPTION_N,
};

enum param_type {
        TYPE_NONE, /* ends a list of parameters or options */
#define TYPE(symbol, name, sentence) TYPE_##symbol,
#include "proto/types.def"
#undef TYPE
        _TYPE_N,
};

enum method_cost { METHOD_BOUNDED, METHOD_SLICED };

enum { METHOD_PARAMS_MAX = 4, METHOD_OPTIONS_MAX = 16, METHOD_NAME_BYTES_MAX = 32 };

struct method_param {
        const char *name;
        enum param_type type;
};

struct method_option {
        enum option option;
        enum param_type type;
};

struct method_info {
        const char *name;
        size_t n_name;
        struct method_param params[METHOD_PARAMS_MAX + 1];    /* up to TYPE_NONE */
        struct method_option options[METHOD_OPTIONS_MAX + 1]; /* up to TYPE_NONE */
        const char *result;
        const char *errors; /* beyond the common ones, separated by spaces */
        enum method_cost cost;
        bool parks;
        unsigned since;
        const char *help;
};

const struct method_info *method_info(enum method method);

/* _METHOD_N for an unknown name. */
enum method method_from_name(const char *name, size_t n_bytes);

/* For what was probably meant: the method's option nearest in spelling; NULL if it has none. */
const char *method_nearest_option(enum method method, const char *name, size_t n_bytes);

const char *option_name(enum option option);
const char *type_name(enum param_type type);
const char *type_sentence(enum param_type type);
