/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "net/conn.h"

#define INBOX_BYTES_MIN 4096u

void inbox_clear(struct inbox *inbox)
{
        free(inbox->bytes);
        *inbox = (struct inbox){0};
}

/* Doubles what really has arrived: a length that a peer only claims allocates nothing. */
bool inbox_reserve(struct inbox *inbox, size_t n_max, uint8_t **ret_bytes, size_t *ret_n)
{
        if (inbox->at > 0) {
                memmove(inbox->bytes, inbox->bytes + inbox->at, inbox->n - inbox->at);
                inbox->n -= inbox->at;
                inbox->at = 0;
        }
        if (inbox->n == inbox->n_cap) {
                size_t n_cap = inbox->n_cap * 2 < INBOX_BYTES_MIN ? INBOX_BYTES_MIN
                                                                  : inbox->n_cap * 2;
                uint8_t *bytes;

                n_cap = n_cap > n_max ? n_max : n_cap;
                bytes = n_cap > inbox->n_cap ? realloc(inbox->bytes, n_cap) : NULL;
                if (!bytes) {
                        return false;
                }
                inbox->bytes = bytes;
                inbox->n_cap = n_cap;
        }
        *ret_bytes = inbox->bytes + inbox->n;
        *ret_n = inbox->n_cap - inbox->n;
        return true;
}

bool inbox_keep(struct inbox *inbox, const uint8_t *bytes, size_t n)
{
        hd_assert(!inbox->bytes && n > 0);
        inbox->bytes = malloc(n);
        if (!inbox->bytes) {
                return false;
        }
        memcpy(inbox->bytes, bytes, n);
        inbox->n = inbox->n_cap = n;
        return true;
}
