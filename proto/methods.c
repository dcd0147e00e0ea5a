/* SPDX-License-Identifier: MIT */

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include "proto/methods.h"

#define NONE              \
        {                 \
                {         \
                        0 \
                }         \
        }
#define PARAMS(...)         \
        {                   \
                __VA_ARGS__ \
        }
#define OPTIONS(...)        \
        {                   \
                __VA_ARGS__ \
        }
#define P(name, t)             \
        {                      \
                name, TYPE_##t \
        }
#define O(name, t)                      \
        {                               \
                OPTION_##name, TYPE_##t \
        }
#define METHOD(symbol, name, params, options, result, errors, cost, parks, since, help) \
        {name,   sizeof(name) - 1, params, options, result,                             \
         errors, METHOD_##cost,    parks,  since,   help},
static const struct method_info methods[] = {
#include "proto/methods.def"
};
#undef METHOD

static const char *const option_names[] = {
#define OPTION(symbol, name) name,
#include "proto/options.def"
#undef OPTION
};

static const char *const type_names[] = {
        "none",
#define TYPE(symbol, name, sentence) name,
#include "proto/types.def"
#undef TYPE
};

static const char *const type_sentences[] = {
        "nothing",
#define TYPE(symbol, name, sentence) sentence,
#include "proto/types.def"
#undef TYPE
};

/* Open addressing, a quarter full; a slot holds a method plus one. */
enum { METHOD_SLOTS = 128 };

_Static_assert(_METHOD_N * 2 <= METHOD_SLOTS, "the hash table of methods is too small");

static uint8_t method_slots[METHOD_SLOTS];
static pthread_once_t method_slots_once = PTHREAD_ONCE_INIT;

/* The first letters name the group, the last ones tell its members apart. */
static unsigned method_slot(const char *name, size_t n)
{
        uint32_t hash = (uint32_t)n;

        hash = hash * 31 + (uint8_t)name[0];
        hash = hash * 31 + (uint8_t)name[n / 2];
        hash = hash * 31 + (uint8_t)name[n - 2];
        hash = hash * 31 + (uint8_t)name[n - 1];
        return hash * 0x9e3779b1u >> 25;
}

static void method_slots_fill(void)
{
        for (unsigned i = 0; i < _METHOD_N; i++) {
                unsigned slot = method_slot(methods[i].name, methods[i].n_name);

                while (method_slots[slot]) {
                        slot = (slot + 1) % METHOD_SLOTS;
                }
                method_slots[slot] = (uint8_t)(i + 1);
        }
}

const struct method_info *method_info(enum method method)
{
        return &methods[method];
}

enum method method_from_name(const char *name, size_t n_bytes)
{
        if (n_bytes < 2 || n_bytes > METHOD_NAME_BYTES_MAX) {
                return _METHOD_N;
        }
        pthread_once(&method_slots_once, method_slots_fill);
        for (unsigned slot = method_slot(name, n_bytes); method_slots[slot];
             slot = (slot + 1) % METHOD_SLOTS) {
                unsigned i = method_slots[slot] - 1u;

                if (methods[i].n_name == n_bytes && !memcmp(methods[i].name, name, n_bytes)) {
                        return (enum method)i;
                }
        }
        return _METHOD_N;
}

/* Edits that turn one word into the other; long words are compared by their first letters. */
static unsigned methods_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
        unsigned row[METHOD_NAME_BYTES_MAX + 1];

        n_a = n_a < METHOD_NAME_BYTES_MAX ? n_a : METHOD_NAME_BYTES_MAX;
        n_b = n_b < METHOD_NAME_BYTES_MAX ? n_b : METHOD_NAME_BYTES_MAX;
        for (unsigned j = 0; j <= n_b; j++) {
                row[j] = j;
        }
        for (unsigned i = 1; i <= n_a; i++) {
                unsigned diagonal = row[0];

                row[0] = i;
                for (unsigned j = 1; j <= n_b; j++) {
                        unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
                        unsigned moved = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

                        diagonal = row[j];
                        row[j] = replaced < moved ? replaced : moved;
                }
        }
        return row[n_b];
}

const char *method_nearest_option(enum method method, const char *name, size_t n_bytes)
{
        const char *nearest = NULL;
        unsigned least = UINT32_MAX;

        for (const struct method_option *option = methods[method].options; option->type; option++) {
                const char *known = option_names[option->option];
                unsigned distance = methods_distance(name, n_bytes, known, strlen(known));

                if (distance < least) {
                        least = distance;
                        nearest = known;
                }
        }
        return nearest;
}

const char *option_name(enum option option)
{
        return option_names[option];
}

const char *type_name(enum param_type type)
{
        return type_names[type];
}

const char *type_sentence(enum param_type type)
{
        return type_sentences[type];
}
