/* SPDX-License-Identifier: MIT */
#include "store/box.h"
#include "store/internals.h"

int input_word(struct session *session, const struct value *value, struct word *ret_word)
{
        struct store *store = session->store;

        if (value->type == VALUE_REF) {
                if (value->handle == 0) {
                        *ret_word = word_nil();
                        return STORE_OK;
                }
                return handle_resolve(session, target_handle(value->handle), ret_word);
        }
        if (value->n_bytes > STORE_INLINE_MAX) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "%s of %u bytes is over the limit of %u; make it a blob",
                                 value_type_name(value->type), value->n_bytes, STORE_INLINE_MAX);
        }
        return box_from_value(&store->space, value, ret_word) ? call_fail_memory(store) : STORE_OK;
}

int input_next(struct store *store, struct value_source *source, struct value *ret_value)
{
        struct value value;

        if (!source->next(source, &value)) {
                return call_fail_source(store);
        }
        *ret_value = value;
        return STORE_OK;
}

int input_words(struct session *session, struct value_source *source, bool pairs)
{
        struct store *store = session->store;
        uint32_t step = pairs ? 2 : 1, n = source->n / step;
        struct value value;
        int r;

        if (n > STORE_ELEMENTS_MAX) {
                return call_fail(store, STORE_E_TOO_BIG, "%u elements are over the limit of %u", n,
                                 STORE_ELEMENTS_MAX);
        }
        r = call_scratch(store, n);
        source->rewind(source);
        for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
                r = input_next(store, source, &value);
                if (r == STORE_OK && pairs) {
                        r = input_next(store, source, &value);
                }
                if (r == STORE_OK) {
                        r = input_word(session, &value, &store->scratch[i]);
                }
        }
        store->space.work_units += n;
        return r;
}
