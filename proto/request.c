/* SPDX-License-Identifier: MIT */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "proto/request.h"
#include "proto/values.h"

static __attribute__((format(printf, 3, 4))) int request_refuse(struct request *request,
                                                                enum error code, const char *format,
                                                                ...)
{
        va_list args;

        request->code = code;
        va_start(args, format);
        vsnprintf(request->message, sizeof(request->message), format, args);
        va_end(args);
        return REQUEST_E_REFUSED;
}

static int request_not_rpc(struct request *request, const char *why)
{
        request_refuse(request, ERROR_PARSE, "this is not MessagePack-RPC: %s", why);
        return REQUEST_E_ENVELOPE;
}

struct request_word {
        char text[METHOD_NAME_BYTES_MAX + 4];
};

/* A word of the peer's, fit to be shown: printable, and not too long. */
static struct request_word request_word(const struct wire_value *value)
{
        struct request_word word = {0};
        size_t n = value->n < METHOD_NAME_BYTES_MAX ? value->n : METHOD_NAME_BYTES_MAX;

        for (size_t i = 0; i < n; i++) {
                bool plain = value->bytes[i] > ' ' && value->bytes[i] < 0x7f;

                word.text[i] = plain ? (char)value->bytes[i] : '?';
        }
        memcpy(word.text + n, "...", value->n > n ? 3 : 0);
        return word;
}

static int request_flaw(struct request *request, const char *where, const struct value_flaw *flaw)
{
        const char *method = method_info(request->method)->name;
        char element[40] = "";

        if (flaw->element >= 0) {
                snprintf(element, sizeof(element), ", element %lld,", (long long)flaw->element);
        }
        if (flaw->what) {
                return request_refuse(request, flaw->code, "%s: %s%s %s", method, where, element,
                                      flaw->what);
        }
        return request_refuse(request, flaw->code, "%s: %s%s must be %s, not %s", method, where,
                              element, flaw->wanted, wire_type_name(flaw->found));
}

static int request_params(struct request *request, struct reader *reader, unsigned n_params)
{
        const struct method_param *params = method_info(request->method)->params;
        enum wire_kind kind = _WIRE_KIND_N;
        struct value_flaw flaw;
        char where[64];

        for (unsigned i = 0; i < n_params; i++) {
                struct wire_value *arg = &request->args[i];

                if (!value_check(params[i].type, kind, reader, arg, &flaw)) {
                        snprintf(where, sizeof(where), "parameter %u '%s'", i + 1, params[i].name);
                        return request_flaw(request, where, &flaw);
                }
                if (params[i].type == TYPE_KIND) {
                        kind = wire_kind_from_name((const char *)arg->bytes, arg->n);
                }
        }
        return 0;
}

static int request_unknown_option(struct request *request, const struct wire_value *key)
{
        const char *method = method_info(request->method)->name;
        const char *nearest = method_nearest_option(request->method, (const char *)key->bytes,
                                                    key->n);

        if (!nearest) {
                return request_refuse(request, ERROR_BAD_REQUEST,
                                      "%s: unknown option '%s': this method has none", method,
                                      request_word(key).text);
        }
        return request_refuse(request, ERROR_BAD_REQUEST,
                              "%s: unknown option '%s': did you mean '%s'?", method,
                              request_word(key).text, nearest);
}

static int request_one_option(struct request *request, struct reader *reader)
{
        const struct method_info *info = method_info(request->method);
        const struct method_option *option = info->options;
        struct wire_value key;
        struct value_flaw flaw;
        char where[64];

        if (!reader_take(reader, &key) || key.type != WIRE_STR) {
                return request_refuse(request, ERROR_BAD_REQUEST,
                                      "%s: the keys of the optional arguments must be strings",
                                      info->name);
        }
        if (key.n >= 2 && !memcmp(key.bytes, "x-", 2) && reader_skip(reader, 1)) {
                return 0;
        }
        while (option->type && !(strlen(option_name(option->option)) == key.n &&
                                 !memcmp(option_name(option->option), key.bytes, key.n))) {
                option++;
        }
        if (!option->type) {
                return request_unknown_option(request, &key);
        }
        if (request_option(request, option->option)) {
                return request_refuse(request, ERROR_BAD_REQUEST, "%s: option '%s' is given twice",
                                      info->name, option_name(option->option));
        }
        if (!value_check(option->type, _WIRE_KIND_N, reader, &request->options[option->option],
                         &flaw)) {
                snprintf(where, sizeof(where), "option '%s'", option_name(option->option));
                return request_flaw(request, where, &flaw);
        }
        request->options_given |= UINT64_C(1) << option->option;
        return 0;
}

static int request_options(struct request *request, struct reader *reader)
{
        struct wire_value map;
        int r = 0;

        if (!reader_next(reader, &map) || map.type != WIRE_MAP) {
                return request_refuse(request, ERROR_BAD_REQUEST,
                                      "%s: the optional arguments must be a map",
                                      method_info(request->method)->name);
        }
        for (uint32_t i = 0; i < map.n && !r; i++) {
                r = request_one_option(request, reader);
        }
        return r;
}

static unsigned request_n_params(const struct method_info *info)
{
        unsigned n = 0;

        while (info->params[n].type) {
                n++;
        }
        return n;
}

/*
 * A refused request still breaks the number that it should have bound (P-18), so that is looked for
 * in a map that comes last, behind the parameters. `params` stands behind their head.
 */
static void request_find_into(struct request *request, struct reader params, uint32_t n_given)
{
        const struct method_info *info = method_info(request->method);
        const struct method_option *option = info->options;
        struct wire_value *into = &request->options[OPTION_INTO];
        struct wire_value map;
        struct wire_value key;
        struct value_flaw flaw;

        request->options_given = 0;
        while (option->type && option->option != OPTION_INTO) {
                option++;
        }
        if (!option->type || n_given <= request_n_params(info) ||
            !reader_skip(&params, n_given - 1) || !reader_next(&params, &map) ||
            map.type != WIRE_MAP) {
                return;
        }
        for (uint32_t i = 0; i < map.n && reader_take(&params, &key); i++) {
                if (key.type == WIRE_STR && key.n == 4 && !memcmp(key.bytes, "into", 4)) {
                        bool good = value_check(TYPE_INTO, _WIRE_KIND_N, &params, into, &flaw);

                        request->options_given = (uint64_t)good << OPTION_INTO;
                        return;
                }
                if (!reader_skip(&params, 1)) {
                        return;
                }
        }
}

static int request_arguments(struct request *request, struct reader *reader, uint32_t n_given)
{
        const struct method_info *info = method_info(request->method);
        unsigned n_params = request_n_params(info);
        int r;

        if (n_given != n_params && n_given != n_params + 1) {
                return request_refuse(request, ERROR_BAD_REQUEST,
                                      "%s: takes %u parameters and an optional map, not %u",
                                      info->name, n_params, n_given);
        }
        r = request_params(request, reader, n_params);
        return r || n_given == n_params ? r : request_options(request, reader);
}

/* Reads up to and with the head of the parameters. */
static int request_envelope(struct request *request, struct reader *reader,
                            struct wire_value *ret_method, uint32_t *ret_n_params)
{
        struct wire_value envelope;
        struct wire_value value;

        if (!reader_next(reader, &envelope) || envelope.type != WIRE_ARRAY ||
            !reader_next(reader, &value) || value.type != WIRE_UINT) {
                return request_not_rpc(request, "a message is an array that starts with its type");
        }
        if (value.uint == 0 && envelope.n == 4) {
                request->type = REQUEST_CALL;
                if (!reader_next(reader, &value) || value.type != WIRE_UINT ||
                    value.uint > UINT32_MAX) {
                        return request_not_rpc(request, "msgid is an unsigned 32-bit integer");
                }
                request->msgid = (uint32_t)value.uint;
        } else if (value.uint == 2 && envelope.n == 3) {
                request->type = REQUEST_NOTIFICATION;
        } else {
                return request_not_rpc(request,
                                       "a client sends [0, msgid, method, params] or [2, method, "
                                       "params]");
        }
        /* Some clients write names as bin: pynvim does. */
        if (!reader_next(reader, ret_method) ||
            (ret_method->type != WIRE_STR && ret_method->type != WIRE_BIN)) {
                return request_not_rpc(request, "method is a string");
        }
        if (!reader_next(reader, &value) || value.type != WIRE_ARRAY) {
                return request_not_rpc(request, "params is an array");
        }
        *ret_n_params = value.n;
        return 0;
}

int request_decode(struct request *request, const uint8_t *bytes, size_t n)
{
        struct reader reader;
        struct reader params;
        struct wire_value method = {0};
        uint32_t n_params = 0;
        int r;

        request->options_given = 0;
        request->method = _METHOD_N;
        reader_init(&reader, bytes, n);
        r = request_envelope(request, &reader, &method, &n_params);
        if (r) {
                return r;
        }
        request->method = method_from_name((const char *)method.bytes, method.n);
        if (request->method == _METHOD_N) {
                return request_refuse(request, ERROR_UNKNOWN_METHOD,
                                      "unknown method '%s': api.info lists those there are",
                                      request_word(&method).text);
        }
        params = reader;
        r = request_arguments(request, &reader, n_params);
        if (r) {
                request_find_into(request, params, n_params);
        }
        return r;
}

const struct wire_value *request_option(const struct request *request, enum option option)
{
        return request->options_given >> option & 1 ? &request->options[option] : NULL;
}
