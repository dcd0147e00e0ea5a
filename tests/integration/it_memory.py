#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Memory: settings of a running daemon, what happens near the limit, what is given back."""

import os

from harness import Daemon, RpcError, SANITIZED, main, tests_of, until

MIB = 1 << 20


def test_settings():
    """heap.ctl changes gogc and limit, and tells what they were"""
    with Daemon("--gogc", "50") as daemon, daemon.client() as c:
        assert c.call("heap.ctl", "set", {"key": "gogc", "value": 200}) == 50
        assert c.call("heap.ctl", "set", {"key": "gogc", "value": None}) == 200
        assert c.call("heap.ctl", "set", {"key": "gogc", "value": 100000}) is None
        c.call("heap.ctl", "set", {"key": "memory_limit", "value": 1 << 40})
        assert daemon.stats("memory")["limit_bytes"] == 1 << 40
        assert c.call("heap.ctl", "set", {"key": "memory_limit", "value": None}) == 1 << 40
        assert daemon.stats("memory")["limit_bytes"] == 0
        for key, value in (("gogc", -1), ("gogc", "x"), ("gogc", 100001), ("memory_limit", 0),
                           ("memory_limit", 1.5), ("frobnicate", 1)):
            c.refused("BAD_REQUEST", "heap.ctl", "set", {"key": key, "value": value})
        c.refused("BAD_REQUEST", "heap.ctl", "set")
        c.refused("BAD_REQUEST", "heap.ctl", "set", {"key": "gogc"})
        c.refused("BAD_REQUEST", "heap.ctl", "dance")


def test_goal():
    """the goal follows gogc at once"""
    with Daemon() as daemon, daemon.client() as c:
        for i in range(1, 41):
            c.call("blob.open", {"bytes": b"x" * 1000000}, {"into": i})
        c.call("heap.gc", {"wait": True})
        live = daemon.stats("gc")["live_bytes"]
        for percent in (50, 100, 200):
            c.call("heap.ctl", "set", {"key": "gogc", "value": percent})
            goal = daemon.stats("gc")["goal_bytes"]
            assert abs(goal - live * (1 + percent / 100)) < MIB / 16, (live, percent, goal)


def test_classes():
    """fragmentation is told by size class: what dropping every other object leaves"""
    with Daemon() as daemon, daemon.client() as c:
        for i in range(1, 2001):
            c.call("blob.open", {"bytes": b"x" * 1000}, {"into": i})
        c.call("handle.drop", list(range(1, 2001, 2)))
        c.call("heap.gc", {"wait": True})
        classes = daemon.stats("classes")
        size = min(int(s) for s in classes if s != "large" and int(s) >= 1008)
        group = classes[str(size)]
        assert 1000 <= group["objects"] < 1100, group
        assert group["free_bytes"] == group["span_bytes"] - group["objects"] * size
        assert 0.4 < group["free_bytes"] / group["span_bytes"] < 0.6, group


def test_denied():
    """heap.ctl is not for everybody"""
    if os.geteuid() != 0:
        return
    with Daemon() as daemon:
        os.chmod(daemon.folder, 0o755)
        os.chmod(daemon.path, 0o666)
        os.seteuid(65534)
        try:
            c = daemon.client()
        finally:
            os.seteuid(0)
        c.refused("DENIED", "heap.ctl", "set", {"key": "gogc", "value": 1})
        c.refused("DENIED", "heap.ctl", "free_os_memory")
        c.close()


def test_giving_back():
    """free_os_memory gives back what a client leaves behind"""
    with Daemon("--gogc", "400") as daemon, daemon.client() as c:
        before = daemon.rss()
        with daemon.client() as other:
            for i in range(1, 129):
                other.call("blob.open", {"bytes": b"x" * 1000000}, {"into": i})
        assert SANITIZED or daemon.rss() > before + 100 * MIB
        until(lambda: c.call("heap.stats")["sessions"]["sessions"] == 1)
        cycle = c.call("heap.ctl", "free_os_memory")
        assert cycle == c.call("ping")["cycle"]
        memory = lambda: daemon.stats("memory")
        until(lambda: memory()["heap_idle_bytes"] - memory()["heap_released_bytes"] < MIB)
        assert SANITIZED or daemon.rss() < before + 16 * MIB, (before, daemon.rss())


def fill(client, array):
    """Pushes until there is no memory; the error."""
    try:
        for _ in range(100000):
            client.call("array.push", array, ["x" * 5000] * 50)
    except RpcError as error:
        assert error.code == "NOMEM", error
        assert 10 <= error.detail["retry_ms"] <= 5000, error.detail
        return error
    raise AssertionError("no limit")


def test_shares():
    """who takes too much is refused, others are not; all read and drop; dropping helps"""
    with Daemon("--memory-limit", "96M") as daemon, daemon.client() as small:
        greedy = daemon.client()
        greedy.call("obj.new", "array", None, {"into": 1})
        small.call("obj.new", "array", None, {"into": 1})
        error = fill(greedy, 1)
        greedy.call("heap.gc", {"wait": True})
        error = fill(greedy, 1)
        assert daemon.stats("gc")["band"] == 2, daemon.stats("gc")
        # However often it tries, there is some left for the other.
        for i in range(20):
            fill(greedy, 1)
            small.call("array.push", 1, ["x" * 500])
        # Reading binds handles.
        assert greedy.call("array.read", 1, 0, 1)[0] == "x" * 5000
        for i in range(2, 200):
            greedy.call("handle.dup", 1, {"into": i})
        greedy.call("handle.drop", list(range(1, 200)))
        until(lambda: pushes(greedy), pause=0.05)
        assert small.call("obj.info", 1)["len"] == 20


def pushes(client):
    try:
        return client.call("obj.new", "record", ["x" * 5000])
    except RpcError as error:
        assert error.code == "NOMEM", error
        return None


def test_pressure():
    """who allocates faster than the collector follows is held, and served all the same"""
    with Daemon("--memory-limit", "64M", "--gogc", "off") as daemon, daemon.client() as c:
        for _ in range(40):
            calls = [("blob.open", {"bytes": b"x" * 60000}, {"into": i}) for i in range(1, 101)]
            c.pipeline(*calls, ("handle.drop", list(range(1, 101))))
        assert daemon.stats("sessions")["held"] > 0
        assert daemon.stats("gc")["cycles"] > 0


if __name__ == "__main__":
    main(tests_of(globals()))
