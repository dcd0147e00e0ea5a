#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""heapctl demo packages, on crafted status files whose closure is known, and on this machine's."""

import json
import os
import re
import signal
import subprocess
import tempfile

from harness import PATIENCE_S, PROGRAM, Daemon, main, tests_of, until

HEAPCTL = os.environ["HEAPD_HEAPCTL"]
DATA = os.path.join(os.environ["HEAPD_SOURCE"], "tests/integration/data")
EVERYTHING = os.path.join(DATA, "everything.status")
STATUS = "/var/lib/dpkg/status"


def demo(*arguments):
    return subprocess.run(
        [HEAPCTL, "demo", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "HEAPD_DAEMON": PROGRAM},
        check=False,
    )


def survivors(*arguments):
    done = demo("packages", *arguments[:1], "--json", *arguments[1:])
    assert done.returncode == 0, done
    summary = json.loads(done.stdout)
    assert summary["expected"] == len(summary["survivors"])
    assert summary["left"] == summary["empty"], "the heap is as it was"
    return summary


def stanza(name, more="", status="install ok installed"):
    return f"Package: {name}\nStatus: {status}\nVersion: 1\n{more}\n"


def status_file(text):
    file = tempfile.NamedTemporaryFile("w", suffix=".status", encoding="utf-8")
    file.write(text)
    file.flush()
    return file


def test_everything():
    """alternatives, provides, cycles, missing and removed packages: exactly the closure survives"""
    summary = survivors(EVERYTHING)
    assert summary["survivors"] == [
        "alternative", "base", "continued-dep", "libchoice", "mail-helper", "mail-one", "mail-two",
        "multi", "multi:i386", "ring-a", "ring-b", "ring-c", "tabbed",
    ]  # fmt: skip
    assert summary["packages"] == 16 and summary["named"] == 1
    assert summary["loaded"]["objects"] > summary["survived"]["objects"] > 0


def test_keep():
    """--keep names the given packages and no others, wherever it stands"""
    assert survivors(EVERYTHING, "--keep", "ring-b")["survivors"] == ["ring-a", "ring-b", "ring-c"]
    two = survivors(EVERYTHING, "--keep", "loner", "mail-one")
    assert two["survivors"] == ["loner", "mail-one"]
    kept = survivors(EVERYTHING, "--keep", "island-b")
    assert "island-a" in kept["survivors"] and "base" in kept["survivors"]
    assert "loner" not in kept["survivors"]


def test_nothing_named():
    """a file without important packages: everything goes"""
    with status_file(stanza("a", "Depends: b\n") + stanza("b", "Depends: a\n")) as file:
        summary = survivors(file.name)
    assert summary["survivors"] == [] and summary["named"] == 0
    assert summary["survived"] == summary["empty"]


def test_shapes():
    """a long chain, a wide package and a long name"""
    n = 20000
    chain = [stanza("p0", "Priority: required\nDepends: p1\n")]
    chain += [stanza(f"p{i}", f"Depends: p{i + 1}\n") for i in range(1, n)]
    with status_file("".join(chain)) as file:
        assert len(survivors(file.name)["survivors"]) == n
    spokes = ", ".join(f"p{i}" for i in range(5000))
    wide = [stanza("hub", f"Priority: required\nDepends: {spokes}\n")]
    wide += [stanza(f"p{i}") for i in range(6000)] + [stanza("x" * 128, "Priority: required\n")]
    with status_file("".join(wide)) as file:
        summary = survivors(file.name)
        assert len(summary["survivors"]) == 5002 and summary["packages"] == 6002


def test_text():
    """what it prints tells the story and the trace, on one screen"""
    done = demo("packages", EVERYTHING)
    assert done.returncode == 0 and done.stderr == "", done
    for words in (
        "16 packages",
        "SIGKILL",
        "reach 13 packages, all intact",
        "Why is ",
        'name "packages/base" -> ',
        "the two sets are equal",
        "holds 0 objects",
        "gc 1 @",
        "(forced)",
    ):
        assert words in done.stdout, (words, done.stdout)
    assert done.stdout.count("\n") <= 24


def test_broken_files():
    """what is no status file is refused by file, line and reason"""
    for text, line, reason in (
        ("Package: a\nnonsense\n", 2, "neither 'Field: value' nor a continuation"),
        (stanza("a", status="deinstall ok config-files"), 5, "no package is installed"),
        ("Package: a\n\n", 2, "without Package or Status"),
        ("\0", 1, "no text"),
    ):
        with status_file(text) as file:
            done = demo("packages", file.name)
            assert done.returncode == 65 and done.stdout == "", done
            assert f"{file.name}:{line}: " in done.stderr and reason in done.stderr, done
    assert demo("packages", "/nonexistent").returncode == 65
    done = demo("packages", EVERYTHING, "--keep", "removed")
    assert done.returncode == 65 and "'removed' is not installed" in done.stderr, done
    assert demo("sales").returncode == 64
    assert demo().returncode == 64


def test_no_daemon():
    """a daemon that does not start is told, with what it said"""
    done = demo("packages", EVERYTHING, "--daemon", "/nonexistent/heapd")
    assert done.returncode == 69 and "cannot run /nonexistent/heapd" in done.stderr, done
    done = demo("packages", EVERYTHING, "--socket", "/nonexistent/sock")
    assert done.returncode == 69, done


def test_shared_daemon():
    """on somebody's daemon it leaves their objects alone and nothing of its own"""
    with Daemon() as daemon, daemon.client() as neighbour:
        neighbour.call("obj.new", "record", ["mine"], {"into": 1, "name": "mine"})
        neighbour.call("obj.new", "record", ["held"], {"into": 2})
        done = demo("packages", EVERYTHING, "--socket", daemon.path)
        assert done.returncode == 0, done
        assert "trace" not in done.stdout
        assert neighbour.call("obj.get", "mine", None) == ["mine"]
        assert neighbour.call("obj.get", 2, None) == ["held"]
        assert neighbour.call("name.list", "")["names"] == [["mine", "record"]]


def test_interrupted():
    """a signal that ends it leaves neither a daemon nor a folder behind"""
    n = 20000
    chain = "".join(stanza(f"p{i}", f"Depends: p{i + 1}\n") for i in range(n))
    for number in (signal.SIGINT, signal.SIGTERM):
        with status_file(chain) as file, subprocess.Popen(
            [HEAPCTL, "demo", "packages", file.name, "--keep", "p0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HEAPD_DAEMON": PROGRAM},
        ) as process:
            path = re.search(r" on (/\S+)", process.stdout.readline())[1]
            assert os.path.exists(path)
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == -number
        until(lambda: not os.path.exists(os.path.dirname(path)))
        until(lambda: not daemons_on(path))


def daemons_on(path):
    """The processes that have this path among their arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                if path in file.read().split("\0"):
                    found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended
    return found


def test_can_fail():
    """a survivor too many, or one that is not as loaded, is found out"""
    with Daemon() as daemon, daemon.client() as neighbour:
        neighbour.call("obj.new", "record", ["loner", "1", 0], {"name": "packages/intruder"})
        done = demo("packages", EVERYTHING, "--socket", daemon.path)
        assert done.returncode == 1 and "loner should be gone" in done.stderr, done
        assert "DIFFER" in done.stdout
        neighbour.call("obj.new", "record", ["loner", "2", 0], {"name": "packages/intruder"})
        done = demo("packages", EVERYTHING, "--socket", daemon.path)
        assert done.returncode == 1 and "'loner' is not as the file has it" in done.stderr, done
        neighbour.call("obj.new", "record", ["stranger", "1", 0], {"name": "packages/intruder"})
        done = demo("packages", EVERYTHING, "--socket", daemon.path)
        assert done.returncode == 1 and "'stranger' is not as the file has it" in done.stderr, done
        names = [name for name, _ in neighbour.call("name.list", "")["names"]]
        assert names == ["packages/intruder"]
        until(lambda: neighbour.call("heap.stats", {"section": "sessions"})["sessions"] == 1)


def only_survivors(path, keep):
    """Without what is reclaimed, the file must leave the same behind, to the byte.

    One name only: how many leaves an index of many takes depends on the daemon's random hash key.
    """
    whole = survivors(path, "--keep", keep)
    names = {label.split(":")[0] for label in whole["survivors"]}
    with open(path, encoding="utf-8") as file:
        stanzas = re.split(r"\n\n+", file.read().strip("\n"))
    kept = [text for text in stanzas if re.search(r"^Package: (.*)$", text, re.M)[1] in names]
    with status_file("\n\n".join(kept) + "\n") as file:
        alone = survivors(file.name, "--keep", keep)
    assert alone["survivors"] == whole["survivors"]
    assert alone["survived"] == whole["survived"], (alone["survived"], whole["survived"])
    assert alone["packages"] == len(whole["survivors"]) < whole["packages"]


def test_exactly():
    """what survives is the same, in objects and bytes, as if the rest had never been loaded"""
    only_survivors(EVERYTHING, "base")


def test_this_machine():
    """the packages of this machine"""
    if not os.path.exists(STATUS):
        print(f"# no {STATUS} here: not run")
        return
    only_survivors(STATUS, "dpkg")
    done = demo("packages")
    assert done.returncode == 0, done
    print("# " + done.stdout.replace("\n", "\n# "))


main(tests_of(globals()))
