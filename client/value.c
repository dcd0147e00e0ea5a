/* SPDX-License-Identifier: MIT */
#include "client/value.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/connection.h"
#include "proto/values.h"

static const enum heapd_type VALUE_TYPES[_WIRE_N] = {
        [WIRE_NIL] = HEAPD_NIL, [WIRE_BOOL] = HEAPD_BOOL,   [WIRE_UINT] = HEAPD_UINT,
        [WIRE_INT] = HEAPD_INT, [WIRE_FLOAT] = HEAPD_FLOAT, [WIRE_STR] = HEAPD_STR,
        [WIRE_BIN] = HEAPD_BIN, [WIRE_ARRAY] = HEAPD_ARRAY, [WIRE_MAP] = HEAPD_MAP,
        [WIRE_EXT] = HEAPD_EXT,
};

struct heapd_value value_from_wire(const struct wire_value *wire)
{
        struct heapd_value value = heapd_nil();

        value.type = VALUE_TYPES[wire->type];
        value.n = wire->n;
        value.reserved_raw = wire->raw;
        value.reserved_n_raw = wire->n_raw;
        if (wire->type == WIRE_BOOL) {
                value.boolean = wire->boolean;
        } else if (wire->type == WIRE_UINT && wire->uint <= INT64_MAX) {
                value.type = HEAPD_INT;
                value.sint = (int64_t)wire->uint;
        } else if (wire->type == WIRE_UINT) {
                value.uint = wire->uint;
        } else if (wire->type == WIRE_INT) {
                value.sint = wire->sint;
        } else if (wire->type == WIRE_FLOAT) {
                value.real = wire->real;
        } else if (wire->type == WIRE_EXT && value_is_reference(wire) &&
                   value_handle(wire, &value.ref)) {
                value.type = HEAPD_REF;
        } else {
                value.ext = wire->type == WIRE_EXT ? wire->ext : 0;
                value.bytes = wire->bytes;
        }
        return value;
}

int heapd_as_int(const struct heapd_value *value, int64_t *ret_number)
{
        if (value->type != HEAPD_INT) {
                return -EBADMSG;
        }
        *ret_number = value->sint;
        return 0;
}

int heapd_as_uint(const struct heapd_value *value, uint64_t *ret_number)
{
        if (value->type == HEAPD_INT && value->sint >= 0) {
                *ret_number = (uint64_t)value->sint;
                return 0;
        }
        if (value->type != HEAPD_UINT) {
                return -EBADMSG;
        }
        *ret_number = value->uint;
        return 0;
}

int heapd_as_float(const struct heapd_value *value, double *ret_real)
{
        if (value->type != HEAPD_FLOAT) {
                return -EBADMSG;
        }
        *ret_real = value->real;
        return 0;
}

int heapd_as_ref(const struct heapd_value *value, uint32_t *ret_handle)
{
        if (value->type != HEAPD_REF) {
                return -EBADMSG;
        }
        *ret_handle = value->ref;
        return 0;
}

bool heapd_is_text(const struct heapd_value *value, const char *text)
{
        return value->type == HEAPD_STR && value->n == strlen(text) &&
               memcmp(value->str, text, value->n) == 0;
}

const struct heapd_value *heapd_result_value(const struct heapd_result *result)
{
        static const struct heapd_value nil;

        return result ? &result->value : &nil;
}

void heapd_result_free(struct heapd_result *result)
{
        free(result);
}

struct heapd_items heapd_items(const struct heapd_value *container)
{
        struct heapd_items items = {0};
        struct reader reader;
        struct wire_value wire;

        if ((container->type == HEAPD_ARRAY || container->type == HEAPD_MAP) &&
            container->reserved_raw) {
                reader_init(&reader, container->reserved_raw, container->reserved_n_raw);
                if (reader_next(&reader, &wire)) {
                        items.reserved_at = reader.at;
                        items.reserved_end = reader.end;
                }
        }
        return items;
}

bool heapd_item(struct heapd_items *items, struct heapd_value *ret_value)
{
        struct reader reader = {.at = items->reserved_at, .end = items->reserved_end};
        struct wire_value wire;

        if (reader.at == reader.end || !reader_take(&reader, &wire)) {
                return false;
        }
        items->reserved_at = reader.at;
        *ret_value = value_from_wire(&wire);
        return true;
}

bool heapd_at(const struct heapd_value *array, uint32_t index, struct heapd_value *ret_value)
{
        struct heapd_items items = heapd_items(array);

        if (array->type != HEAPD_ARRAY) {
                return false;
        }
        for (struct heapd_value item; heapd_item(&items, &item);) {
                if (index-- == 0) {
                        *ret_value = item;
                        return true;
                }
        }
        return false;
}

bool heapd_find(const struct heapd_value *map, const char *key, struct heapd_value *ret_value)
{
        struct heapd_items items = heapd_items(map);
        struct heapd_value name, value;

        if (map->type != HEAPD_MAP) {
                return false;
        }
        while (heapd_item(&items, &name) && heapd_item(&items, &value)) {
                if (heapd_is_text(&name, key)) {
                        *ret_value = value;
                        return true;
                }
        }
        return false;
}
