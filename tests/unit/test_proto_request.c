/* SPDX-License-Identifier: MIT */
/*
 * Requests: each parameter type with what it takes and what it refuses, in the very words a client
 * sees; options; envelopes; limits at the limit and one beyond.
 */
#include "proto/request.h"

#include <stdio.h>
#include <string.h>

#include "proto/envelope.h"
#include "proto/limits.h"
#include "proto/values.h"
#include "support/notation.h"
#include "support/unit.h"

static struct request request;
static struct writer message;

static int decode(const char *text)
{
        writer_deinit(&message);
        writer_init(&message, 1u << 24);
        notation_write(&message, text);
        return request_decode(&request, message.bytes, message.n);
}

static void takes(const char *text)
{
        int r = decode(text);

        cr_assert_eq(r, 0, "%s: %s", text, request.message);
}

static void refuses(const char *text, const char *why)
{
        cr_assert_eq(decode(text), REQUEST_E_REFUSED, "%s", text);
        cr_assert_eq(request.code, ERROR_BAD_REQUEST, "%s", text);
        cr_assert_str_eq(request.message, why);
}

/* One good call of every method, with all its parameters and no option. */
static const char *const calls[_METHOD_N] = {
        [METHOD_HELLO] = "[0, 1, \"hello\", []]",
        [METHOD_PING] = "[0, 1, \"ping\", []]",
        [METHOD_BYE] = "[0, 1, \"bye\", []]",
        [METHOD_API_INFO] = "[0, 1, \"api.info\", []]",
        [METHOD_HANDLE_DUP] = "[0, 1, \"handle.dup\", [1]]",
        [METHOD_HANDLE_DROP] = "[0, 1, \"handle.drop\", [[1, #2]]]",
        [METHOD_HANDLE_SAME] = "[0, 1, \"handle.same\", [#1, \"name\"]]",
        [METHOD_NAME_GET] = "[0, 1, \"name.get\", [\"n\"]]",
        [METHOD_NAME_PUT] = "[0, 1, \"name.put\", [\"n\", #5]]",
        [METHOD_NAME_DEL] = "[0, 1, \"name.del\", [\"n\"]]",
        [METHOD_NAME_LIST] = "[0, 1, \"name.list\", [\"\"]]",
        [METHOD_OBJ_NEW] = "[0, 1, \"obj.new\", [\"record\", [1, #2, nil]]]",
        [METHOD_OBJ_INFO] = "[0, 1, \"obj.info\", [1]]",
        [METHOD_OBJ_GET] = "[0, 1, \"obj.get\", [1, [0, \"a\"]]]",
        [METHOD_OBJ_WALK] = "[0, 1, \"obj.walk\", [\"root\", [\"a\", 3]]]",
        [METHOD_OBJ_SET] = "[0, 1, \"obj.set\", [1, {0: 1, \"b\": #2}]]",
        [METHOD_OBJ_CAS] = "[0, 1, \"obj.cas\", [1, 0, nil, #4]]",
        [METHOD_OBJ_ADD] = "[0, 1, \"obj.add\", [1, 0, -2]]",
        [METHOD_ARRAY_PUSH] = "[0, 1, \"array.push\", [1, [1, 2]]]",
        [METHOD_ARRAY_READ] = "[0, 1, \"array.read\", [1, 0, 10]]",
        [METHOD_ARRAY_SPLICE] = "[0, 1, \"array.splice\", [1, 0, 1, []]]",
        [METHOD_MAP_DEL] = "[0, 1, \"map.del\", [1, [\"k\"]]]",
        [METHOD_MAP_SCAN] = "[0, 1, \"map.scan\", [1]]",
        [METHOD_BLOB_OPEN] = "[0, 1, \"blob.open\", [{\"bytes\": 'x'}]]",
        [METHOD_WEAK_GET] = "[0, 1, \"weak.get\", [1]]",
        [METHOD_BLOB_READ] = "[0, 1, \"blob.read\", [1, 0, 100]]",
        [METHOD_HEAP_STATS] = "[0, 1, \"heap.stats\", []]",
        [METHOD_HEAP_GC] = "[0, 1, \"heap.gc\", []]",
        [METHOD_HEAP_CTL] = "[0, 1, \"heap.ctl\", [\"free_os_memory\"]]",
};

/* P-3 */
Test(request, every_method_takes_its_call_and_counts_its_parameters)
{
        for (unsigned i = 0; i < _METHOD_N; i++) {
                const struct method_info *info = method_info((enum method)i);
                struct wire_value params;
                struct reader reader;
                struct writer altered;
                unsigned n_params = 0;

                cr_assert_not_null(calls[i], "%s has no call in this test", info->name);
                takes(calls[i]);
                cr_assert_eq(request.method, i);
                cr_assert_eq(request.options_given, 0);
                while (info->params[n_params].type) {
                        n_params++;
                }

                /* One parameter too few, an empty map of options, and something behind that. */
                reader_init(&reader, message.bytes, message.n);
                reader_next(&reader, &params);
                reader_skip(&reader, 3);
                reader_take(&reader, &params);
                writer_init(&altered, 1000);
                for (unsigned n = n_params ? n_params - 1 : 0; n <= n_params + 2; n++) {
                        unsigned n_kept = n < n_params ? n : n_params;
                        struct reader kept = reader_inside(&params);
                        int wanted = n < n_params || n > n_params + 1 ? REQUEST_E_REFUSED : 0;

                        reader_skip(&kept, n_kept);
                        writer_reset(&altered, SIZE_MAX);
                        envelope_request(&altered, 1, info->name, n);
                        writer_raw(&altered, params.bytes, (size_t)(kept.at - params.bytes));
                        for (unsigned extra = n_params; extra < n; extra++) {
                                writer_map(&altered, 0);
                        }
                        cr_assert_eq(request_decode(&request, altered.bytes, altered.n), wanted,
                                     "%s with %u", info->name, n);
                }
                writer_deinit(&altered);
        }
}

Test(request, refusals_name_the_place_what_is_wanted_and_what_was_found)
{
        refuses("[0, 1, \"obj.get\", [1, \"a\"]]",
                "obj.get: parameter 2 'keys' must be an array of keys, or nil, not a string");
        refuses("[0, 1, \"obj.get\", [1, [1, 2, [3]]]]",
                "obj.get: parameter 2 'keys', element 2, must be nil, a bool, an integer, a float, "
                "a string or a bin, not an array");
        refuses("[0, 1, \"obj.info\", [-1]]",
                "obj.info: parameter 1 'object' must be a handle (unsigned 32-bit integer or ext "
                "1) or a name, not a negative integer");
        refuses("[0, 1, \"obj.get\", [1]]",
                "obj.get: takes 2 parameters and an optional map, not 1");
        refuses("[0, 1, \"ping\", [1]]", "ping: the optional arguments must be a map");
        refuses("[0, 1, \"name.get\", [\"n\", {\"itno\": 5}]]",
                "name.get: unknown option 'itno': did you mean 'into'?");
        refuses("[0, 1, \"ping\", [{\"a b\": 5}]]",
                "ping: unknown option 'a?b': this method has none");
        refuses("[0, 1, \"name.get\", [\"n\", {\"into\": 5, \"into\": 5}]]",
                "name.get: option 'into' is given twice");
        refuses("[0, 1, \"name.get\", [\"n\", {\"into\": 0}]]",
                "name.get: option 'into' must be a handle number from 1 to 2147483647, not an "
                "integer");
        refuses("[0, 1, \"name.get\", [\"n\", {5: 5}]]",
                "name.get: the keys of the optional arguments must be strings");
        refuses("[0, 1, \"obj.new\", [\"heap\", nil]]",
                "obj.new: parameter 1 'kind' must be the name of a kind: record, array, map, weak "
                "or blob, not a string");
        refuses("[0, 1, \"obj.new\", [\"array\", 5]]",
                "obj.new: parameter 2 'init' must be an array of values, or nil, not an integer");
        refuses("[0, 1, \"obj.set\", [1, [[1, 2], [3]]]]",
                "obj.set: parameter 2 'pairs', element 1, must be an array [key, value], not an "
                "array");
}

/* P-8 */
Test(request, unknown_methods_are_named_if_they_can_be_shown)
{
        cr_assert_eq(decode("[0, 1, \"obj.gett\", []]"), REQUEST_E_REFUSED);
        cr_assert_eq(request.code, ERROR_UNKNOWN_METHOD);
        cr_assert_eq(request.msgid, 1);
        cr_assert_str_eq(request.message,
                         "unknown method 'obj.gett': api.info lists those there are");
        cr_assert_eq(decode("[2, \"\\x00\\xff'0123456789012345678901234567890\", []]"),
                     REQUEST_E_REFUSED);
        cr_assert_eq(request.type, REQUEST_NOTIFICATION);
        cr_assert_eq(request.method, _METHOD_N);
        cr_assert_str_eq(request.message, "unknown method '?"
                                          "?'01234567890123456789012345678...': "
                                          "api.info lists those there are");
        cr_assert_eq(decode("[0, 1, \"\", []]"), REQUEST_E_REFUSED);
        cr_assert_eq(decode("[0, 1, \"ping\\x00\", []]"), REQUEST_E_REFUSED);
        cr_assert_eq(decode("[0, 1, \"pin\", []]"), REQUEST_E_REFUSED);
}

/* pynvim writes names so. */
Test(request, a_method_may_be_named_by_a_bin)
{
        takes("[0, 1, 'ping', []]");
        cr_assert_eq(request.method, METHOD_PING);
        cr_assert_eq(decode("[2, 'nvim_set_client_info', []]"), REQUEST_E_REFUSED);
        cr_assert_eq(request.type, REQUEST_NOTIFICATION);
}

/* P-2, P-7 */
Test(request, other_envelopes_are_not_rpc)
{
        static const char *const texts[] = {
                "[1, 1, nil, nil]",
                "[0, -1, \"ping\", []]",
                "[0, 4294967296, \"ping\", []]",
                "[0, 1, \"ping\", {}]",
                "[0, 1, \"ping\"]",
                "[2, 1, \"ping\", []]",
                "[3, \"ping\", []]",
                "[2, \"ping\", nil]",
                "[\"0\", 1, \"ping\", []]",
                "{}",
                "5",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                cr_assert_eq(decode(texts[i]), REQUEST_E_ENVELOPE, "%s", texts[i]);
                cr_assert_eq(request.code, ERROR_PARSE);
        }
        takes("[0, 4294967295, \"ping\", []]");
        cr_assert_eq(request.msgid, 4294967295u);
        takes("[2, \"ping\", []]");
        cr_assert_eq(request.type, REQUEST_NOTIFICATION);
}

/* P-3 */
Test(request, options_are_found_and_foreign_ones_passed_over)
{
        takes("[0, 1, \"obj.new\", [\"map\", nil, {\"x-trace\": [1, {2: 3}], \"into\": 9, "
              "\"name\": \"n\", \"x-\": nil, \"if\": \"absent\"}]]");
        cr_assert_eq(request_option(&request, OPTION_INTO)->uint, 9);
        cr_assert_eq(request_option(&request, OPTION_NAME)->n, 1);
        cr_assert_not_null(request_option(&request, OPTION_IF));
        cr_assert_null(request_option(&request, OPTION_LIMIT));
}

/* P-18 */
Test(request, what_was_to_be_bound_is_known_even_if_the_rest_is_refused)
{
        static const char *const texts[] = {
                "[0, 1, \"obj.new\", [\"nonsense\", [[[1]], {2: 3}], {\"into\": 9}]]",
                "[0, 1, \"obj.new\", [\"map\", nil, {\"nonsense\": 1, \"into\": 9}]]",
                "[0, 1, \"obj.new\", [\"map\", nil, {\"into\": 9, \"nonsense\": 1}]]",
                "[0, 1, \"obj.new\", [1, 2, 3, 4, {\"x\": [1], \"into\": 9}]]",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                const struct wire_value *into;

                cr_assert_eq(decode(texts[i]), REQUEST_E_REFUSED);
                into = request_option(&request, OPTION_INTO);
                cr_assert(into && into->uint == 9, "%s", texts[i]);
        }
        /* Content of the map and not options, not a number to bind, not a method that binds, no
         * options. */
        decode("[0, 1, \"obj.new\", [1, 2, {\"into\": 0}]]");
        cr_assert_null(request_option(&request, OPTION_INTO));
        decode("[0, 1, \"obj.info\", [1, {\"into\": 9}]]");
        cr_assert_null(request_option(&request, OPTION_INTO));
        decode("[0, 1, \"obj.new\", [1, {\"into\": 9}]]");
        cr_assert_null(request_option(&request, OPTION_INTO));
        decode("[0, 1, \"obj.new\", [1, 2, 3]]");
        cr_assert_null(request_option(&request, OPTION_INTO));
        decode("[0, 1, \"obj.new\", []]");
        cr_assert_null(request_option(&request, OPTION_INTO));
}

/* Each row: the text that goes in for %, and whether the type takes it. */
struct row {
        const char *text;
        bool good;
};

static void rows(const char *call, const struct row *row)
{
        char text[600];
        const char *hole = strchr(call, '%');

        for (; row->text; row++) {
                int r;

                snprintf(text, sizeof(text), "%.*s%s%s", (int)(hole - call), call, row->text,
                         hole + 1);
                r = decode(text);
                cr_assert_eq(r, row->good ? 0 : REQUEST_E_REFUSED, "%s", text);
        }
}

/* P-14, P-15, P-17, P-31 */
Test(request, handles_and_names)
{
        rows("[0, 1, \"obj.info\", [%]]", (struct row[]){{"0", true},
                                                         {"4294967295", true},
                                                         {"4294967296", false},
                                                         {"#4294967295", true},
                                                         {"\"name\"", true},
                                                         {"\"\"", false},
                                                         {"\"\\xff\"", false},
                                                         {"'name'", false},
                                                         {"1.0", false},
                                                         {"nil", false},
                                                         {"@1\"abc\"", false},
                                                         {"@2\"abcd\"", false},
                                                         {NULL, false}});
        rows("[0, 1, \"handle.drop\", [%]]", (struct row[]){{"[]", true},
                                                            {"[1, #2]", true},
                                                            {"[\"name\"]", false},
                                                            {"1", false},
                                                            {"nil", false},
                                                            {"[[1]]", false},
                                                            {NULL, false}});
        rows("[0, 1, \"name.get\", [\"n\", {\"into\": %}]]", (struct row[]){{"1", true},
                                                                            {"2147483647", true},
                                                                            {"2147483648", false},
                                                                            {"0", false},
                                                                            {"#5", false},
                                                                            {"-1", false},
                                                                            {NULL, false}});
        rows("[0, 1, \"name.put\", [\"n\", 1, {\"if\": %}]]", (struct row[]){{"\"absent\"", true},
                                                                             {"\"other\"", false},
                                                                             {"3", true},
                                                                             {"#3", true},
                                                                             {"nil", false},
                                                                             {NULL, false}});
        rows("[0, 1, \"obj.new\", [\"map\", nil, {\"if\": %}]]",
             (struct row[]){
                     {"\"absent\"", true}, {"3", false}, {"'absent'", false}, {NULL, false}});
        rows("[0, 1, \"name.list\", [%]]", (struct row[]){{"\"\"", true},
                                                          {"\"a\"", true},
                                                          {"nil", false},
                                                          {"'a'", false},
                                                          {"\"\\xc0\\x80\"", false},
                                                          {NULL, false}});
}

/* P-13, P-25, P-27, P-39 */
Test(request, scalars_of_every_type)
{
        rows("[0, 1, \"array.read\", [1, %, 1]]", (struct row[]){{"0", true},
                                                                 {"18446744073709551615", true},
                                                                 {"-1", false},
                                                                 {"1.0", false},
                                                                 {"true", false},
                                                                 {"nil", false},
                                                                 {NULL, false}});
        rows("[0, 1, \"obj.add\", [1, 0, %]]", (struct row[]){{"1", true},
                                                              {"-1", true},
                                                              {"1.5", true},
                                                              {"nan", true},
                                                              {"\"1\"", false},
                                                              {"nil", false},
                                                              {"#1", false},
                                                              {NULL, false}});
        rows("[0, 1, \"obj.add\", [1, %, 1]]", (struct row[]){{"nil", true},
                                                              {"true", true},
                                                              {"-1", true},
                                                              {"1.5", true},
                                                              {"nan", false},
                                                              {"\"k\"", true},
                                                              {"\"\\xff\"", false},
                                                              {"'k'", true},
                                                              {"'\\xff'", true},
                                                              {"#1", false},
                                                              {"@-1\"abcd\"", false},
                                                              {"[]", false},
                                                              {"{}", false},
                                                              {NULL, false}});
        rows("[0, 1, \"map.del\", [1, [], {\"take\": %}]]",
             (struct row[]){
                     {"true", true}, {"false", true}, {"1", false}, {"nil", false}, {NULL, false}});
        rows("[0, 1, \"blob.open\", [{\"bytes\": ''}, {\"seal\": %}]]",
             (struct row[]){{"true", true}, {"false", false}, {NULL, false}});
        rows("[0, 1, \"map.scan\", [1, {\"cursor\": %}]]", (struct row[]){{"nil", true},
                                                                          {"7", true},
                                                                          {"\"c\"", false},
                                                                          {"'c'", false},
                                                                          {"1.5", false},
                                                                          {"[]", false},
                                                                          {NULL, false}});
        rows("[0, 1, \"hello\", [{\"proto\": %}]]", (struct row[]){{"[1, 1]", true},
                                                                   {"[1]", false},
                                                                   {"[1, 2, 3]", false},
                                                                   {"1", false},
                                                                   {"[1, -1]", false},
                                                                   {NULL, false}});
        rows("[0, 1, \"hello\", [{\"resume\": %}]]",
             (struct row[]){{"{\"id\": 1}", true}, {"[1]", false}, {NULL, false}});
        rows("[0, 1, \"hello\", [{\"auth\": %}]]",
             (struct row[]){{"[1, {2: '\\xff'}]", true}, {"nil", true}, {NULL, false}});
}

/* P-9, P-10, P-16 */
Test(request, values_and_what_may_be_nested_in_them)
{
        rows("[0, 1, \"array.push\", [1, [%]]]", (struct row[]){{"nil", true},
                                                                {"nan", true},
                                                                {"#1", true},
                                                                {"@1\"abc\"", false},
                                                                {"@-1\"abcd\"", true},
                                                                {"@-1\"abcdabcd\"", true},
                                                                {"@-1\"abcdabcdabcd\"", true},
                                                                {"@-1\"abc\"", false},
                                                                {"@2\"abcd\"", false},
                                                                {"@9\"x\"", false},
                                                                {"\"\\xff\"", false},
                                                                {"'\\xff'", true},
                                                                {"[]", true},
                                                                {"[1, [2, {3: [4]}]]", true},
                                                                {"[[[#1]]]", false},
                                                                {"{#1: 2}", false},
                                                                {"{1: [@-1\"abcd\"]}", true},
                                                                {"[@9\"x\"]", false},
                                                                {"{\"k\": \"\\xff\"}", false},
                                                                {"{[]: '\\xff'}", true},
                                                                {NULL, false}});
        rows("[0, 1, \"obj.set\", [1, %]]", (struct row[]){{"{}", true},
                                                           {"[]", true},
                                                           {"{1: #2}", true},
                                                           {"[[1, #2], [\"a\", []]]", true},
                                                           {"[1, 2]", false},
                                                           {"[[1]]", false},
                                                           {"[[1, 2, 3]]", false},
                                                           {"{nan: 1}", false},
                                                           {"{[]: 1}", false},
                                                           {"{1: [#2]}", false},
                                                           {"nil", false},
                                                           {NULL, false}});
        rows("[0, 1, \"blob.open\", [%]]", (struct row[]){{"{\"bytes\": ''}", true},
                                                          {"{\"bytes\": \"\\xff\"}", true},
                                                          {"{\"bytes\": 5}", false},
                                                          {"{\"size\": 5}", false},
                                                          {"{}", false},
                                                          {"{\"bytes\": '', \"size\": 1}", false},
                                                          {"'x'", false},
                                                          {NULL, false}});
        takes("[0, 1, \"blob.open\", [{\"bytes\": 'abc'}]]");
        cr_assert_eq(request.args[0].type, WIRE_BIN);
        cr_assert_eq(request.args[0].n, 3);
}

/* P-32 */
Test(request, init_depends_on_the_kind)
{
        rows("[0, 1, \"obj.new\", [\"record\", %]]", (struct row[]){{"nil", true},
                                                                    {"0", true},
                                                                    {"65535", true},
                                                                    {"65536", false},
                                                                    {"[1, #2, [3]]", true},
                                                                    {"{}", false},
                                                                    {"-1", false},
                                                                    {"'x'", false},
                                                                    {NULL, false}});
        rows("[0, 1, \"obj.new\", [\"array\", %]]",
             (struct row[]){
                     {"nil", true}, {"[1, #2]", true}, {"5", false}, {"{}", false}, {NULL, false}});
        rows("[0, 1, \"obj.new\", [\"map\", %]]", (struct row[]){{"nil", true},
                                                                 {"{\"k\": #2}", true},
                                                                 {"[[1, 2]]", true},
                                                                 {"[]", true},
                                                                 {"[1]", false},
                                                                 {"5", false},
                                                                 {NULL, false}});
        rows("[0, 1, \"obj.new\", [\"blob\", %]]", (struct row[]){{"'x'", true},
                                                                  {"\"\\xff\"", true},
                                                                  {"nil", false},
                                                                  {"[]", false},
                                                                  {NULL, false}});
}

/* A call whose last parameter, or the one element of it, is a str of n bytes. */
static int with_string(const char *method, bool in_list, size_t n)
{
        static char filler[LIMIT_INLINE_BYTES + 1];

        memset(filler, 'a', sizeof(filler));
        writer_deinit(&message);
        writer_init(&message, 1u << 24);
        envelope_request(&message, 1, method, in_list ? 2 : 1);
        if (in_list) {
                notation_write(&message, "1");
                writer_array(&message, 1);
        }
        writer_str(&message, filler, n);
        return request_decode(&request, message.bytes, message.n);
}

/* P-11 */
Test(request, lengths_at_the_limit_and_one_beyond)
{
        cr_assert_eq(with_string("name.get", false, LIMIT_NAME_BYTES), 0);
        cr_assert_eq(with_string("name.get", false, LIMIT_NAME_BYTES + 1), REQUEST_E_REFUSED);
        cr_assert_eq(request.code, ERROR_LIMIT);
        cr_assert_eq(with_string("obj.info", false, LIMIT_NAME_BYTES), 0);
        cr_assert_eq(with_string("obj.info", false, LIMIT_NAME_BYTES + 1), REQUEST_E_REFUSED);
        cr_assert_eq(request.code, ERROR_LIMIT);
        cr_assert_eq(with_string("array.push", true, LIMIT_INLINE_BYTES), 0);
        cr_assert_eq(with_string("array.push", true, LIMIT_INLINE_BYTES + 1), REQUEST_E_REFUSED);
        cr_assert_eq(request.code, ERROR_LIMIT);
        cr_assert_eq(with_string("obj.get", true, LIMIT_INLINE_BYTES), 0);
        cr_assert_eq(with_string("obj.get", true, LIMIT_INLINE_BYTES + 1), REQUEST_E_REFUSED);
        cr_assert_str_eq(request.message, "obj.get: parameter 2 'keys', element 0, has more than "
                                          "65536 bytes: keep them in a blob");
}

Test(request, a_doc_at_the_limit_and_one_beyond)
{
        for (uint32_t n = LIMIT_INLINE_BYTES - 3; n <= LIMIT_INLINE_BYTES - 2; n++) {
                writer_deinit(&message);
                writer_init(&message, 1u << 24);
                envelope_request(&message, 1, "array.push", 2);
                writer_uint(&message, 1);
                writer_array(&message, 1);
                writer_array(&message, n); /* a head of three bytes, and n of one */
                for (uint32_t i = 0; i < n; i++) {
                        writer_nil(&message);
                }
                cr_assert_eq(request_decode(&request, message.bytes, message.n),
                             n == LIMIT_INLINE_BYTES - 3 ? 0 : REQUEST_E_REFUSED);
        }
        cr_assert_eq(request.code, ERROR_LIMIT);
}

Test(request, pairs_read_alike_from_map_and_array)
{
        static const char *const texts[] = {"[0, 1, \"obj.set\", [1, {1: #2, \"k\": [3]}]]",
                                            "[0, 1, \"obj.set\", [1, [[1, #2], [\"k\", [3]]]]]"};

        for (unsigned i = 0; i < 2; i++) {
                struct wire_value key;
                struct wire_value value;
                struct pairs pairs;
                uint32_t handle = 0;

                takes(texts[i]);
                pairs = pairs_of(&request.args[1]);
                cr_assert(pairs_next(&pairs, &key, &value));
                cr_assert_eq(key.uint, 1);
                cr_assert(value_is_reference(&value) && value_handle(&value, &handle));
                cr_assert_eq(handle, 2);
                cr_assert(pairs_next(&pairs, &key, &value));
                cr_assert_eq(key.n, 1);
                cr_assert_eq(value.n_raw, 2);
                cr_assert_not(pairs_next(&pairs, &key, &value));
        }
}
