#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The engine's benchmark, small: every peer that is here does the same work, and its sums agree."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from harness import PROGRAM, main, tests_of

SOURCE = os.environ["HEAPD_SOURCE"]
BENCH = os.path.join(SOURCE, "tests/bench/engine/engine.py")
BUILD = os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM)))
# Boehm's collector reads stacks in a way that sanitizers take for a fault.
SANITIZED = os.environ["HEAPD_SANITIZE"] != "none"
ENGINES = "^heapd" if SANITIZED else r"^(heapd|boehm|glibc|jemalloc|mimalloc|go$|java\d+-G1)"
WORKLOADS = ("trees", "gcbench", "storm", "churn", "graph-ordered", "graph-shuffled")


def bench(*arguments, path=None):
    environment = dict(os.environ, PATH=path) if path else os.environ
    return subprocess.run(
        [sys.executable, BENCH, BUILD, "--size", "small", "--rounds", "1", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
        check=False,
    )


def test_all():
    """every workload ends in every engine; what is left out is said"""
    done = bench("--engines", ENGINES)
    assert done.returncode == 0, done
    tables = re.split(r"^== ", done.stdout, flags=re.M)[1:]
    assert [table.split(":")[0] for table in tables] == list(WORKLOADS), done.stdout
    for table in tables:
        assert re.search(r"^heapd +[0-9.]+ ", table, re.M), table
        assert "failed" not in table and "no mark phase" not in table, table
    print("\n".join(re.findall("^# left out.*", tables[0], re.M)))


def test_nothing_installed():
    """without Go and Java it says so and measures the rest"""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(shutil.which("git"), os.path.join(folder, "git"))
        done = bench("--engines", "^(heapd|go|java)", "--workloads", "storm", path=folder)
    assert done.returncode == 0, done
    for peer in ("Go", "Java"):
        assert f"left out: {peer}" in done.stdout, done


def test_no_memory():
    """an engine that cannot do the work fails in the table, and heapd's failing in the status"""
    work = os.path.join(BUILD, "tests/bench/engine/work_heapd")
    done = subprocess.run(
        [work, "8", "1", "100", "churn", "1048576", "1000"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and "FAILED no memory" in done.stdout, done


if __name__ == "__main__":
    main(tests_of(globals()))
