#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts test cases for tests/run.sh.

    verdict.py tap FILE...          TAP as the checks print it
    verdict.py meson TESTLOG.json   what `meson test` leaves behind

Prints "PASSED FAILED", and after it the output of every program with a failure. A program that
broke off, or that ran nothing, counts as one failure; skipped cases count as nothing.
"""

import json
import re
import sys

TAIL_LINES = 60
POINT = re.compile(r"(not )?ok\b(?!.*# *(SKIP|TO" r"DO))", re.IGNORECASE)


def count_tap(text):
    points = [POINT.match(line) for line in text.splitlines()]
    failed = sum(1 for point in points if point and point[1])
    return sum(map(bool, points)) - failed, failed


def programs(kind, files):
    """(name, output, whether it speaks TAP, whether it ended well) of every program that ran."""
    for name in files:
        with open(name, encoding="utf-8", errors="replace") as file:
            if kind == "tap":
                yield name.rsplit("/", 1)[-1], file.read(), True, True
                continue
            for line in file:
                test = json.loads(line)
                output = test.get("stdout") or ""
                tap = re.search(r"^(1\.\.\d|ok |not ok )", output, re.MULTILINE)
                if test["result"] == "SKIP":
                    continue
                errors = test.get("stderr") or ""
                yield test["name"], output + errors, bool(tap), test["result"] == "OK"


def main():
    passed = failed = 0
    failures = []
    for name, output, tap, well in programs(sys.argv[1], sys.argv[2:]):
        n_passed, n_failed = count_tap(output) if tap else (int(well), int(not well))
        if n_failed == 0 and (not well or n_passed == 0):
            n_failed = 1
        if n_failed:
            failures += [f"--- {name}", *output.splitlines()[-TAIL_LINES:]]
        passed += n_passed
        failed += n_failed
    print(passed, failed if passed + failed else 1)
    print("\n".join(failures + (["--- no tests ran"] if passed + failed == 0 else [])), end="")
    if failures or passed + failed == 0:
        print()


if __name__ == "__main__":
    main()
