/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Options: the command line, and where the socket is when nobody says.
 *
 * Owns:     nothing; the texts are argv's, or static.
 * Threads:  the first one, before there are others.
 * Failure:  argp explains what is wrong and ends the process with status 64, as after --help with
 * 0.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#define OPTIONS_GC_PERCENT 100
#define OPTIONS_RUN_FOLDER "/run/heapd"

struct options {
        const char *socket; /* NULL: options_default_socket() */
        const char *stats;
        const char *console;
        const char *gc_debug; /* NULL: none; gc_debug_parse() reads it */
        int gc_percent;       /* < 0: never */
        unsigned n_gc_workers;
        uint64_t memory_limit_bytes; /* 0: the control group's, or none */
        uint64_t memory_spare_bytes; /* 0: the heap's default */
        const char *gctrace;         /* NULL: none; "": the usual style */
        bool huge_pages;
};

void options_parse(struct options *ret_options, int argc, char **argv);

/* $HEAPD_SOCKET, else in /run/heapd if that may be written, else in $XDG_RUNTIME_DIR. False:
 * nowhere. */
bool options_default_socket(char ret_path[static sizeof(((struct sockaddr_un *)0)->sun_path)]);

/* "512M" and the like; false for anything else, and for what does not fit. */
bool options_parse_bytes(const char *text, uint64_t *ret_bytes);
