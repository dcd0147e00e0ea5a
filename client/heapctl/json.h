/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * JSON: values of heapd as json-c objects and back. What JSON lacks is an object with one key:
 * {"$ref": handle}, {"$bin": "hex digits"}, and {"$map": [[key, value], ...]} for maps whose keys
 * are not all strings, or that would look like one of these. Only read, never sent: {"$float":
 * "inf"} and {"$ext": [type, "hex digits"]}.
 *
 * Owns:     nothing; what is returned is the caller's (json_object_put()).
 * Failure:  JSON_E_*. Out of memory is null in place of a value.
 */

#include <json-c/json.h>
#include "heapd.h"

enum { _JSON_E_SUCCESS, JSON_E_MALFORMED };

struct json_object *json_from_value(const struct heapd_value *value);

/* Puts one value into the request that is being built. */
int json_put(struct heapd *conn, struct json_object *json);

/* Why a text is not JSON, and at which byte. */
struct json_flaw {
        const char *reason;
        size_t at;
};

/*
 * Parses one whole text; 0, or JSON_E_MALFORMED with *ret_flaw. The result may be NULL: it is
 * JSON's null.
 */
int json_parse(const char *text, struct json_object **ret_json, struct json_flaw *ret_flaw);
