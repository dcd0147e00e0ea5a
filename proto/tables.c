/* SPDX-License-Identifier: MIT */

#include <string.h>
#include "proto/errors.h"
#include "proto/kinds.h"

static const char *const error_names[] = {
#define ERROR(name, sentence) #name,
#include "proto/errors.def"
#undef ERROR
};

static const char *const error_sentences[] = {
#define ERROR(name, sentence) sentence,
#include "proto/errors.def"
#undef ERROR
};

static const char *const kind_names[] = {
#define KIND(symbol, name, what) name,
#include "proto/kinds.def"
#undef KIND
};

static unsigned tables_find(const char *const *names, unsigned n_names, const char *name,
                            size_t n_bytes)
{
        unsigned i = 0;

        while (i < n_names && !(strlen(names[i]) == n_bytes && !memcmp(names[i], name, n_bytes))) {
                i++;
        }
        return i;
}

const char *error_name(enum error code)
{
        return error_names[code];
}

const char *error_sentence(enum error code)
{
        return error_sentences[code];
}

enum error error_from_name(const char *name, size_t n_bytes)
{
        return (enum error)tables_find(error_names, _ERROR_N, name, n_bytes);
}

const char *wire_kind_name(enum wire_kind kind)
{
        return kind_names[kind];
}

enum wire_kind wire_kind_from_name(const char *name, size_t n_bytes)
{
        return (enum wire_kind)tables_find(kind_names, _WIRE_KIND_N, name, n_bytes);
}
