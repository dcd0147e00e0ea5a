/* SPDX-License-Identifier: MIT */
/* Tables: names lead back to what they name, references hold, api.info is whole. */
#include "proto/methods.h"

#include <ctype.h>
#include <string.h>

#include "proto/describe.h"
#include "proto/errors.h"
#include "proto/kinds.h"
#include "proto/reader.h"
#include "support/unit.h"

Test(methods, every_name_leads_back_to_its_method)
{
        for (unsigned i = 0; i < _METHOD_N; i++) {
                const char *name = method_info((enum method)i)->name;

                cr_assert_eq(method_from_name(name, strlen(name)), i, "%s", name);
                cr_assert_eq(method_from_name(name, strlen(name) - 1), _METHOD_N);
                cr_assert_le(strlen(name), METHOD_NAME_BYTES_MAX);
        }
        cr_assert_eq(method_from_name("", 0), _METHOD_N);
        cr_assert_eq(method_from_name("x", 1), _METHOD_N);
        cr_assert_eq(method_from_name("ping\0", 5), _METHOD_N);
}

Test(methods, errors_they_name_exist_and_help_is_a_sentence)
{
        for (unsigned i = 0; i < _METHOD_N; i++) {
                const struct method_info *info = method_info((enum method)i);

                for (const char *word = info->errors; *word;) {
                        size_t n = strcspn(word, " ");

                        cr_assert_neq(error_from_name(word, n), _ERROR_N, "%s", info->name);
                        word += n + (word[n] == ' ');
                }
                cr_assert(isupper(info->help[0]) && strchr(info->help, 0)[-1] == '.', "%s",
                          info->name);
        }
}

Test(methods, options_are_spelt_out_for_who_mistypes_them)
{
        cr_assert_str_eq(method_nearest_option(METHOD_MAP_SCAN, "limt", 4), "limit");
        cr_assert_str_eq(method_nearest_option(METHOD_OBJ_SET, "version", 7), "if_version");
        cr_assert_null(method_nearest_option(METHOD_PING, "x", 1));
}

Test(tables, error_and_kind_names_lead_back)
{
        for (unsigned i = 0; i < _ERROR_N; i++) {
                const char *name = error_name((enum error)i);

                cr_assert_eq(error_from_name(name, strlen(name)), i);
                cr_assert_gt(strlen(error_sentence((enum error)i)), 10);
        }
        for (unsigned i = 0; i < _WIRE_KIND_N; i++) {
                cr_assert_eq(wire_kind_from_name(wire_kind_name((enum wire_kind)i),
                                                 strlen(wire_kind_name((enum wire_kind)i))),
                             i);
        }
        for (unsigned i = 0; i < _WIRE_KIND_N; i++) {
                cr_assert_not_null(
                        strstr(type_sentence(TYPE_KIND), wire_kind_name((enum wire_kind)i)));
        }
        cr_assert_eq(wire_kind_from_name("maps", 4), _WIRE_KIND_N);
        cr_assert_eq(error_from_name("", 0), _ERROR_N);
}

Test(describe, api_info_is_one_value_with_every_method_in_it)
{
        struct writer writer;
        struct reader reader;
        struct wire_value value;

        writer_init(&writer, 1u << 20);
        api_info_write(&writer);
        cr_assert_eq(writer_status(&writer), 0);
        reader_init(&reader, writer.bytes, writer.n);
        cr_assert(reader_take(&reader, &value));
        cr_assert(reader.at == reader.end);
        cr_assert_eq(value.n, 5);
        reader = reader_inside(&value);
        cr_assert(reader_skip(&reader, 1) && reader_take(&reader, &value));
        cr_assert_eq(value.n, _METHOD_N);
        writer_deinit(&writer);
}

Test(describe, limits_are_those_in_force)
{
        struct limits limits = LIMITS_DEFAULT;
        struct writer writer;
        struct reader reader;
        struct wire_value value;

        limits.message_bytes = 4096;
        writer_init(&writer, 1u << 20);
        limits_write(&writer, &limits);
        reader_init(&reader, writer.bytes, writer.n);
        cr_assert(reader_next(&reader, &value) && reader_skip(&reader, 1));
        cr_assert(reader_take(&reader, &value));
        cr_assert_eq(value.uint, 4096);
        writer_deinit(&writer);
}
