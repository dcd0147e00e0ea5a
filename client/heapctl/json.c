/* SPDX-License-Identifier: MIT */
#include "client/heapctl/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_NESTING = 30 };

static struct json_object *json_hex(const uint8_t *bytes, uint32_t n)
{
        static const char DIGITS[] = "0123456789abcdef";
        char *text = malloc((size_t)n * 2 + 1);
        struct json_object *json;

        if (!text) {
                return NULL;
        }
        for (uint32_t i = 0; i < n; i++) {
                text[i * 2] = DIGITS[bytes[i] >> 4];
                text[i * 2 + 1] = DIGITS[bytes[i] & 15];
        }
        json = json_object_new_string_len(text, (int)(n * 2));
        free(text);
        return json;
}

/* {key: what}; takes `what`. */
static struct json_object *json_special(const char *key, struct json_object *what)
{
        struct json_object *json = json_object_new_object();

        json_object_object_add(json, key, what);
        return json;
}

/* The shortest text that reads back as the same number. */
static struct json_object *json_real(double real)
{
        char text[32];

        if (!isfinite(real)) {
                return json_special("$float", json_object_new_string(isnan(real) ? "nan"
                                                                     : real < 0  ? "-inf"
                                                                                 : "inf"));
        }
        for (int digits = 15; digits <= 17; digits++) {
                snprintf(text, sizeof(text), "%.*g", digits, real);
                if (strtod(text, NULL) == real) {
                        break;
                }
        }
        if (!strpbrk(text, ".e")) {
                strcat(text, ".0"); /* or it would come back as an integer */
        }
        return json_object_new_double_s(real, text);
}

static struct json_object *json_from_array(const struct heapd_value *array)
{
        struct heapd_items items = heapd_items(array);
        struct json_object *json = json_object_new_array_ext((int)array->n);

        for (struct heapd_value item; heapd_item(&items, &item);) {
                json_object_array_add(json, json_from_value(&item));
        }
        return json;
}

/* True if the map can be a JSON object that means nothing else. */
static bool json_is_plain(const struct heapd_value *map)
{
        struct heapd_items items = heapd_items(map);
        struct heapd_value key, value;

        while (heapd_item(&items, &key) && heapd_item(&items, &value)) {
                if (key.type != HEAPD_STR || memchr(key.str, '\0', key.n) ||
                    (map->n == 1 && key.n > 0 && key.str[0] == '$')) {
                        return false;
                }
        }
        return true;
}

static struct json_object *json_from_map(const struct heapd_value *map)
{
        bool plain = json_is_plain(map);
        struct heapd_items items = heapd_items(map);
        struct json_object *json = plain ? json_object_new_object() : json_object_new_array();
        struct heapd_value key, value;

        while (heapd_item(&items, &key) && heapd_item(&items, &value)) {
                if (plain) {
                        char *name = strndup(key.str, key.n);

                        json_object_object_add(json, name, json_from_value(&value));
                        free(name);
                } else {
                        struct json_object *pair = json_object_new_array_ext(2);

                        json_object_array_add(pair, json_from_value(&key));
                        json_object_array_add(pair, json_from_value(&value));
                        json_object_array_add(json, pair);
                }
        }
        return plain ? json : json_special("$map", json);
}

struct json_object *json_from_value(const struct heapd_value *value)
{
        struct json_object *json;

        switch (value->type) {
        case HEAPD_BOOL:
                return json_object_new_boolean(value->boolean);
        case HEAPD_INT:
                return json_object_new_int64(value->sint);
        case HEAPD_UINT:
                return json_object_new_uint64(value->uint);
        case HEAPD_FLOAT:
                return json_real(value->real);
        case HEAPD_STR:
                return json_object_new_string_len(value->str, (int)value->n);
        case HEAPD_BIN:
                return json_special("$bin", json_hex(value->bytes, value->n));
        case HEAPD_ARRAY:
                return json_from_array(value);
        case HEAPD_MAP:
                return json_from_map(value);
        case HEAPD_REF:
                return json_special("$ref", json_object_new_int64(value->ref));
        case HEAPD_EXT:
                json = json_object_new_array_ext(2);
                json_object_array_add(json, json_object_new_int(value->ext));
                json_object_array_add(json, json_hex(value->bytes, value->n));
                return json_special("$ext", json);
        case HEAPD_NIL:
        default:
                return NULL; /* json-c's null */
        }
}

static int json_digit(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int json_put_hex(struct heapd *conn, struct json_object *json)
{
        const char *text = json_object_get_string(json);
        size_t n = strlen(text);
        uint8_t *bytes;

        if (!json_object_is_type(json, json_type_string) || n % 2 != 0) {
                return JSON_E_MALFORMED;
        }
        bytes = malloc(n / 2 + 1);
        for (size_t i = 0; bytes && i < n; i += 2) {
                int high = json_digit(text[i]), low = json_digit(text[i + 1]);

                if (high < 0 || low < 0) {
                        free(bytes);
                        return JSON_E_MALFORMED;
                }
                bytes[i / 2] = (uint8_t)(high << 4 | low);
        }
        heapd_put_bin(conn, bytes, (uint32_t)(n / 2));
        free(bytes);
        return 0;
}

static int json_put_pairs(struct heapd *conn, struct json_object *json)
{
        size_t n = json_object_is_type(json, json_type_array) ? json_object_array_length(json) : 0;
        int r = json_object_is_type(json, json_type_array) ? 0 : JSON_E_MALFORMED;

        heapd_put_map(conn, (uint32_t)n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct json_object *pair = json_object_array_get_idx(json, i);

                if (!json_object_is_type(pair, json_type_array) ||
                    json_object_array_length(pair) != 2) {
                        return JSON_E_MALFORMED;
                }
                r = json_put(conn, json_object_array_get_idx(pair, 0));
                if (r == 0) {
                        r = json_put(conn, json_object_array_get_idx(pair, 1));
                }
        }
        return r;
}

static int json_put_object(struct heapd *conn, struct json_object *json)
{
        struct json_object *what;
        int r = 0;

        if (json_object_object_length(json) == 1) {
                if (json_object_object_get_ex(json, "$ref", &what)) {
                        int64_t handle = json_object_get_int64(what);

                        heapd_put_ref(conn, (uint32_t)handle);
                        return json_object_is_type(what, json_type_int) && handle >= 0 &&
                                               handle <= UINT32_MAX
                                       ? 0
                                       : JSON_E_MALFORMED;
                }
                if (json_object_object_get_ex(json, "$bin", &what)) {
                        return json_put_hex(conn, what);
                }
                if (json_object_object_get_ex(json, "$map", &what)) {
                        return json_put_pairs(conn, what);
                }
        }
        heapd_put_map(conn, (uint32_t)json_object_object_length(json));
        for (struct json_object_iterator at = json_object_iter_begin(json),
                                         end = json_object_iter_end(json);
             r == 0 && !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
                heapd_put_text(conn, json_object_iter_peek_name(&at));
                r = json_put(conn, json_object_iter_peek_value(&at));
        }
        return r;
}

int json_put(struct heapd *conn, struct json_object *json)
{
        int r = 0;

        switch (json_object_get_type(json)) {
        case json_type_null:
                heapd_put_nil(conn);
                break;
        case json_type_boolean:
                heapd_put_bool(conn, json_object_get_boolean(json));
                break;
        case json_type_double:
                heapd_put_float(conn, json_object_get_double(json));
                break;
        case json_type_int:
                if (json_object_get_int64(json) < 0) {
                        heapd_put_int(conn, json_object_get_int64(json));
                } else {
                        heapd_put_uint(conn, json_object_get_uint64(json));
                }
                break;
        case json_type_string:
                heapd_put_str(conn, json_object_get_string(json),
                              (uint32_t)json_object_get_string_len(json));
                break;
        case json_type_array:
                heapd_put_array(conn, (uint32_t)json_object_array_length(json));
                for (size_t i = 0; r == 0 && i < json_object_array_length(json); i++) {
                        r = json_put(conn, json_object_array_get_idx(json, i));
                }
                break;
        case json_type_object:
        default:
                r = json_put_object(conn, json);
        }
        return r;
}

int json_parse(const char *text, struct json_object **ret_json, struct json_flaw *ret_flaw)
{
        struct json_tokener *tokener = json_tokener_new_ex(JSON_NESTING);
        struct json_object *json;
        enum json_tokener_error error;

        *ret_flaw = (struct json_flaw){.reason = "out of memory"};
        if (!tokener) {
                return JSON_E_MALFORMED;
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
        error = json_tokener_get_error(tokener);
        ret_flaw->at = json_tokener_get_parse_end(tokener);
        ret_flaw->reason = error == json_tokener_continue ? "it ends too early"
                                                          : json_tokener_error_desc(error);
        json_tokener_free(tokener);
        if (error != json_tokener_success) {
                json_object_put(json);
                return JSON_E_MALFORMED;
        }
        *ret_json = json;
        return 0;
}
