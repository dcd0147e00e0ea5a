/* SPDX-License-Identifier: MIT */
#include "store/array.h"

#include "store/internals.h"

static int array_check_length(struct store *store, uint64_t length)
{
        if (length > store->config.array_length_max) {
                return call_fail(store, STORE_E_TOO_BIG,
                                 "a length of %llu is over the limit of %u elements",
                                 (unsigned long long)length, store->config.array_length_max);
        }
        return STORE_OK;
}

static int array_check_at(struct store *store, uint64_t at, uint64_t length)
{
        if (at > length) {
                return call_fail(store, STORE_E_RANGE, "position %llu is beyond the array's %llu",
                                 (unsigned long long)at, (unsigned long long)length);
        }
        return STORE_OK;
}

/* Writes n words of the scratch; the places are reserved. */
static void array_put_scratch(struct store *store, struct word array, uint64_t at, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                vector_put(&store->space, array_vector(array), at + i, store->scratch[i]);
        }
}

int array_push(struct session *session, struct target target, struct value_source *values,
               uint64_t *ret_length)
{
        struct store *store = session->store;
        struct space *space = &store->space;
        struct word array;
        uint64_t length;
        int r;

        call_begin(store, session);
        r = handle_resolve_kind(session, target, KIND_ARRAY, &array);
        if (r) {
                return r;
        }
        length = obj_length(space, array);
        r = array_check_length(store, length + values->n);
        if (r == STORE_OK) {
                r = input_words(session, values, false);
        }
        if (r == STORE_OK && vector_reserve(space, array_vector(array), length, values->n)) {
                r = call_fail_memory(store);
        }
        if (r) {
                return r;
        }
        array_put_scratch(store, array, length, values->n);
        vector_prune(space, array_vector(array), length, values->n);
        if (values->n > 0) {
                space_store_count(space, array, ARRAY_LENGTH, length + values->n);
                obj_touch(space, array);
        }
        *ret_length = length + values->n;
        return STORE_OK;
}

/* Counts what a stretch hands out; first of all how much it is. */
static int array_count(struct answer *answer, struct word array, uint64_t at, uint64_t n)
{
        struct store *store = answer->session->store;

        if (n > STORE_ELEMENTS_MAX) {
                return call_fail(store, STORE_E_TOO_BIG, "%llu elements are over the limit of %u",
                                 (unsigned long long)n, STORE_ELEMENTS_MAX);
        }
        for (uint64_t i = at; i < at + n; i++) {
                answer_count(answer, vector_get(&store->space, array_vector(array), i));
        }
        return answer_reserve(answer);
}

static void array_emit(struct session *session, struct word array, uint64_t at, uint64_t n,
                       struct value_sink *sink)
{
        sink->begin_array(sink, (uint32_t)n);
        for (uint64_t i = at; i < at + n; i++) {
                answer_emit(session, sink,
                            vector_get(&session->store->space, array_vector(array), i));
        }
        answer_end(session);
}

int array_read(struct session *session, struct target target, uint64_t at, uint64_t count,
               struct value_sink *sink)
{
        struct store *store = session->store;
        struct answer answer = {.session = session};
        struct word array;
        uint64_t length;
        int r;

        call_begin(store, session);
        r = handle_resolve_kind(session, target, KIND_ARRAY, &array);
        if (r) {
                return r;
        }
        length = obj_length(&store->space, array);
        r = array_check_at(store, at, length);
        if (r == STORE_OK) {
                count = count < length - at ? count : length - at;
                r = array_count(&answer, array, at, count);
        }
        if (r) {
                return r;
        }
        array_emit(session, array, at, count, sink);
        return STORE_OK;
}

/* A stretch of an array that is replaced by another. */
struct array_cut {
        struct word array;
        uint64_t length;
        uint64_t at;
        uint64_t n_delete;
        uint32_t n_insert;
        uint64_t n_move; /* elements behind, if they change their places */
};

static int array_cut_check(struct store *store, struct array_cut *cut)
{
        int r = array_check_at(store, cut->at, cut->length);

        if (r) {
                return r;
        }
        if (cut->n_delete > cut->length - cut->at) {
                return call_fail(store, STORE_E_RANGE,
                                 "there are %llu elements to delete from position %llu, not %llu",
                                 (unsigned long long)(cut->length - cut->at),
                                 (unsigned long long)cut->at, (unsigned long long)cut->n_delete);
        }
        cut->n_move = cut->n_insert == cut->n_delete ? 0 : cut->length - cut->at - cut->n_delete;
        if (cut->n_delete > STORE_ELEMENTS_MAX || cut->n_move > STORE_ELEMENTS_MAX) {
                return call_fail(
                        store, STORE_E_TOO_BIG,
                        "%llu elements to delete and %llu to move are over the limit of %u",
                        (unsigned long long)cut->n_delete, (unsigned long long)cut->n_move,
                        STORE_ELEMENTS_MAX);
        }
        return array_check_length(store, cut->length - cut->n_delete + cut->n_insert);
}

static void array_move(struct space *space, const struct array_cut *cut)
{
        struct vector v = array_vector(cut->array);
        uint64_t from = cut->at + cut->n_delete;
        uint64_t to = cut->at + cut->n_insert;

        /* From the end that does not overwrite what is yet to move. */
        for (uint64_t i = 0; i < cut->n_move; i++) {
                uint64_t offset = to > from ? cut->n_move - 1 - i : i;

                vector_put(space, v, to + offset, vector_get(space, v, from + offset));
        }
        for (uint64_t i = to + cut->n_move; i < from + cut->n_move; i++) {
                vector_put(space, v, i, word_nil());
        }
}

static void array_cut_apply(struct store *store, const struct array_cut *cut)
{
        struct space *space = &store->space;
        uint64_t length = cut->length - cut->n_delete + cut->n_insert;
        uint64_t end = length > cut->length ? length : cut->length;

        if (cut->n_delete == 0 && cut->n_insert == 0) {
                return;
        }
        if (cut->n_move == 0 && cut->n_delete == cut->n_insert) {
                end = cut->at + cut->n_insert;
        } else {
                array_move(space, cut);
        }
        array_put_scratch(store, cut->array, cut->at, cut->n_insert);
        vector_prune(space, array_vector(cut->array), cut->at, end - cut->at);
        space_store_count(space, cut->array, ARRAY_LENGTH, length);
        obj_touch(space, cut->array);
}

int array_splice(struct session *session, struct target target, uint64_t at, uint64_t n_delete,
                 struct value_source *values, struct value_sink *sink)
{
        struct store *store = session->store;
        struct answer answer = {.session = session};
        struct array_cut cut = {.at = at, .n_delete = n_delete, .n_insert = values->n};
        int r;

        call_begin(store, session);
        r = handle_resolve_kind(session, target, KIND_ARRAY, &cut.array);
        if (r) {
                return r;
        }
        cut.length = obj_length(&store->space, cut.array);
        r = array_cut_check(store, &cut);
        if (r == STORE_OK) {
                r = input_words(session, values, false);
        }
        if (r == STORE_OK) {
                r = array_count(&answer, cut.array, at, n_delete);
        }
        if (r) {
                return r;
        }
        if (vector_reserve(&store->space, array_vector(cut.array), at, cut.n_insert + cut.n_move)) {
                handle_unreserve_picks(session);
                return call_fail_memory(store);
        }
        array_emit(session, cut.array, at, n_delete, sink);
        array_cut_apply(store, &cut);
        return STORE_OK;
}
