#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the Promela models of the collector through Spin, and says TAP.

    check_models.py [WORD...]                        rows that have every WORD; all without one
    check_models.py --large [--minutes N] [WORD...]  larger bounds, so long for each row

A row of ROWS is a model, what is defined for it, and the verdict it must have: the protocol as it
is "holds", a mutation is caught by an assertion ("assert"), by a state in which nobody can go on
("deadlock") or by an execution that never gets anywhere ("cycle"). A search that ran out of memory
or depth, or that did not look at everything, is a failure whatever was expected, except that an
error which was found has been found.

--large searches larger bounds by bitstate hashing, which finds faults and proves nothing: for
hours of spare machine, not for CI. RESULTS.txt keeps what one such run printed.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY_MB = 1400  # each of two searches that run at a time
DEPTH = 4000000
LARGE_DEPTH = 20000000
SECONDS = 240  # for one row; none takes a quarter of it on an idle machine

Row = collections.namedtuple("Row", "model defines verdict")


def rows_of(model, *entries):
    """(verdict, "DEFINE DEFINE=1 ...") for each search of a model."""
    return [Row(model, tuple(defines.split()), verdict) for verdict, defines in entries]


ROWS = [
    *rows_of(
        "handshake",
        ("holds", ""),
        ("holds", "LIVE"),
        ("assert", "NO_RECHECK"),
        ("assert", "PLAIN_ENTER"),
        ("assert", "PLAIN_PROXY"),
        ("assert", "NUMBER_FIRST"),
        ("assert", "ACKNOWLEDGE_FIRST"),
        ("assert", "SKIP_AWAY"),
        ("assert", "ATTACH_STALE"),
        ("assert", "DETACH_UNLOCKED"),
        ("cycle", "LIVE NO_PROXY"),
    ),
    *rows_of(
        "barrier",
        ("holds", ""),
        ("holds", "OBJECTS=3 STORES=1"),
        ("holds", "OBJECTS=3 STORES=1 OVERFLOW"),
        ("holds", "OBJECTS=3 STORES=2 ACROSS"),
        ("assert", "NO_DELETION"),
        ("assert", "NIL_UNSHADED"),
        ("assert", "ONE_HANDSHAKE"),
        ("assert", "NO_WAVE"),
        ("assert", "KEEP_LOG"),
        ("assert", "NO_WAVE_VETO"),
        ("assert", "SWEEP_EARLY"),
        ("assert", "OVERFLOW NO_FLAGS"),
        ("assert", "OBJECTS=3 STORES=2 LOAD_STORE"),
        ("assert", "OBJECTS=3 STORES=1 BORN_WHITE"),
        ("assert", "OBJECTS=3 STORES=1 DISARM_WHITENS"),
        ("assert", "OBJECTS=3 STORES=2 ACROSS NO_INSERTION"),
        ("assert", "OBJECTS=3 STORES=2 ACROSS BLACK_AT_ARM"),
        ("assert", "OBJECTS=3 STORES=2 ACROSS MARK_IN_WAVE"),
    ),
    *rows_of(
        "termination",
        ("holds", ""),
        ("holds", "STORES=2 WORKERS=1"),
        ("holds", "SCARCE"),
        ("holds", "LIVE WORKERS=1"),
        ("holds", "LIVE WORKERS=1 SCARCE"),
        ("assert", "STORES=2 WORKERS=1 NO_WAVE_VETO"),
        ("assert", "STORES=2 WORKERS=1 VETO_LATE"),
        ("assert", "STORES=2 WORKERS=1 NO_VETO"),
        ("assert", "STORES=2 WORKERS=1 COMMIT_BLINDLY"),
        ("assert", "STORES=2 WORKERS=1 REVIVE_LATE"),
        ("assert", "STORES=2 WORKERS=1 KEEP_LOG"),
        ("assert", "STORES=2 WORKERS=1 LOOK_EARLY"),
        ("assert", "STORES=2 WORKERS=1 PROPOSE_LATE"),
        ("assert", "RUN_IN_WAVE"),
        ("deadlock", "SHARE_LOSES"),
        ("deadlock", "NO_BROADCAST"),
        ("assert", "SCARCE WORKERS=1 NO_FLAGS"),
        ("assert", "SCARCE DROP_OVERFLOW"),
        ("assert", "SCARCE FLAG_UNTOLD"),
        ("assert", "SCARCE TELL_FIRST"),
        ("assert", "SCARCE CLEAR_LATE"),
        ("assert", "SCARCE LOGS=0 CHAIN ROW_FIRST"),
        ("assert", "SCARCE NO_RESERVE"),
        ("cycle", "LIVE WORKERS=1 ALWAYS_VETO"),
        ("cycle", "LIVE WORKERS=1 SCARCE RESCAN_FLAGS"),
    ),
    *rows_of(
        "handles",
        ("holds", ""),
        ("holds", "OVERFLOW"),
        ("assert", "END_PLAIN"),
        ("assert", "END_DIRTY"),
        ("assert", "FREE_TABLE"),
        ("assert", "SWAP_PLAIN"),
        ("assert", "MOVE_PLAIN"),
        ("assert", "FREE_NODE"),
        ("assert", "DROP_PLAIN"),
        ("assert", "KEEP_EMPTY"),
        ("assert", "BORN_WHITE"),
        ("assert", "BORN_DIRTY"),
        ("assert", "SCAN_NARROW"),
        ("assert", "SKIP_CELLS"),
        ("assert", "OVERFLOW RESCAN_TABLES"),
    ),
    *rows_of(
        "sweep",
        ("holds", ""),
        ("assert", "NO_PREMARK"),
        ("assert", "KEEP_MARKS"),
        ("assert", "STALE_COLOUR"),
        ("assert", "UNCOUNTED"),
        ("assert", "SAME_GENERATION"),
        ("assert", "NO_RESET"),
        ("assert", "NO_DROP"),
        ("assert", "SWEEP_EARLY"),
        ("assert", "LATE_FLUSH"),
        ("assert", "SWEEP_NEW"),
        ("assert", "PUBLISH_EARLY"),
        ("assert", "FILE_FIRST"),
        ("assert", "MARKS_STAY"),
        ("assert", "EMPTY_FILED"),
        ("assert", "BURY_LATE"),
        ("assert", "NOT_ZEROED"),
        ("assert", "STAYS_ZEROED"),
    ),
    *rows_of(
        "growth",
        ("holds", ""),
        ("assert", "COPY_PLAIN"),
        ("assert", "NO_RELOAD"),
        ("assert", "UNFLAGGED"),
        ("assert", "LEAF_WHITE"),
        ("assert", "MAP_PLAIN"),
        ("assert", "CLEAR_FIRST"),
        ("assert", "CLEAR_HALF"),
        ("assert", "EARLY_IDLE"),
    ),
    *rows_of(
        "weak",
        ("holds", ""),
        ("assert", "NO_SHADE"),
        ("assert", "NO_VETO"),
        ("assert", "NO_WAVE_VETO"),
        ("assert", "NO_TERM"),
        ("assert", "SHADE_FIRST"),
        ("assert", "NO_RELOAD"),
        ("assert", "NO_LOOK"),
        ("assert", "CLEAR_FIRST"),
        ("assert", "CLEAR_STORES OBJECTS=2"),
        ("assert", "EARLY_IDLE"),
        ("assert", "LATE_IDLE"),
        ("assert", "DISARM_WHITENS"),
    ),
]

LARGE_ROWS = [
    *rows_of("handshake", ("holds", "MUTATORS=3")),
    *rows_of("barrier", ("holds", "BOTH CYCLES"), ("holds", "OBJECTS=3 STORES=2")),
    *rows_of("termination", ("holds", "STORES=2 OTHERS=2"), ("holds", "STORES=2 CHAIN SCARCE")),
    *rows_of("sweep", ("holds", "MUTATORS=2")),
    *rows_of("weak", ("holds", "OBJECTS=2")),
]


def run(command, folder, seconds=SECONDS):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=folder, text=True, timeout=seconds, **pipes)


def build(row, minutes, folder):
    """Returns the command that searches, or raises with what the tools said. Minutes: of a large
    search, else 0."""
    live = "LIVE" in row.defines
    flags = ["-DMEMLIM=%d" % (MEMORY_MB * (4 if minutes else 1)), "-O2", "-w"]
    flags += ["-DNFAIR=3"] if live else ["-DSAFETY"]
    flags += ["-DBITSTATE"] if minutes else ["-DCOLLAPSE"]
    spin = ["spin", "-a", *("-D" + define for define in row.defines), row.model + ".pml"]
    for command in (spin, ["gcc", *flags, "-o", "pan", "pan.c"]):
        done = run(command, folder)
        if done.returncode != 0 or not os.path.exists(os.path.join(folder, "pan.c")):
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    large = [f"-m{LARGE_DEPTH}", "-w33", f"-Q{minutes}"]
    return ["./pan", *(["-a", "-f"] if live else []), *(large if minutes else [f"-m{DEPTH}"])]


def verdict_of(output, minutes):
    """What a search has shown; anything but a verdict is the reason why it has shown nothing."""
    errors = re.search(r"\berrors: (\d+)", output)
    if not errors:
        return "no result"
    if errors[1] != "0":
        for text, verdict in (
            ("assertion violated", "assert"),
            ("invalid end state", "deadlock"),
            ("acceptance cycle", "cycle"),
        ):
            if re.search(r"pan:\s*\d+:\s*" + text, output):
                return verdict
        return "an error of another kind"
    for text in ("max search depth too small", "Search not completed", "out of memory"):
        if text in output and not minutes:
            return f"not exhaustive: {text}"
    strange = re.search(r"^pan: (?!elapsed time|rate ).*", output, re.MULTILINE)
    if strange or not (minutes or re.search(r"^Full statespace search", output, re.MULTILINE)):
        return f"not exhaustive{': ' + strange[0] if strange else ''}"
    return "holds"


def figures(output):
    def find(pattern):
        found = re.search(pattern, output)
        return found[1] if found else "?"

    states = find(r"([\d.e+]+) states, stored")
    depth = find(r"depth reached (\d+)")
    seconds = find(r"elapsed time ([\d.e+]+) seconds")
    if states == "?":
        return "no figures"
    text = f"{float(states):.0f} states, depth {depth}, {seconds} s"
    if "Bit statespace" in output:
        cut = [word for word in ("Time limit", "max search depth") if word in output]
        text += f", hash factor {find(r'hash factor: ([0-9.]+)')}"
        text += f", cut by {' and '.join(cut).lower()}" if cut else ", to the end"
    return text


def check(row, minutes):
    """(passed, the line's text, output worth showing)"""
    name = " ".join([row.model, *row.defines])
    with tempfile.TemporaryDirectory(prefix="heapd-model-") as folder:
        shutil.copy(os.path.join(HERE, row.model + ".pml"), folder)
        try:
            seconds = 60 * minutes + SECONDS
            output = run(build(row, minutes, folder), folder, seconds).stdout
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return False, f"{name}: {row.verdict}", str(error)
        got = verdict_of(output, minutes)
        if got == row.verdict:
            return True, f"{name}: {got} ({figures(output)})", ""
        if os.path.exists(os.path.join(folder, row.model + ".pml.trail")):
            output += run(["./pan", "-r"], folder).stdout[-6000:]
        return False, f"{name}: want {row.verdict}, got {got} ({figures(output)})", output


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--minutes", type=int, default=60, help="of a large search, for each row")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    rows = [
        row
        for row in (LARGE_ROWS if arguments.large else ROWS)
        if all(word in (row.model, row.verdict, *row.defines) for word in arguments.words)
    ]
    print(f"1..{len(rows)}", flush=True)
    failed = 0
    workers = 1 if arguments.large else 2
    minutes = arguments.minutes if arguments.large else 0
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        checks = pool.map(lambda row: check(row, minutes), rows)
        for number, (passed, text, output) in enumerate(checks, 1):
            print(f"{'ok' if passed else 'not ok'} {number} - {text}", flush=True)
            for line in output.splitlines():
                print(f"# {line}", flush=True)
            failed += not passed
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
