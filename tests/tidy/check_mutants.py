#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The faults of tests/mutants still fit the code that they are meant for."""

import subprocess

import tidy


def rule_applies(tree):
    """every mutant can be planted"""
    for name in tree.ending(".patch"):
        command = ["git", "-c", "safe.directory=*", "apply", "--check", "-p1", name]
        run = subprocess.run(command, cwd=tree.top, capture_output=True, text=True)
        if run.returncode:
            yield f"{name}: make it anew (tests/mutants/README.md): {run.stderr.splitlines()[0]}"


RULES = [rule_applies]

if __name__ == "__main__":
    tidy.main(RULES)
