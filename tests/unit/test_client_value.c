/* SPDX-License-Identifier: MIT */

/* Reading values: every type comes out as it went in, and nothing is converted in silence. */

#include "support/unit.h"
#include <errno.h>
#include <limits.h>
#include "client/value.h"
#include "proto/writer.h"

static struct writer writer;

static void value_init(void)
{
        writer_init(&writer, 1 << 20);
}

static void value_deinit(void)
{
        writer_deinit(&writer);
}

#define ValueTest(name) Test(value, name, .init = value_init, .fini = value_deinit)

/* The one value that was written. */
static struct heapd_value value_written(void)
{
        struct reader reader;
        struct wire_value wire;

        cr_assert_eq(writer_status(&writer), 0);
        reader_init(&reader, writer.bytes, writer.n);
        cr_assert(reader_take(&reader, &wire));
        cr_assert_eq(reader.at, reader.end);
        return value_from_wire(&wire);
}

ValueTest(integers_keep_their_sign_and_range)
{
        struct heapd_value value;
        int64_t number;
        uint64_t positive;

        writer_int(&writer, INT64_MIN);
        value = value_written();
        cr_assert_eq(heapd_as_int(&value, &number), 0);
        cr_assert_eq(number, INT64_MIN);
        cr_assert_eq(heapd_as_uint(&value, &positive), -EBADMSG);

        writer_reset(&writer, SIZE_MAX);
        writer_uint(&writer, INT64_MAX);
        value = value_written();
        cr_assert_eq(value.type, HEAPD_INT);
        cr_assert_eq(heapd_as_uint(&value, &positive), 0);
        cr_assert_eq(positive, (uint64_t)INT64_MAX);

        writer_reset(&writer, SIZE_MAX);
        writer_uint(&writer, (uint64_t)INT64_MAX + 1);
        value = value_written();
        cr_assert_eq(value.type, HEAPD_UINT);
        cr_assert_eq(heapd_as_int(&value, &number), -EBADMSG);
        cr_assert_eq(heapd_as_uint(&value, &positive), 0);
        cr_assert_eq(positive, (uint64_t)INT64_MAX + 1);
}

ValueTest(nothing_is_converted_in_silence)
{
        struct heapd_value value;
        int64_t number = 5;
        uint32_t handle = 5;
        double real;

        writer_float(&writer, 1.0);
        value = value_written();
        cr_assert_eq(heapd_as_int(&value, &number), -EBADMSG);
        cr_assert_eq(heapd_as_ref(&value, &handle), -EBADMSG);
        cr_assert_eq(number, 5);
        cr_assert_eq(heapd_as_float(&value, &real), 0);
        cr_assert_eq(real, 1.0);

        writer_reset(&writer, SIZE_MAX);
        writer_uint(&writer, 1);
        value = value_written();
        cr_assert_eq(heapd_as_float(&value, &real), -EBADMSG);
        cr_assert_eq(heapd_as_ref(&value, &handle), -EBADMSG, "a number is no reference");
}

ValueTest(references_and_other_ext_types_are_told_apart)
{
        struct heapd_value array, value;
        uint32_t handle;

        writer_array(&writer, 2);
        writer_handle(&writer, 0x80000001u);
        writer_ext(&writer, 4, "0123456789abcdef", 16);
        array = value_written();
        cr_assert(heapd_at(&array, 0, &value));
        cr_assert_eq(heapd_as_ref(&value, &handle), 0);
        cr_assert_eq(handle, 0x80000001u);
        cr_assert(heapd_at(&array, 1, &value));
        cr_assert_eq(value.type, HEAPD_EXT);
        cr_assert_eq(value.ext, 4);
        cr_assert_eq(value.n, 16);
        cr_assert_arr_eq(value.bytes, "0123456789abcdef", 16);
}

ValueTest(strings_are_compared_whole)
{
        struct heapd_value value;

        writer_str(&writer, "ab\0c", 4);
        value = value_written();
        cr_assert_eq(value.n, 4);
        cr_assert_not(heapd_is_text(&value, "ab"));
        writer_reset(&writer, SIZE_MAX);
        writer_text(&writer, "ab");
        value = value_written();
        cr_assert(heapd_is_text(&value, "ab"));
        cr_assert_not(heapd_is_text(&value, "a"));
        cr_assert_not(heapd_is_text(&value, "abc"));
        writer_reset(&writer, SIZE_MAX);
        writer_bin(&writer, "ab", 2);
        value = value_written();
        cr_assert_not(heapd_is_text(&value, "ab"), "bytes are no text");
}

ValueTest(items_of_containers_come_in_order_and_end)
{
        struct heapd_value value, item;
        struct heapd_items items;

        writer_map(&writer, 2);
        writer_text(&writer, "list");
        writer_array(&writer, 2);
        writer_array(&writer, 1);
        writer_nil(&writer);
        writer_uint(&writer, 8);
        writer_text(&writer, "n");
        writer_uint(&writer, 9);
        value = value_written();
        cr_assert_eq(value.n, 2);
        items = heapd_items(&value);
        for (int i = 0; i < 4; i++) {
                cr_assert(heapd_item(&items, &item));
        }
        cr_assert_eq(item.sint, 9);
        cr_assert_not(heapd_item(&items, &item));
        cr_assert(heapd_find(&value, "list", &item));
        cr_assert_not(heapd_at(&item, 2, &value));
        cr_assert(heapd_at(&item, 1, &value));
        cr_assert_eq(value.sint, 8);
}

ValueTest(what_is_not_a_container_has_no_items)
{
        struct heapd_value made = heapd_text("made"), item;
        struct heapd_items items = heapd_items(&made);

        cr_assert_not(heapd_item(&items, &item));
        cr_assert_not(heapd_at(&made, 0, &item));
        cr_assert_not(heapd_find(&made, "made", &item));
        writer_array(&writer, 0);
        made = value_written();
        items = heapd_items(&made);
        cr_assert_not(heapd_item(&items, &item));
        cr_assert_not(heapd_find(&made, "x", &item), "an array is not searched as a map");
}

Test(value, no_result_is_nil)
{
        cr_assert_eq(heapd_result_value(NULL)->type, HEAPD_NIL);
        heapd_result_free(NULL);
}
