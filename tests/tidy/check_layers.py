#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The layer law: who may include whom. ARCHITECTURE.md explains it; this is the law itself."""

import os
import re

import tidy

# What those who only look may know of the rest.
FACES = ["heap/heap.h", "gc/gc.h", "store/store.h", "net/net.h"]

# Each folder may include itself and the folders named here, or single headers of others.
MAY_INCLUDE = {
    "proto": [],
    "base": [],
    "heap": ["base"],
    "gc": ["base", "heap"],
    "store": ["base", "heap", "gc"],
    "loop": ["base", "heap", "gc"],
    "net": ["base", "heap", "gc", "store", "loop", "proto"],
    "stats": ["base", "loop", *FACES],
    "console": ["base", "loop", *FACES, "store/name.h"],
    "service": ["base"],
    "client": ["proto", "heapd.h"],
}

# Libraries stay where they are meant to be: everything else can be tested without them.
EXTERNAL_ONLY_IN = {
    "uv.h": ["loop", "net", "stats", "console", "daemon"],
    "msgpack.h": ["proto", "client"],
    "msgpack/": ["proto", "client"],
    "systemd/": ["service"],
    "sys/socket.h": ["loop", "net", "stats", "console", "service", "daemon", "client"],
    "criterion/": ["tests"],
}

# These return what they have to say, or call a listener.
NEVER_LOG = ["proto", "heap", "gc", "store", "client"]

INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


def folder_of(name):
    """The folder whose law applies to a file; the daemon's own top may use everything."""
    parts = name.split("/")
    if parts[0] == "daemon":
        return parts[1] if len(parts) > 2 else "daemon"
    return parts[0]


def includes(tree):
    for name, number, line in tree.numbered(*tidy.CODE):
        found = INCLUDE.match(line)
        if found:
            yield name, number, found[1] == '"', found[2]


def allowed(folder, header):
    entries = MAY_INCLUDE[folder] + [folder]
    return any(header == entry or header.startswith(entry + "/") for entry in entries)


def rule_layers(tree):
    """a folder includes only what stands below it"""
    for name, number, quoted, header in includes(tree):
        folder = folder_of(name)
        if quoted and folder in MAY_INCLUDE and not allowed(folder, header):
            yield f"{name}:{number}: {folder} may not include {header}"


def rule_unit_tests(tree):
    """a unit test includes only what its layer may"""
    for name, number, quoted, header in includes(tree):
        unit = re.fullmatch(r"tests/unit/test_([a-z]+)_\w+\.c", name)
        if unit and quoted and not header.startswith("support/"):
            if unit[1] not in MAY_INCLUDE:
                yield f"{name}:{number}: there is no layer {unit[1]}"
            elif not allowed(unit[1], header):
                yield f"{name}:{number}: a test of {unit[1]} may not include {header}"


def rule_rooted(tree):
    """quoted includes are rooted and exist"""
    for name, number, quoted, header in includes(tree):
        roots = ["", "daemon", "tests", "client/include"]
        if quoted and not any(os.path.exists(os.path.join(tree.top, r, header)) for r in roots):
            yield f"{name}:{number}: there is no {header}, counted from the top or from daemon/"


def rule_libraries(tree):
    """a library's headers stay in the folders that are there to wrap it"""
    for name, number, quoted, header in includes(tree):
        folder = folder_of(name)
        for library, folders in EXTERNAL_ONLY_IN.items():
            if header.startswith(library) and folder not in folders + ["tests"]:
                yield f"{name}:{number}: {folder} may not include <{header}>"


def rule_silent(tree):
    """proto, heap, gc, store and the client library never log"""
    for name, number, quoted, header in includes(tree):
        if header == "base/log.h" and folder_of(name) in NEVER_LOG:
            yield f"{name}:{number}: {folder_of(name)} never logs"


RULES = [rule_layers, rule_unit_tests, rule_rooted, rule_libraries, rule_silent]

if __name__ == "__main__":
    tidy.main(RULES)
