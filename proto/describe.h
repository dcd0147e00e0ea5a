/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Describe: the tables written out for clients, as the results of api.info and hello hold them.
 * Fails as the writer does.
 */

#include "proto/limits.h"
#include "proto/writer.h"

enum { PROTO_VERSION_MIN = 1, PROTO_VERSION_MAX = 1 };

/* The whole result of api.info: {methods, errors, kinds, ext, features}. */
void api_info_write(struct writer *writer);

/* The map of limits in force. */
void limits_write(struct writer *writer, const struct limits *limits);

/* The array of optional features: empty in this version. */
void features_write(struct writer *writer);
