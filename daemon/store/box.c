/* SPDX-License-Identifier: MIT */
#include "store/box.h"

#include "base/assert.h"
#include "store/store.h"

/* What a box holds: a kind and bytes, borrowed from the value or from `number`. */
struct box_content {
        enum kind kind;
        uint32_t n_bytes;
        const void *bytes;
        uint8_t number[12];
};

bool box_try_word(const struct value *value, struct word *ret_word)
{
        switch (value->type) {
        case VALUE_NIL:
                *ret_word = word_nil();
                return true;
        case VALUE_BOOL:
                *ret_word = word_bool(value->boolean);
                return true;
        case VALUE_INT:
                if (!word_int_fits(value->integer)) {
                        return false;
                }
                *ret_word = word_int(value->integer);
                return true;
        case VALUE_FLOAT:
                return word_try_float(value->real, ret_word);
        case VALUE_STR:
                return word_try_text(value->bytes, value->n_bytes, WORD_SPECIAL_TEXT, ret_word);
        case VALUE_BIN:
                return word_try_text(value->bytes, value->n_bytes, WORD_SPECIAL_BYTES, ret_word);
        case VALUE_UINT:
        case VALUE_DOC:
        case VALUE_TIME:
                return false;
        case VALUE_REF:
        case _VALUE_N:
                break;
        }
        hd_unreachable();
}

static void box_describe(const struct value *value, struct box_content *content)
{
        static const enum kind kinds[_VALUE_N] = {
                [VALUE_INT] = KIND_INT,   [VALUE_UINT] = KIND_UINT, [VALUE_FLOAT] = KIND_FLOAT,
                [VALUE_STR] = KIND_STR,   [VALUE_BIN] = KIND_BIN,   [VALUE_DOC] = KIND_DOC,
                [VALUE_TIME] = KIND_TIME,
        };

        hd_assert(value->type < _VALUE_N && kinds[value->type] != KIND_NONE);
        content->kind = kinds[value->type];
        content->bytes = content->number;
        content->n_bytes = 8;
        if (content->kind == KIND_TIME) {
                memcpy(content->number, &value->time.seconds, 8);
                memcpy(content->number + 8, &value->time.nanoseconds, 4);
                content->n_bytes = 12;
        } else if (content->kind == KIND_INT || content->kind == KIND_UINT ||
                   content->kind == KIND_FLOAT) {
                memcpy(content->number, &value->natural, 8);
        } else {
                content->bytes = value->bytes;
                content->n_bytes = value->n_bytes;
        }
}

int box_from_value(struct space *space, const struct value *value, struct word *ret_word)
{
        struct box_content content;
        struct word box;

        if (box_try_word(value, ret_word)) {
                return STORE_OK;
        }
        box_describe(value, &content);
        box = space_alloc(space, content.kind, content.n_bytes);
        if (word_is_nil(box)) {
                return STORE_E_NOMEM;
        }
        if (content.n_bytes > 0) {
                memcpy(gc_bytes_init(space->mutator, box), content.bytes, content.n_bytes);
        }
        *ret_word = box;
        return STORE_OK;
}

static void box_immediate_to_value(struct word w, uint8_t *room, struct value *ret_value)
{
        if (word_is_int(w)) {
                *ret_value = value_int(word_get_int(w));
                return;
        }
        if (word_is_float(w)) {
                *ret_value = value_float(word_get_float(w));
                return;
        }
        switch (word_special_kind(w)) {
        case WORD_SPECIAL_NIL:
                *ret_value = value_nil();
                return;
        case WORD_SPECIAL_FALSE:
        case WORD_SPECIAL_TRUE:
                *ret_value = value_bool(word_special_kind(w) == WORD_SPECIAL_TRUE);
                return;
        case WORD_SPECIAL_TEXT:
        case WORD_SPECIAL_BYTES:
                *ret_value = value_bytes(word_special_kind(w) == WORD_SPECIAL_TEXT ? VALUE_STR
                                                                                   : VALUE_BIN,
                                         room, (uint32_t)word_get_text(w, room));
                return;
        case WORD_SPECIAL_HOLE:
        case WORD_SPECIAL_FLOAT:
        case WORD_SPECIAL_WEAK:
        case WORD_SPECIAL_DEAD:
                break;
        }
        hd_unreachable();
}

void box_to_value(struct space *space, struct word w, uint8_t *room, struct value *ret_value)
{
        const uint8_t *bytes;
        enum kind kind;

        if (!word_is_ref(w)) {
                box_immediate_to_value(w, room, ret_value);
                return;
        }
        kind = space_kind(space, w);
        bytes = gc_bytes(space->mutator, w);
        *ret_value = (struct value){.type = VALUE_NIL};
        if (kind == KIND_INT || kind == KIND_UINT || kind == KIND_FLOAT) {
                ret_value->type = kind == KIND_INT    ? VALUE_INT
                                  : kind == KIND_UINT ? VALUE_UINT
                                                      : VALUE_FLOAT;
                memcpy(&ret_value->natural, bytes, 8);
        } else if (kind == KIND_TIME) {
                ret_value->type = VALUE_TIME;
                memcpy(&ret_value->time.seconds, bytes, 8);
                memcpy(&ret_value->time.nanoseconds, bytes + 8, 4);
        } else {
                hd_assert(kind == KIND_STR || kind == KIND_BIN || kind == KIND_DOC);
                *ret_value = value_bytes(kind == KIND_STR   ? VALUE_STR
                                         : kind == KIND_BIN ? VALUE_BIN
                                                            : VALUE_DOC,
                                         bytes, gc_count(space->mutator, w));
        }
}

bool box_equals(struct space *space, struct word w, const struct value *value)
{
        struct box_content content;
        struct word immediate;

        space->work_units++;
        if (box_try_word(value, &immediate)) {
                return word_same(w, immediate);
        }
        if (!word_is_ref(w)) {
                return false;
        }
        box_describe(value, &content);
        return space_kind(space, w) == content.kind &&
               gc_count(space->mutator, w) == content.n_bytes &&
               memcmp(gc_bytes(space->mutator, w), content.bytes, content.n_bytes) == 0;
}
