/* SPDX-License-Identifier: MIT */
#include "net/status.h"

#include "base/assert.h"

enum error status_of(enum store_outcome outcome)
{
        switch (outcome) {
        case STORE_E_BAD_REQUEST:
                return ERROR_BAD_REQUEST;
        case STORE_E_NO_HANDLE:
                return ERROR_NO_HANDLE;
        case STORE_E_BROKEN:
                return ERROR_BROKEN;
        case STORE_E_NO_NAME:
                return ERROR_NO_NAME;
        case STORE_E_EXISTS:
                return ERROR_EXISTS;
        case STORE_E_GONE:
                return ERROR_GONE;
        case STORE_E_TYPE:
                return ERROR_TYPE;
        case STORE_E_RANGE:
                return ERROR_RANGE;
        case STORE_E_CONFLICT:
                return ERROR_CONFLICT;
        case STORE_E_NOMEM:
                return ERROR_NOMEM;
        case STORE_E_TOO_BIG:
                return ERROR_TOO_BIG;
        case STORE_E_LIMIT:
                return ERROR_LIMIT;
        case STORE_OK:
        case _STORE_E_N:
        default:
                hd_unreachable();
        }
}
