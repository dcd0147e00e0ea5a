#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The documents speak of what is there."""

import os
import re

import tidy

ROOTS = ["", "daemon", "packaging/man", "packaging/systemd"]
FILE = re.compile(r"[\w./-]+\.(?:c|h|def|md|py|sh|map|scd|service.in|socket)")
INVARIANT = re.compile(r"\b(?:HEAP|GC|STORE|NET)-\d+\b")


def rule_paths(tree):
    """every file that a document names in `backticks` exists"""
    for name, number, line in tree.numbered(".md"):
        here = os.path.dirname(name)
        for path in re.findall(r"`([^`]+)`", line):
            if FILE.fullmatch(path) and not any(
                os.path.exists(os.path.join(tree.top, root, path)) for root in [here, *ROOTS]
            ):
                yield f"{name}:{number}: there is no {path}"


def rule_invariants(tree):
    """every invariant that code cites is stated in a DESIGN.md"""
    stated = {
        cited
        for name in tree.ending("DESIGN.md")
        for line in tree.lines(name)
        for cited in INVARIANT.findall(line)
    }
    for name, number, line in tree.numbered(".c", ".h"):
        for cited in INVARIANT.findall(line):
            if cited not in stated:
                yield f"{name}:{number}: no DESIGN.md states {cited}"


RULES = [rule_paths, rule_invariants]

if __name__ == "__main__":
    tidy.main(RULES)
