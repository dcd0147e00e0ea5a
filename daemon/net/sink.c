/* SPDX-License-Identifier: MIT */
#include "net/sink.h"

#include "base/assert.h"
#include "proto/kinds.h"

static void sink_big_endian(uint8_t *bytes, uint64_t value, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                bytes[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
        }
}

/* The shortest of MessagePack's three forms. */
static void sink_time(struct writer *out, int64_t seconds, uint32_t nanoseconds)
{
        uint8_t bytes[12];

        if (seconds < 0 || seconds >> 34) {
                sink_big_endian(bytes, nanoseconds, 4);
                sink_big_endian(bytes + 4, (uint64_t)seconds, 8);
                writer_ext(out, EXT_TIMESTAMP, bytes, 12);
        } else if (nanoseconds > 0 || seconds > UINT32_MAX) {
                sink_big_endian(bytes, (uint64_t)nanoseconds << 34 | (uint64_t)seconds, 8);
                writer_ext(out, EXT_TIMESTAMP, bytes, 8);
        } else {
                sink_big_endian(bytes, (uint64_t)seconds, 4);
                writer_ext(out, EXT_TIMESTAMP, bytes, 4);
        }
}

void sink_value(struct writer *out, const struct value *value)
{
        switch (value->type) {
        case VALUE_NIL:
                writer_nil(out);
                break;
        case VALUE_BOOL:
                writer_bool(out, value->boolean);
                break;
        case VALUE_INT:
                writer_int(out, value->integer);
                break;
        case VALUE_UINT:
                writer_uint(out, value->natural);
                break;
        case VALUE_FLOAT:
                writer_float(out, value->real);
                break;
        case VALUE_STR:
                writer_str(out, (const char *)value->bytes, value->n_bytes);
                break;
        case VALUE_BIN:
                writer_bin(out, value->bytes, value->n_bytes);
                break;
        case VALUE_DOC:
                writer_raw(out, value->bytes, value->n_bytes);
                break;
        case VALUE_TIME:
                sink_time(out, value->time.seconds, value->time.nanoseconds);
                break;
        case VALUE_REF:
                writer_handle(out, value->handle);
                break;
        case _VALUE_N:
        default:
                hd_unreachable();
        }
}

static void sink_on_array(struct value_sink *values, uint32_t n)
{
        writer_array(((struct sink *)values)->out, n);
}

static void sink_on_map(struct value_sink *values, uint32_t n_pairs)
{
        writer_map(((struct sink *)values)->out, n_pairs);
}

static void sink_on_value(struct value_sink *values, const struct value *value)
{
        sink_value(((struct sink *)values)->out, value);
}

void sink_init(struct sink *sink, struct writer *out)
{
        *sink = (struct sink){
                .values = {.begin_array = sink_on_array,
                           .begin_map = sink_on_map,
                           .value = sink_on_value},
                .out = out,
        };
}
