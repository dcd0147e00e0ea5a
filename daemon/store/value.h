/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Value: what goes into and comes out of the store, one at a time.
 *
 * Owns:     nothing. Bytes of a value handed in are borrowed until the call returns. Bytes given to
 *           a sink are good during that call of the sink; those of a single result until the next
 *           call of the store or the next boundary (gc_poll, gc_leave), whichever comes first.
 * Threads:  the executor.
 * Failure:  a source says false when it cannot deliver; sinks keep their own troubles to
 *           themselves.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum value_type {
        VALUE_NIL,
        VALUE_BOOL,
        VALUE_INT,
        VALUE_UINT, /* only above INT64_MAX; what fits an int is one */
        VALUE_FLOAT,
        VALUE_STR, /* valid UTF-8, checked where it came in */
        VALUE_BIN,
        VALUE_DOC, /* the raw bytes of a nested array or map; opaque here */
        VALUE_TIME,
        VALUE_REF,
        _VALUE_N,
};

struct value {
        enum value_type type;
        uint32_t n_bytes; /* str, bin, doc */
        union {
                bool boolean;
                int64_t integer;
                uint64_t natural;
                double real;
                const uint8_t *bytes;
                struct {
                        int64_t seconds; /* since 1970 */
                        uint32_t nanoseconds;
                } time;
                uint32_t handle; /* 0: nil */
        };
};

const char *value_type_name(enum value_type type);

/*
 * Many values in, pulled by the store straight from where they lie. `n` counts values, so a source
 * of pairs (key, value, key, value, …) has twice as many as pairs. The store may go over them
 * several times and expects the same each time. The bytes of all of them stay until the call
 * returns. next() is called at most n times between two rewinds; false means that the next value is
 * no value: the call ends with STORE_E_BAD_REQUEST and no effect, and the source's owner knows what
 * was wrong.
 */
struct value_source {
        uint32_t n;
        void (*rewind)(struct value_source *source);
        bool (*next)(struct value_source *source, struct value *ret_value);
};

/*
 * Many values out. Calls come in the order of the encoded result: a container announces how many
 * elements (a map: pairs) follow. A call that fails has not touched its sink.
 */
struct value_sink {
        void (*begin_array)(struct value_sink *sink, uint32_t n);
        void (*begin_map)(struct value_sink *sink, uint32_t n_pairs);
        void (*value)(struct value_sink *sink, const struct value *value);
};

static inline struct value value_nil(void)
{
        return (struct value){.type = VALUE_NIL};
}

static inline struct value value_bool(bool b)
{
        return (struct value){.type = VALUE_BOOL, .boolean = b};
}

static inline struct value value_int(int64_t i)
{
        return (struct value){.type = VALUE_INT, .integer = i};
}

static inline struct value value_uint(uint64_t u)
{
        return u > INT64_MAX ? (struct value){.type = VALUE_UINT, .natural = u}
                             : value_int((int64_t)u);
}

static inline struct value value_float(double d)
{
        return (struct value){.type = VALUE_FLOAT, .real = d};
}

static inline struct value value_bytes(enum value_type type, const void *bytes, uint32_t n_bytes)
{
        return (struct value){.type = type, .n_bytes = n_bytes, .bytes = bytes};
}

static inline struct value value_str(const char *text)
{
        return value_bytes(VALUE_STR, text, (uint32_t)strlen(text));
}

static inline struct value value_time(int64_t seconds, uint32_t nanoseconds)
{
        return (struct value){.type = VALUE_TIME,
                              .time = {.seconds = seconds, .nanoseconds = nanoseconds}};
}

static inline struct value value_ref(uint32_t handle)
{
        return (struct value){.type = VALUE_REF, .handle = handle};
}
