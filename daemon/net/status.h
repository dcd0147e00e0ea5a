/* SPDX-License-Identifier: MIT */
#pragma once

/* Status: the one place where outcomes of the store become error codes of the protocol. Pure. */

#include "proto/errors.h"
#include "store/store.h"

enum error status_of(enum store_outcome outcome);
