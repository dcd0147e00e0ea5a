/* SPDX-License-Identifier: MIT */
/* What stands between the wire and the store: values both ways, outcomes, the table of methods. */
#include "net/rpc.h"
#include "net/sink.h"
#include "net/status.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

/* A value in its shortest encoding, which is how it must come back. */
static const struct {
        const char *bytes;
        size_t n;
        enum value_type type;
} wire_values[] = {
        {"\xc0", 1, VALUE_NIL},
        {"\xc2", 1, VALUE_BOOL},
        {"\xc3", 1, VALUE_BOOL},
        {"\x00", 1, VALUE_INT},
        {"\xff", 1, VALUE_INT},
        {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, VALUE_INT},
        {"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9, VALUE_INT},
        {"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9, VALUE_UINT},
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, VALUE_UINT},
        {"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9, VALUE_FLOAT},
        {"\xa0", 1, VALUE_STR},
        {"\xa3xyz", 4, VALUE_STR},
        {"\xc4\x03xyz", 5, VALUE_BIN},
        {"\x90", 1, VALUE_DOC},
        {"\x92\x01\x81\xa1k\xc0", 6, VALUE_DOC},
        {"\x80", 1, VALUE_DOC},
        {"\xd6\x01\x00\x00\x00\x07", 6, VALUE_REF},
        {"\xd6\xff\x00\x00\x00\x07", 6, VALUE_TIME},
        {"\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x07", 10, VALUE_TIME},
        {"\xd7\xff\xee\x6b\x27\xff\xff\xff\xff\xff", 10, VALUE_TIME},
        {"\xc7\x0c\xff\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff", 15, VALUE_TIME},
        {"\xc7\x0c\xff\x3b\x9a\xc9\xff\x00\x00\x00\x04\x00\x00\x00\x00", 15, VALUE_TIME},
};

Test(net_values, every_value_comes_back_as_it_went_in)
{
        for (unsigned i = 0; i < sizeof(wire_values) / sizeof(wire_values[0]); i++) {
                const uint8_t *bytes = (const uint8_t *)wire_values[i].bytes;
                struct wire_value wire;
                struct reader reader;
                struct writer writer;
                struct value value;

                reader_init(&reader, bytes, wire_values[i].n);
                cr_assert(reader_take(&reader, &wire), "value %u", i);
                value = source_value(&wire);
                cr_assert_eq(value.type, wire_values[i].type, "value %u", i);
                writer_init(&writer, 64);
                sink_value(&writer, &value);
                cr_assert_eq(writer.n, wire_values[i].n, "value %u", i);
                cr_assert_arr_eq(writer.bytes, bytes, writer.n);
                writer_deinit(&writer);
        }
}

static void expect_source(struct source *source, const char *keys)
{
        for (unsigned round = 0; round < 3; round++) {
                struct value value;

                cr_assert_eq(source->values.n, strlen(keys));
                for (unsigned i = 0; i < source->values.n; i++) {
                        cr_assert(source->values.next(&source->values, &value));
                        cr_assert_eq(value.integer, keys[i] - '0');
                        if (round == 1 && i == 1) {
                                break; /* rewinding in the middle of a pair too */
                        }
                }
                source->values.rewind(&source->values);
        }
}

Test(net_values, pairs_come_alike_from_a_map_and_from_an_array_of_pairs)
{
        static const char *const forms[] = {"\x82\x01\x02\x03\x04", "\x92\x92\x01\x02\x92\x03\x04"};

        for (unsigned i = 0; i < 2; i++) {
                struct wire_value wire;
                struct reader reader;
                struct source source;

                reader_init(&reader, (const uint8_t *)forms[i], strlen(forms[i]));
                cr_assert(reader_take(&reader, &wire));
                source_init_pairs(&source, &wire);
                expect_source(&source, "1234");
                if (i == 0) {
                        continue;
                }
                reader_init(&reader, (const uint8_t *)"\x93\x05\x06\x07", 4);
                cr_assert(reader_take(&reader, &wire));
                source_init_values(&source, &wire);
                expect_source(&source, "567");
        }
}

Test(net_values, nothing_is_delivered_from_nothing)
{
        struct wire_value nil = {.type = WIRE_NIL};
        struct source source;

        source_init_values(&source, &nil);
        cr_assert_eq(source.values.n, 0);
        source_init_pairs(&source, &nil);
        cr_assert_eq(source.values.n, 0);
        source.values.rewind(&source.values);
}

Test(net_values, an_outcome_and_its_error_have_one_name)
{
        for (int outcome = STORE_OK + 1; outcome < _STORE_E_N; outcome++) {
                cr_assert_str_eq(error_name(status_of((enum store_outcome)outcome)),
                                 store_outcome_name((enum store_outcome)outcome));
        }
}

Test(net_values, every_method_has_a_function)
{
        for (int method = 0; method < _METHOD_N; method++) {
                cr_assert(rpc_find((enum method)method), "%s",
                          method_info((enum method)method)->name);
        }
        cr_assert_not(rpc_find(_METHOD_N));
}

Test(net_values, an_inbox_grows_by_what_has_arrived_and_no_further_than_its_bound)
{
        struct inbox inbox = {0};
        size_t n_max = 100000, n, n_all = 0;
        uint8_t *bytes;

        while (inbox_reserve(&inbox, n_max, &bytes, &n)) {
                cr_assert_le(inbox.n_cap, inbox.n == 0 ? 4096 : inbox.n * 2);
                memset(bytes, (int)(n_all & 0xff), n);
                inbox.n += n;
                n_all += n;
        }
        cr_assert_eq(n_all, n_max);
        inbox.at = 60000;
        cr_assert(inbox_reserve(&inbox, n_max, &bytes, &n));
        cr_assert_eq(n, 60000);
        cr_assert_eq(inbox.n, 40000);
        inbox_clear(&inbox);
        cr_assert_null(inbox.bytes);
}
