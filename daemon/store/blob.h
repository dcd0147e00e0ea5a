/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Blob: the methods that only blobs have. A blob is bytes that never change, up to blob_bytes_max
 * (STORE_E_TOO_BIG). Created by obj_new().
 *
 * Threads: the executor, inside a request.
 * Failure: outcomes of store.h.
 */

#include <stdint.h>

#include "store/session.h"

/* A bin with the bytes; fewer where the blob ends. `offset` beyond the end is STORE_E_RANGE. */
int blob_read(struct session *session, struct target target, uint64_t offset, uint64_t n_bytes,
              struct value *ret_bytes);
