#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The C code is as clang-format 14 (Debian 12's) writes it."""

import subprocess

import tidy


def rule_format(tree):
    """clang-format has nothing to change"""
    names = tree.ending(".c", ".h")
    command = ["clang-format-14", "--dry-run", "-Werror", *names]
    run = subprocess.run(command, cwd=tree.top, capture_output=True, text=True)
    if run.returncode:
        yield "run clang-format-14 -i on these files"
        yield from (line for line in run.stderr.splitlines() if "error:" in line)


RULES = [rule_format]

if __name__ == "__main__":
    tidy.main(RULES)
