/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <msgpack/pack.h>
#include <stdlib.h>
#include <string.h>
#include "proto/format.h"
#include "proto/kinds.h"
#include "proto/writer.h"

enum { WRITER_FIRST_BYTES = 256 };

void writer_init(struct writer *writer, size_t n_max)
{
        *writer = (struct writer){.n_max = n_max};
}

void writer_deinit(struct writer *writer)
{
        free(writer->bytes);
        *writer = (struct writer){0};
}

void writer_reset(struct writer *writer, size_t n_keep_max)
{
        if (writer->n_cap > n_keep_max) {
                free(writer->bytes);
                writer->bytes = NULL;
                writer->n_cap = 0;
        }
        writer->n = 0;
        writer->status = 0;
}

int writer_status(const struct writer *writer)
{
        return writer->status;
}

size_t writer_mark(const struct writer *writer)
{
        return writer->n;
}

void writer_truncate(struct writer *writer, size_t mark)
{
        writer->n = mark;
        writer->status = 0;
}

/* Doubling, so that a byte is moved O(1) times; never beyond n_max. */
static int writer_grow(struct writer *writer, size_t n_more)
{
        size_t n_cap = writer->n_cap ? writer->n_cap : WRITER_FIRST_BYTES;
        uint8_t *bytes;

        if (n_more > writer->n_max - writer->n) {
                return WRITER_E_FULL;
        }
        while (n_cap < writer->n + n_more) {
                n_cap *= 2;
        }
        n_cap = n_cap < writer->n_max ? n_cap : writer->n_max;
        bytes = realloc(writer->bytes, n_cap);
        if (!bytes) {
                return -ENOMEM;
        }
        writer->bytes = bytes;
        writer->n_cap = n_cap;
        return 0;
}

/* Inlined everywhere: most calls append a constant handful of bytes, which then is one store. */
static inline __attribute__((always_inline)) int writer_append(void *opaque, const char *bytes,
                                                               size_t n)
{
        struct writer *writer = opaque;

        if (writer->status || !n) {
                return writer->status;
        }
        if (n > writer->n_cap - writer->n) {
                writer->status = writer_grow(writer, n);
                if (writer->status) {
                        return writer->status;
                }
        }
        memcpy(writer->bytes + writer->n, bytes, n);
        writer->n += n;
        return 0;
}

/* On the stack of each call, so that the compiler sees through the callback. */
static msgpack_packer writer_packer(struct writer *writer)
{
        return (msgpack_packer){.data = writer, .callback = writer_append};
}

void writer_nil(struct writer *writer)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_nil(&packer);
}

void writer_bool(struct writer *writer, bool value)
{
        msgpack_packer packer = writer_packer(writer);

        if (value) {
                msgpack_pack_true(&packer);
        } else {
                msgpack_pack_false(&packer);
        }
}

void writer_uint(struct writer *writer, uint64_t value)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_uint64(&packer, value);
}

void writer_int(struct writer *writer, int64_t value)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_int64(&packer, value);
}

void writer_float(struct writer *writer, double value)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_double(&packer, value);
}

void writer_str(struct writer *writer, const char *bytes, size_t n)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_str(&packer, n);
        writer_append(writer, bytes, n);
}

void writer_text(struct writer *writer, const char *text)
{
        writer_str(writer, text, strlen(text));
}

void writer_bin(struct writer *writer, const void *bytes, size_t n)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_bin(&packer, n);
        writer_append(writer, bytes, n);
}

void writer_ext(struct writer *writer, int8_t type, const void *bytes, size_t n)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_ext(&packer, n, type);
        writer_append(writer, bytes, n);
}

void writer_handle(struct writer *writer, uint32_t handle)
{
        uint8_t bytes[4];

        format_put_u32(bytes, handle);
        writer_ext(writer, EXT_REFERENCE, bytes, sizeof(bytes));
}

void writer_array(struct writer *writer, uint32_t n_elements)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_array(&packer, n_elements);
}

void writer_map(struct writer *writer, uint32_t n_pairs)
{
        msgpack_packer packer = writer_packer(writer);

        msgpack_pack_map(&packer, n_pairs);
}

void writer_raw(struct writer *writer, const void *bytes, size_t n)
{
        writer_append(writer, bytes, n);
}

size_t writer_array_open(struct writer *writer)
{
        static const char head[5] = {(char)0xdd};
        size_t opened = writer->n;

        writer_append(writer, head, sizeof(head));
        return opened;
}

void writer_array_close(struct writer *writer, size_t opened, uint32_t n_elements)
{
        if (!writer->status) {
                format_put_u32(writer->bytes + opened + 1, n_elements);
        }
}
