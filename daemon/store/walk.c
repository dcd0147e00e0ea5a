/* SPDX-License-Identifier: MIT */
#include "store/walk.h"

#include "store/box.h"
#include "store/map.h"

static bool walk_matches(struct walk *walk, struct word key)
{
        uint8_t room[WORD_TEXT_BYTES_MAX];
        struct value value;

        if (!walk->prefix) {
                return true;
        }
        box_to_value(&walk->store->space, key, room, &value);
        return value.type == VALUE_STR && value.n_bytes >= walk->n_prefix &&
               memcmp(value.bytes, walk->prefix, walk->n_prefix) == 0;
}

static void walk_on_entry(void *user, struct word key, struct word value)
{
        struct walk *walk = user;

        if (walk_matches(walk, key)) {
                walk->n_bucket++;
                if (walk->now) {
                        walk->now(walk, key, value);
                }
        }
}

static uint64_t walk_bucket(struct walk *walk, uint64_t position, walk_fn *now)
{
        walk->now = now;
        walk->n_bucket = 0;
        return table_visit(&walk->store->space, walk->table, position,
                           walk->keys ? TABLE_KEYS : TABLE_LOAD, walk_on_entry, walk);
}

/* Whether the bucket just looked at is too much for this portion. */
static bool walk_is_over(const struct walk *walk, uint64_t limit)
{
        return walk->n_entries + walk->n_bucket > limit ||
               walk->answer.n_bytes > walk->store->config.result_bytes_max;
}

void walk_count(struct walk *walk)
{
        uint64_t limit = walk->limit ? walk->limit : MAP_SCAN_LIMIT_DEFAULT;

        if (limit > MAP_SCAN_LIMIT_MAX) {
                limit = MAP_SCAN_LIMIT_MAX;
        }
        walk->n_entries = 0;
        walk->end = walk->position;
        for (unsigned n_buckets = 0; n_buckets < WALK_BUCKETS_MAX || walk->whole; n_buckets++) {
                struct answer before = walk->answer;
                uint64_t end = walk_bucket(walk, walk->end, walk->count);

                if (!walk->whole && walk->n_entries > 0 && walk_is_over(walk, limit)) {
                        walk->answer = before;
                        return;
                }
                walk->n_entries += walk->n_bucket;
                walk->end = end;
                if (end == 0) {
                        return;
                }
        }
}

void walk_emit(struct walk *walk)
{
        uint64_t position = walk->position;

        if (walk->whole) {
                walk->sink->begin_map(walk->sink, (uint32_t)walk->n_entries);
        } else {
                walk->sink->begin_array(walk->sink, (uint32_t)walk->n_entries);
        }
        do {
                position = walk_bucket(walk, position, walk->emit);
        } while (position != walk->end);
}

int walk_answer(struct walk *walk)
{
        int r;

        walk_count(walk);
        r = answer_reserve(&walk->answer);
        if (r == STORE_OK) {
                walk_emit(walk);
                answer_end(walk->answer.session);
        }
        return r;
}

void walk_count_entry(struct walk *walk, struct word key, struct word value)
{
        answer_count(&walk->answer, key);
        answer_count(&walk->answer, value);
}

void walk_emit_key(struct walk *walk, struct word key)
{
        uint8_t room[WORD_TEXT_BYTES_MAX];
        struct value value;

        box_to_value(&walk->store->space, key, room, &value);
        walk->sink->value(walk->sink, &value);
}

void walk_emit_entry(struct walk *walk, struct word key, struct word value)
{
        walk_emit_key(walk, key);
        answer_emit(walk->answer.session, walk->sink, value);
}
