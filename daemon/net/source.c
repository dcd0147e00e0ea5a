/* SPDX-License-Identifier: MIT */
#include "net/source.h"

#include "base/assert.h"
#include "proto/values.h"

static uint64_t source_big_endian(const uint8_t *bytes, unsigned n)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < n; i++) {
                value = value << 8 | bytes[i];
        }
        return value;
}

/* MessagePack's timestamps: 32 bits of seconds; 30 of nanoseconds and 34 of seconds; 32 and 64. */
static struct value source_time(const struct wire_value *from)
{
        uint64_t packed;

        switch (from->n) {
        case 4:
                return value_time((int64_t)source_big_endian(from->bytes, 4), 0);
        case 8:
                packed = source_big_endian(from->bytes, 8);
                return value_time((int64_t)(packed & ((UINT64_C(1) << 34) - 1)),
                                  (uint32_t)(packed >> 34));
        default:
                return value_time((int64_t)source_big_endian(from->bytes + 4, 8),
                                  (uint32_t)source_big_endian(from->bytes, 4));
        }
}

static struct value source_ext(const struct wire_value *from)
{
        uint32_t handle = 0;

        if (from->ext == EXT_TIMESTAMP) {
                return source_time(from);
        }
        value_handle(from, &handle);
        return handle == 0 ? value_nil() : value_ref(handle);
}

struct value source_value(const struct wire_value *from)
{
        switch (from->type) {
        case WIRE_NIL:
                return value_nil();
        case WIRE_BOOL:
                return value_bool(from->boolean);
        case WIRE_UINT:
                return value_uint(from->uint);
        case WIRE_INT:
                return value_int(from->sint);
        case WIRE_FLOAT:
                return value_float(from->real);
        case WIRE_STR:
                return value_bytes(VALUE_STR, from->bytes, from->n);
        case WIRE_BIN:
                return value_bytes(VALUE_BIN, from->bytes, from->n);
        case WIRE_ARRAY:
        case WIRE_MAP:
                return value_bytes(VALUE_DOC, from->raw, (uint32_t)from->n_raw);
        case WIRE_EXT:
                return source_ext(from);
        case _WIRE_N:
        default:
                hd_unreachable();
        }
}

static void source_rewind(struct value_source *values)
{
        struct source *source = (struct source *)values;

        source->at_value = false;
        if (source->from) {
                source->reader = reader_inside(source->from);
        }
}

static bool source_next(struct value_source *values, struct value *ret_value)
{
        struct source *source = (struct source *)values;
        struct wire_value wire;

        /* Step into the pair: its head is read, its key comes next. */
        if (source->nested && !source->at_value && !reader_next(&source->reader, &wire)) {
                return false;
        }
        source->at_value = !source->at_value;
        if (!reader_take(&source->reader, &wire)) {
                return false;
        }
        *ret_value = source_value(&wire);
        return true;
}

static void source_init(struct source *source, const struct wire_value *from, uint32_t n)
{
        *source = (struct source){
                .values = {.n = n, .rewind = source_rewind, .next = source_next},
                .from = n > 0 ? from : NULL,
        };
        source_rewind(&source->values);
}

void source_init_values(struct source *source, const struct wire_value *from)
{
        source_init(source, from, from && from->type == WIRE_ARRAY ? from->n : 0);
}

void source_init_pairs(struct source *source, const struct wire_value *from)
{
        bool pairs = from && (from->type == WIRE_ARRAY || from->type == WIRE_MAP);

        source_init(source, from, pairs ? from->n * 2 : 0);
        source->nested = pairs && from->type == WIRE_ARRAY;
}

struct target source_target(const struct wire_value *from)
{
        uint32_t handle = 0;

        if (from->type == WIRE_STR) {
                return target_name(from->bytes, from->n);
        }
        value_handle(from, &handle);
        return target_handle(handle);
}
