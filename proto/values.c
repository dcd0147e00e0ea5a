/* SPDX-License-Identifier: MIT */

#include <math.h>
#include <string.h>
#include "proto/format.h"
#include "proto/limits.h"
#include "proto/values.h"

_Static_assert(LIMIT_NAME_BYTES == 512 && LIMIT_INLINE_BYTES == 65536 && LIMIT_SLOTS == 65535,
               "sentences here and in types.def name these numbers");

static bool value_refuse(struct value_flaw *flaw, enum error code, const char *what)
{
        *flaw = (struct value_flaw){.code = code, .what = what, .element = -1};
        return false;
}

static bool value_mismatch(struct value_flaw *flaw, const char *wanted, enum wire_type found)
{
        *flaw = (struct value_flaw){
                .code = ERROR_BAD_REQUEST,
                .wanted = wanted,
                .found = found,
                .element = -1,
        };
        return false;
}

static bool value_cut_off(struct value_flaw *flaw)
{
        return value_refuse(flaw, ERROR_BAD_REQUEST, "is cut off");
}

bool value_is_reference(const struct wire_value *value)
{
        return value->type == WIRE_EXT && value->ext == EXT_REFERENCE && value->n == 4;
}

bool value_handle(const struct wire_value *value, uint32_t *ret_handle)
{
        if (value_is_reference(value)) {
                *ret_handle = (uint32_t)format_big_endian(value->bytes, 4);
                return true;
        }
        if (value->type == WIRE_UINT && value->uint <= UINT32_MAX) {
                *ret_handle = (uint32_t)value->uint;
                return true;
        }
        return false;
}

static bool value_is_text(const struct wire_value *value, const char *text)
{
        return value->type == WIRE_STR && value->n == strlen(text) &&
               !memcmp(value->bytes, text, value->n);
}

static bool value_is_timestamp(const struct wire_value *value)
{
        return value->type == WIRE_EXT && value->ext == EXT_TIMESTAMP &&
               (value->n == 4 || value->n == 8 || value->n == 12);
}

/* Is it of the type, leaving its length and its bytes aside? */
static bool value_fits(enum param_type type, const struct wire_value *value)
{
        uint32_t handle;

        switch (type) {
        case TYPE_ANY:
                return true;
        case TYPE_BOOL:
                return value->type == WIRE_BOOL;
        case TYPE_TRUE:
                return value->type == WIRE_BOOL && value->boolean;
        case TYPE_UINT:
                return value->type == WIRE_UINT;
        case TYPE_NUMBER:
                return value->type == WIRE_UINT || value->type == WIRE_INT ||
                       value->type == WIRE_FLOAT;
        case TYPE_STR:
                return value->type == WIRE_STR;
        case TYPE_BYTES:
                return value->type == WIRE_STR || value->type == WIRE_BIN;
        case TYPE_MAP:
                return value->type == WIRE_MAP;
        case TYPE_NAME:
                return value->type == WIRE_STR && value->n;
        case TYPE_KIND:
                return value->type == WIRE_STR &&
                       wire_kind_from_name((const char *)value->bytes, value->n) != _WIRE_KIND_N;
        case TYPE_OBJECT:
                return (value->type == WIRE_STR && value->n) || value_handle(value, &handle);
        case TYPE_HANDLE:
                return value_handle(value, &handle);
        case TYPE_INTO:
                return value->type == WIRE_UINT && value->uint && value->uint <= INT32_MAX;
        case TYPE_KEY:
                return value->type <= WIRE_BIN;
        case TYPE_CURSOR:
                return value->type == WIRE_NIL || value->type == WIRE_UINT;
        case TYPE_ABSENT:
                return value_is_text(value, "absent");
        case TYPE_ABSENT_OR_HANDLE:
                return value_is_text(value, "absent") || value_handle(value, &handle);
        case TYPE_NONE:
        case TYPE_HANDLES:
        case TYPE_KEYS:
        case TYPE_KEYS_OR_NIL:
        case TYPE_VALUE:
        case TYPE_VALUES:
        case TYPE_PAIRS:
        case TYPE_INIT:
        case TYPE_CONTENT:
        case TYPE_VERSIONS:
        case _TYPE_N:
                break;
        }
        return false;
}

/* Lengths, UTF-8 and NaN, for a value that fits its type. */
static bool value_within(enum param_type type, const struct wire_value *value,
                         struct value_flaw *flaw)
{
        bool is_name = type == TYPE_NAME || (type == TYPE_OBJECT && value->type == WIRE_STR);
        bool is_inline = type == TYPE_KEY || type == TYPE_VALUE;

        if (is_name && value->n > LIMIT_NAME_BYTES) {
                return value_refuse(flaw, ERROR_LIMIT, "is a name of more than 512 bytes");
        }
        if (is_inline && (value->type == WIRE_STR || value->type == WIRE_BIN) &&
            value->n > LIMIT_INLINE_BYTES) {
                return value_refuse(flaw, ERROR_LIMIT,
                                    "has more than 65536 bytes: keep them in a blob");
        }
        if (type == TYPE_KEY && value->type == WIRE_FLOAT && isnan(value->real)) {
                return value_refuse(flaw, ERROR_BAD_REQUEST, "is NaN, which is no key");
        }
        /* Older clients have no bin: what goes into a blob may be any bytes. */
        if (value->type == WIRE_STR && type != TYPE_BYTES && !utf8_valid(value->bytes, value->n)) {
                return value_refuse(flaw, ERROR_BAD_REQUEST,
                                    "is a string that is not valid UTF-8: send bytes as bin");
        }
        return true;
}

/* What is inside a nested array or map, whose head has been read. */
static bool value_doc(struct reader *reader, struct wire_value *doc, struct value_flaw *flaw)
{
        uint64_t n_left = (uint64_t)doc->n << (doc->type == WIRE_MAP);
        struct wire_value value;

        while (n_left) {
                if (!reader_next(reader, &value)) {
                        return value_cut_off(flaw);
                }
                n_left--;
                if (value.type == WIRE_ARRAY || value.type == WIRE_MAP) {
                        n_left += (uint64_t)value.n << (value.type == WIRE_MAP);
                } else if (value_is_reference(&value)) {
                        return value_refuse(flaw, ERROR_BAD_REQUEST,
                                            "is a nested array or map with a reference inside: "
                                            "create an object instead");
                } else if (value.type == WIRE_EXT && !value_is_timestamp(&value)) {
                        return value_refuse(flaw, ERROR_BAD_REQUEST,
                                            "contains an ext that cannot be stored");
                } else if (value.type == WIRE_STR && !utf8_valid(value.bytes, value.n)) {
                        return value_refuse(flaw, ERROR_BAD_REQUEST,
                                            "contains a string that is not valid UTF-8");
                }
        }
        doc->n_raw = (size_t)(reader->at - doc->raw);
        return doc->n_raw <= LIMIT_INLINE_BYTES ||
               value_refuse(flaw, ERROR_LIMIT, "is a nested array or map of more than 65536 bytes");
}

static bool value_storable(struct reader *reader, struct wire_value *value, struct value_flaw *flaw)
{
        if (!reader_next(reader, value)) {
                return value_cut_off(flaw);
        }
        if (value->type == WIRE_ARRAY || value->type == WIRE_MAP) {
                return value_doc(reader, value, flaw);
        }
        if (value->type == WIRE_EXT && !value_is_reference(value) && !value_is_timestamp(value)) {
                return value_refuse(flaw, ERROR_BAD_REQUEST, "is an ext that cannot be stored");
        }
        return value_within(TYPE_VALUE, value, flaw);
}

/* An array of values of one type. */
static bool value_list(enum param_type list, enum param_type type, struct reader *reader,
                       struct wire_value *value, struct value_flaw *flaw)
{
        struct wire_value element;

        if (!reader_next(reader, value)) {
                return value_cut_off(flaw);
        }
        if (list == TYPE_KEYS_OR_NIL && value->type == WIRE_NIL) {
                return true;
        }
        if (value->type != WIRE_ARRAY) {
                return value_mismatch(flaw, type_sentence(list), value->type);
        }
        for (uint32_t i = 0; i < value->n; i++) {
                if (!value_check(type, _WIRE_KIND_N, reader, &element, flaw)) {
                        flaw->element = i;
                        return false;
                }
        }
        value->n_raw = (size_t)(reader->at - value->raw);
        return true;
}

static bool value_pair(bool in_map, struct reader *reader, struct value_flaw *flaw)
{
        struct wire_value value;

        if (!in_map) {
                if (!reader_next(reader, &value)) {
                        return value_cut_off(flaw);
                }
                if (value.type != WIRE_ARRAY || value.n != 2) {
                        return value_mismatch(flaw, "an array [key, value]", value.type);
                }
        }
        return value_check(TYPE_KEY, _WIRE_KIND_N, reader, &value, flaw) &&
               value_storable(reader, &value, flaw);
}

static bool value_pairs(struct reader *reader, struct wire_value *value, struct value_flaw *flaw)
{
        if (!reader_next(reader, value)) {
                return value_cut_off(flaw);
        }
        if (value->type != WIRE_ARRAY && value->type != WIRE_MAP) {
                return value_mismatch(flaw, type_sentence(TYPE_PAIRS), value->type);
        }
        for (uint32_t i = 0; i < value->n; i++) {
                if (!value_pair(value->type == WIRE_MAP, reader, flaw)) {
                        flaw->element = i;
                        return false;
                }
        }
        value->n_raw = (size_t)(reader->at - value->raw);
        return true;
}

/* The first content of a new object, by its kind. */
static bool value_init(enum wire_kind kind, struct reader *reader, struct wire_value *value,
                       struct value_flaw *flaw)
{
        static const char *const wanted[] = {
                [WIRE_KIND_RECORD] = "an array of values, a number of slots, or nil",
                [WIRE_KIND_ARRAY] = "an array of values, or nil",
                [WIRE_KIND_MAP] = "a map, an array of [key, value], or nil",
                [WIRE_KIND_WEAK] = "an object: a handle or a name",
                [WIRE_KIND_BLOB] = "a bin or a string",
                [_WIRE_KIND_N] = "the content of a known kind",
        };
        static const enum param_type types[] = {
                [WIRE_KIND_RECORD] = TYPE_VALUES, [WIRE_KIND_ARRAY] = TYPE_VALUES,
                [WIRE_KIND_MAP] = TYPE_PAIRS,     [WIRE_KIND_WEAK] = TYPE_OBJECT,
                [WIRE_KIND_BLOB] = TYPE_BYTES,    [_WIRE_KIND_N] = TYPE_NONE,
        };
        struct reader peek = *reader;

        if (!reader_next(&peek, value)) {
                return value_cut_off(flaw);
        }
        if ((value->type == WIRE_NIL && kind != WIRE_KIND_BLOB && kind != WIRE_KIND_WEAK) ||
            (value->type == WIRE_UINT && kind == WIRE_KIND_RECORD)) {
                *reader = peek;
        } else if (!value_check(types[kind], kind, reader, value, flaw)) {
                if (!flaw->what && flaw->element < 0) {
                        flaw->wanted = wanted[kind];
                }
                return false;
        }
        if (kind == WIRE_KIND_RECORD &&
            (value->type == WIRE_UINT ? value->uint : value->n) > LIMIT_SLOTS) {
                return value_refuse(flaw, ERROR_LIMIT, "makes more than 65535 slots");
        }
        return true;
}

static bool value_content(struct reader *reader, struct wire_value *value, struct value_flaw *flaw)
{
        struct wire_value map;
        struct wire_value key;

        if (!reader_next(reader, &map)) {
                return value_cut_off(flaw);
        }
        if (map.type != WIRE_MAP || map.n != 1) {
                return value_mismatch(flaw, type_sentence(TYPE_CONTENT), map.type);
        }
        if (!reader_take(reader, &key) || !reader_take(reader, value)) {
                return value_cut_off(flaw);
        }
        return (value_is_text(&key, "bytes") && value_fits(TYPE_BYTES, value)) ||
               value_mismatch(flaw, type_sentence(TYPE_CONTENT), map.type);
}

static bool value_versions(struct reader *reader, struct wire_value *value, struct value_flaw *flaw)
{
        struct reader inside;
        struct wire_value low;
        struct wire_value high;

        if (!reader_take(reader, value)) {
                return value_cut_off(flaw);
        }
        inside = reader_inside(value);
        return (value->type == WIRE_ARRAY && value->n == 2 && reader_take(&inside, &low) &&
                reader_take(&inside, &high) && low.type == WIRE_UINT && high.type == WIRE_UINT) ||
               value_mismatch(flaw, type_sentence(TYPE_VERSIONS), value->type);
}

static bool value_scalar(enum param_type type, struct reader *reader, struct wire_value *value,
                         struct value_flaw *flaw)
{
        if (!reader_take(reader, value)) {
                return value_cut_off(flaw);
        }
        if (!value_fits(type, value)) {
                return value_mismatch(flaw, type_sentence(type), value->type);
        }
        return value_within(type, value, flaw);
}

bool value_check(enum param_type type, enum wire_kind kind, struct reader *reader,
                 struct wire_value *ret_value, struct value_flaw *ret_flaw)
{
        switch ((int)type) { /* as an int, since the others are scalars, and no case is forgotten */
        case TYPE_HANDLES:
                return value_list(type, TYPE_HANDLE, reader, ret_value, ret_flaw);
        case TYPE_KEYS:
        case TYPE_KEYS_OR_NIL:
                return value_list(type, TYPE_KEY, reader, ret_value, ret_flaw);
        case TYPE_VALUES:
                return value_list(type, TYPE_VALUE, reader, ret_value, ret_flaw);
        case TYPE_VALUE:
                return value_storable(reader, ret_value, ret_flaw);
        case TYPE_PAIRS:
                return value_pairs(reader, ret_value, ret_flaw);
        case TYPE_INIT:
                return value_init(kind, reader, ret_value, ret_flaw);
        case TYPE_CONTENT:
                return value_content(reader, ret_value, ret_flaw);
        case TYPE_VERSIONS:
                return value_versions(reader, ret_value, ret_flaw);
        default:
                return value_scalar(type, reader, ret_value, ret_flaw);
        }
}

struct pairs pairs_of(const struct wire_value *value)
{
        return (struct pairs){
                .reader = reader_inside(value),
                .in_map = value->type == WIRE_MAP,
                .n_left = value->n,
        };
}

bool pairs_next(struct pairs *pairs, struct wire_value *ret_key, struct wire_value *ret_value)
{
        struct wire_value pair;

        if (!pairs->n_left || (!pairs->in_map && !reader_next(&pairs->reader, &pair))) {
                return false;
        }
        pairs->n_left--;
        return reader_take(&pairs->reader, ret_key) && reader_take(&pairs->reader, ret_value);
}
