#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What tests/verdict.py must count as what: a suite that cannot fail would be worth nothing."""

import json
import os
import subprocess
import tempfile

import tidy

VERDICT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "verdict.py")

# (what it is, TAP text, expected first line)
TAP = [
    ("cases of both kinds", "1..3\nok 1 - a\nnot ok 2 - b\nok - c\n", "2 1"),
    ("a program that ran nothing", "1..0\n", "0 1"),
    ("silence", "", "0 1"),
    ("skipped cases", "ok 1 - a\nok 2 - b # SKIP no such kernel\n", "1 0"),
    ("words that begin alike", "okay\nok 1 - a\nnot okay\n", "1 0"),
]

# (what it is, tests as meson writes them, expected first line)
MESON = [
    ("a plain program", [("a", "OK", "hello\n")], "1 0"),
    ("a plain program that fails", [("a", "FAIL", ""), ("b", "OK", "")], "1 1"),
    ("a crash after the first case", [("a", "ERROR", "1..9\nok 1 - a\n")], "1 1"),
    ("a failed case", [("a", "FAIL", "ok 1 - a\nnot ok 2 - b\n")], "1 1"),
    ("time that ran out", [("a", "TIMEOUT", "")], "0 1"),
    ("a skipped program", [("a", "SKIP", ""), ("b", "OK", "")], "1 0"),
    ("no program at all", [], "0 1"),
]


def verdict(kind, text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        run = subprocess.run([VERDICT, kind, file.name], capture_output=True, text=True)
    return run.stdout.split("\n")[0]


def case(kind, what, text, expected):
    def check(tree):
        found = verdict(kind, text)
        if found != expected:
            yield f"expected {expected!r}, got {found!r}"

    check.__doc__ = f"{kind}: {what} counts as {expected}"
    return check


def as_log(tests):
    keys = ("name", "result", "stdout")
    return "".join(json.dumps(dict(zip(keys, test))) + "\n" for test in tests)


if __name__ == "__main__":
    tap = [case("tap", what, text, expected) for what, text, expected in TAP]
    meson = [case("meson", what, as_log(tests), expected) for what, tests, expected in MESON]
    tidy.main(tap + meson)
