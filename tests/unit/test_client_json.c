/* SPDX-License-Identifier: MIT */

/* JSON to values and back: nothing is lost on the way, and what JSON lacks has a form of its own.
 */

#include "support/unit.h"
#include <string.h>
#include <sys/socket.h>
#include "client/connection.h"
#include "client/heapctl/json.h"
#include "client/value.h"

static struct heapd *conn;
static struct writer answer;

static void json_init(void)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(heapd_connect_fd(&conn, fds[0]), 0);
        writer_init(&answer, 1 << 20);
}

static void json_fini(void)
{
        heapd_close(conn);
        writer_deinit(&answer);
}

#define JsonTest(name) Test(json, name, .init = json_init, .fini = json_fini)

/* The text of a value that the daemon sent. */
static void assert_text(const struct writer *bytes, const char *expected)
{
        struct reader reader;
        struct wire_value wire;
        struct heapd_value value;
        struct json_object *json;
        const char *text;

        reader_init(&reader, bytes->bytes, bytes->n);
        cr_assert(reader_take(&reader, &wire));
        value = value_from_wire(&wire);
        json = json_from_value(&value);
        text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE);
        cr_assert_str_eq(text, expected);
        json_object_put(json);
}

/* From JSON through a request and back to the same JSON. */
static void assert_round(const char *text)
{
        struct json_object *json = NULL;
        struct json_flaw flaw;

        cr_assert_eq(json_parse(text, &json, &flaw), 0, "%s: %s", text, flaw.reason);
        heapd_begin(conn, "m");
        cr_assert_eq(json_put(conn, json), 0, "%s", text);
        json_object_put(json);
        cr_assert_eq(conn->build_error, 0);
        assert_text(&conn->params, text);
}

JsonTest(values_come_back_as_they_were)
{
        static const char *const TEXTS[] = {
                "null",
                "true",
                "0",
                "-9223372036854775808",
                "9223372036854775807",
                "18446744073709551615",
                "0.1",
                "1.0",
                "-1e-300",
                "\"\"",
                "\"caf\xc3\xa9 \\n\"",
                "[]",
                "{}",
                "[1,[2,[{\"a\":null}]]]",
                "{\"$ref\":7}",
                "{\"$bin\":\"\"}",
                "{\"$bin\":\"00ff7f\"}",
                "{\"$map\":[[1,\"one\"],[null,[]]]}",
                "{\"$map\":[[\"$ref\",7]]}",
                "{\"$ref\":1,\"second\":2}",
        };

        for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
                assert_round(TEXTS[i]);
        }
}

JsonTest(numbers_that_json_lacks_have_a_form)
{
        writer_array(&answer, 3);
        writer_float(&answer, __builtin_inf());
        writer_float(&answer, -__builtin_inf());
        writer_float(&answer, __builtin_nan(""));
        assert_text(&answer, "[{\"$float\":\"inf\"},{\"$float\":\"-inf\"},{\"$float\":\"nan\"}]");
}

JsonTest(whole_floats_do_not_become_integers)
{
        writer_array(&answer, 3);
        writer_float(&answer, 3.0);
        writer_float(&answer, 1e300);
        writer_float(&answer, -0.0);
        assert_text(&answer, "[3.0,1e+300,-0.0]");
}

JsonTest(what_is_not_json_is_refused_with_its_place)
{
        static const char *const TEXTS[] = {"", "[1,", "[1] x", "{a:1}", "[01]", "nul", "\"\xff\""};
        struct json_object *json = NULL;
        struct json_flaw flaw;

        for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
                cr_assert_eq(json_parse(TEXTS[i], &json, &flaw), JSON_E_MALFORMED, "%s", TEXTS[i]);
                cr_assert_not_null(flaw.reason);
                cr_assert_null(json);
        }
}

JsonTest(malformed_special_forms_are_refused)
{
        static const char *const TEXTS[] = {
                "{\"$ref\":\"x\"}",  "{\"$ref\":-1}", "{\"$ref\":4294967296}", "{\"$bin\":\"0\"}",
                "{\"$bin\":\"0g\"}", "{\"$bin\":1}",  "{\"$map\":{}}",         "{\"$map\":[[1]]}"};

        for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
                struct json_object *json = NULL;
                struct json_flaw flaw;

                cr_assert_eq(json_parse(TEXTS[i], &json, &flaw), 0);
                heapd_begin(conn, "m");
                cr_assert_eq(json_put(conn, json), JSON_E_MALFORMED, "%s", TEXTS[i]);
                json_object_put(json);
        }
}
