/* SPDX-License-Identifier: MIT */
/*
 * Scanner and reader against msgpack-c's unpacker: random messages in every encoding, whole, cut
 * off and with bytes changed. msgpack-c is asked only about bytes that the scanner let through: it
 * would allocate what the others claim.
 */
#include <msgpack/object.h>
#include <msgpack/unpack.h>
#include <msgpack/zone.h>
#include <string.h>

#include "proto/reader.h"
#include "proto/scanner.h"
#include "proto/writer.h"
#include "support/seed.h"
#include "support/unit.h"

/* A head with a length field of a random width that the number fits. */
static void write_head(struct writer *writer, struct seed *seed, const uint8_t leads[3], uint32_t n)
{
        unsigned least = n > 0xffff ? 2 : n > 0xff ? 1 : 0;
        unsigned width = (unsigned)seed_between(seed, least, 2);
        uint8_t head[5] = {leads[width]};
        unsigned n_length = 1u << width;

        for (unsigned i = 0; i < n_length; i++) {
                head[1 + i] = (uint8_t)(n >> (8 * (n_length - 1 - i)));
        }
        writer_raw(writer, head, 1 + n_length);
}

static void write_bytes(struct writer *writer, struct seed *seed, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                uint8_t byte = (uint8_t)seed_next(seed);

                writer_raw(writer, &byte, 1);
        }
}

/* Scalars of a fixed length: the lead byte, then that many random bytes. */
static void write_fixed(struct writer *writer, struct seed *seed)
{
        static const struct {
                uint8_t lead;
                uint8_t n;
        } fixed[] = {{0xc0, 0}, {0xc2, 0}, {0xc3, 0}, {0xca, 4}, {0xcb, 8}, {0xcc, 1},
                     {0xcd, 2}, {0xce, 4}, {0xcf, 8}, {0xd0, 1}, {0xd1, 2}, {0xd2, 4},
                     {0xd3, 8}, {0xd4, 2}, {0xd5, 3}, {0xd6, 5}, {0xd7, 9}, {0xd8, 17},
                     {0x00, 0}, {0x7f, 0}, {0xe0, 0}, {0xff, 0}};
        unsigned i = (unsigned)seed_below(seed, sizeof(fixed) / sizeof(fixed[0]));

        writer_raw(writer, &fixed[i].lead, 1);
        write_bytes(writer, seed, fixed[i].n);
}

static void write_value(struct writer *writer, struct seed *seed, unsigned depth)
{
        static const uint8_t str[] = {0xd9, 0xda, 0xdb};
        static const uint8_t bin[] = {0xc4, 0xc5, 0xc6};
        static const uint8_t ext[] = {0xc7, 0xc8, 0xc9};
        uint32_t n = (uint32_t)seed_below(seed, seed_one_in(seed, 20) ? 300 : 6);
        bool in_map = seed_one_in(seed, 2);

        switch (seed_below(seed, depth < 31 ? 6 : 4)) {
        case 0:
                write_head(writer, seed, str, n);
                write_bytes(writer, seed, n);
                break;
        case 1:
                write_head(writer, seed, bin, n);
                write_bytes(writer, seed, n);
                break;
        case 2:
                write_head(writer, seed, ext, n);
                write_bytes(writer, seed, n + 1);
                break;
        case 3:
                write_fixed(writer, seed);
                break;
        default:
                n %= 5;
                if (seed_one_in(seed, 2)) {
                        uint8_t lead = (uint8_t)((in_map ? 0x80 : 0x90) + n);

                        writer_raw(writer, &lead, 1);
                } else {
                        uint8_t head[5] = {in_map ? 0xdf : 0xdd, 0, 0, 0, (uint8_t)n};

                        writer_raw(writer, head, sizeof(head));
                }
                for (uint32_t i = 0; i < n * (in_map ? 2u : 1u); i++) {
                        write_value(writer, seed, depth + 1);
                }
                break;
        }
}

static bool same_bytes(const struct wire_value *value, const char *bytes, uint32_t n)
{
        return value->n == n && (n == 0 || !memcmp(value->bytes, bytes, n));
}

static bool same(struct reader *reader, const msgpack_object *object);

static bool same_children(struct reader *reader, const struct wire_value *value,
                          const msgpack_object *object)
{
        bool equal = true;

        if (object->type == MSGPACK_OBJECT_ARRAY) {
                equal = value->type == WIRE_ARRAY && value->n == object->via.array.size;
                for (uint32_t i = 0; equal && i < value->n; i++) {
                        equal = same(reader, &object->via.array.ptr[i]);
                }
                return equal;
        }
        equal = value->type == WIRE_MAP && value->n == object->via.map.size;
        for (uint32_t i = 0; equal && i < value->n; i++) {
                equal = same(reader, &object->via.map.ptr[i].key) &&
                        same(reader, &object->via.map.ptr[i].val);
        }
        return equal;
}

static bool same(struct reader *reader, const msgpack_object *object)
{
        struct wire_value value;

        if (!reader_next(reader, &value)) {
                return false;
        }
        switch (object->type) {
        case MSGPACK_OBJECT_NIL:
                return value.type == WIRE_NIL;
        case MSGPACK_OBJECT_BOOLEAN:
                return value.type == WIRE_BOOL && value.boolean == object->via.boolean;
        case MSGPACK_OBJECT_POSITIVE_INTEGER:
                return value.type == WIRE_UINT && value.uint == object->via.u64;
        case MSGPACK_OBJECT_NEGATIVE_INTEGER:
                return value.type == WIRE_INT && value.sint == object->via.i64;
        case MSGPACK_OBJECT_FLOAT32:
        case MSGPACK_OBJECT_FLOAT64:
                return value.type == WIRE_FLOAT &&
                       (value.real == object->via.f64 ||
                        (value.real != value.real && object->via.f64 != object->via.f64));
        case MSGPACK_OBJECT_STR:
                return value.type == WIRE_STR &&
                       same_bytes(&value, object->via.str.ptr, object->via.str.size);
        case MSGPACK_OBJECT_BIN:
                return value.type == WIRE_BIN &&
                       same_bytes(&value, object->via.bin.ptr, object->via.bin.size);
        case MSGPACK_OBJECT_EXT:
                return value.type == WIRE_EXT && value.ext == object->via.ext.type &&
                       same_bytes(&value, object->via.ext.ptr, object->via.ext.size);
        case MSGPACK_OBJECT_ARRAY:
        case MSGPACK_OBJECT_MAP:
                return same_children(reader, &value, object);
        }
        return false;
}

/* Returns the scanner's outcome, having seen that msgpack-c says the same. */
static enum scanner_outcome compare(const uint8_t *bytes, size_t n)
{
        struct scanner scanner;
        size_t n_used = 0;
        enum scanner_outcome outcome;
        msgpack_zone zone;
        msgpack_object object;
        msgpack_unpack_return r;
        size_t at = 0;
        struct reader reader;

        scanner_init(&scanner, LIMIT_MESSAGE_BYTES);
        outcome = scanner_feed(&scanner, bytes, n, &n_used);
        if (outcome != SCANNER_MESSAGE && outcome != SCANNER_MORE &&
            outcome != SCANNER_E_RESERVED) {
                return outcome;
        }
        msgpack_zone_init(&zone, 8192);
        r = msgpack_unpack((const char *)bytes, n, &at, &zone, &object);
        if (outcome == SCANNER_MESSAGE) {
                cr_assert(r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES);
                cr_assert_eq(at, n_used);
                reader_init(&reader, bytes, n_used);
                cr_assert(same(&reader, &object));
                cr_assert(reader.at == reader.end);
        } else if (outcome == SCANNER_MORE) {
                cr_assert_eq(r, MSGPACK_UNPACK_CONTINUE);
        } else {
                cr_assert_eq(r, MSGPACK_UNPACK_PARSE_ERROR);
        }
        msgpack_zone_destroy(&zone);
        return outcome;
}

Test(model_proto, agrees_with_msgpack_c_on_whole_cut_and_changed_messages)
{
        struct seed seed;
        struct writer writer;
        unsigned n_seen[_SCANNER_N] = {0};

        seed_init(&seed);
        writer_init(&writer, LIMIT_MESSAGE_BYTES);
        for (unsigned round = 0; round < 20000; round++) {
                uint32_t n_elements = (uint32_t)seed_between(&seed, 3, 4);

                writer_reset(&writer, SIZE_MAX);
                writer_array(&writer, n_elements);
                for (uint32_t i = 0; i < n_elements; i++) {
                        write_value(&writer, &seed, 1);
                }
                if (writer_status(&writer)) {
                        continue;
                }
                cr_assert_eq(compare(writer.bytes, writer.n), SCANNER_MESSAGE);
                cr_assert_eq(compare(writer.bytes, seed_below(&seed, writer.n - 1) + 1),
                             SCANNER_MORE);
                for (unsigned change = 0; change < 4; change++) {
                        writer.bytes[1 + seed_below(&seed, writer.n - 1)] = (uint8_t)seed_next(
                                &seed);
                        n_seen[compare(writer.bytes, writer.n)]++;
                }
        }
        for (unsigned i = 0; i < _SCANNER_N; i++) {
                bool by_first_byte = i >= SCANNER_E_TEXT && i <= SCANNER_E_ENVELOPE;

                cr_assert(n_seen[i] || by_first_byte || i == SCANNER_E_TOO_DEEP,
                          "outcome %u never came up", i);
        }
        writer_deinit(&writer);
}
