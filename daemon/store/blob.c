/* SPDX-License-Identifier: MIT */
#include "store/blob.h"

#include "store/internals.h"

int blob_read(struct session *session, struct target target, uint64_t offset, uint64_t n_bytes,
              struct value *ret_bytes)
{
        struct store *store = session->store;
        struct word blob;
        uint64_t length;
        int r;

        call_begin(store, session);
        r = handle_resolve_kind(session, target, KIND_BLOB, &blob);
        if (r) {
                return r;
        }
        length = obj_length(&store->space, blob);
        if (offset > length) {
                return call_fail(store, STORE_E_RANGE,
                                 "offset %llu is beyond the blob's %llu bytes",
                                 (unsigned long long)offset, (unsigned long long)length);
        }
        if (n_bytes > length - offset) {
                n_bytes = length - offset;
        }
        if (n_bytes > store->config.result_bytes_max) {
                return call_fail(store, STORE_E_TOO_BIG, "%llu bytes are over the limit of %u",
                                 (unsigned long long)n_bytes, store->config.result_bytes_max);
        }
        *ret_bytes = value_bytes(VALUE_BIN, gc_bytes(store->space.mutator, blob) + offset,
                                 (uint32_t)n_bytes);
        return STORE_OK;
}
