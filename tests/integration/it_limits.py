#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bounds: handles, names, answers, memory. At the bound all is well; one past it is refused."""

import threading

from harness import Daemon, RpcError, main, ref, request, tests_of, until


def fill(client, calls, part=4096):
    """Pipelines calls while a thread reads; the codes of those that failed, by position."""
    failed, calls = {}, list(calls)

    def read():
        for i in range(len(calls)):
            answer = client.answer()
            if answer[2] is not None:
                failed[i] = answer[2][0]

    thread = threading.Thread(target=read)
    thread.start()
    for start in range(0, len(calls), part):
        client.send(b"".join(request(7, *call) for call in calls[start : start + part]))
    thread.join()
    return failed


def test_handles():
    """a session has 1 Mi handles, exactly; the next one is LIMIT, and dropping one makes room"""
    n = 1 << 20
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", [1], {"into": 1})
        calls = (("handle.dup", 1, {"into": i}) for i in range(2, n + 3))
        assert fill(c, calls) == {n - 1: "LIMIT", n: "LIMIT"}
        assert c.call("heap.stats")["sessions"]["handles"] == n
        c.refused("LIMIT", "handle.dup", 1)
        c.refused("LIMIT", "obj.new", "record", [])
        assert c.call("handle.drop", [n - 5]) == 1
        c.call("handle.dup", 1)
        with daemon.client() as other:
            other.call("obj.new", "record", [1])
        # O(1), and what hung on the table goes with it.
        c.close()
        until(lambda: daemon.stats("sessions")["handles"] <= 1)


def test_broken_numbers_count():
    """a flood of failing requests cannot break more numbers than a session may hold"""
    n = (1 << 20) + 50
    with Daemon() as daemon, daemon.client() as c:
        calls = (("handle.dup", "nobody", {"into": i}) for i in range(1, n))
        assert set(fill(c, calls).values()) == {"NO_NAME"}
        assert c.call("heap.stats")["sessions"]["handles"] <= 1 << 20
        c.refused("LIMIT", "obj.new", "record", [], {"into": n + 5})


def test_sparse():
    """numbers spread far apart are charged by the page"""
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", [1], {"into": 1})
        calls = (("handle.dup", 1, {"into": i * 65536 + 2}) for i in range(32000))
        failed = fill(c, calls)
        assert set(failed.values()) == {"LIMIT"}, set(failed.values())
        c.call("heap.gc", {"wait": True})
        held = daemon.stats("memory")["alloc_bytes"]
        assert held < 128 << 20, f"{held} bytes for one session's table"


def test_answers():
    """an answer that is too large is TOO_BIG, before anything is bound or changed"""
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "array", None, {"into": 1})
        for _ in range(8):
            c.call("array.push", 1, ["x" * 65000] * 14)
        c.call("array.push", 1, [ref(1)])
        handles = c.call("heap.stats")["sessions"]["handles"]
        c.refused("TOO_BIG", "obj.get", 1, None)
        c.refused("TOO_BIG", "array.read", 1, 0, 200)
        c.refused("TOO_BIG", "array.splice", 1, 0, 113, [])
        assert c.call("heap.stats")["sessions"]["handles"] == handles
        assert c.call("obj.info", 1)["len"] == 113
        assert len(c.call("array.read", 1, 0, 60)) == 60


def test_memory():
    """at the memory limit there is a typed error, others go on, and dropping helps"""
    with Daemon("--memory-limit", "64M") as daemon, daemon.client() as other:
        other.call("obj.new", "record", ["precious"], {"name": "mine"})
        greedy = daemon.client()
        greedy.call("obj.new", "array", None, {"into": 1})
        try:
            for _ in range(10000):
                greedy.call("array.push", 1, ["x" * 5000] * 100)
            raise AssertionError("no limit")
        except RpcError as error:
            assert error.code == "NOMEM", error
        length = greedy.call("obj.info", 1)["len"]
        assert length > 5000 and length % 100 == 0, "half of a request was done"
        assert other.call("obj.get", "mine", None) == ["precious"]
        assert other.call("ping")["cycle"] >= 0
        assert daemon.stats("memory")["heap_inuse_bytes"] <= 64 << 20
        greedy.close()
        until(lambda: can_allocate(other))
        assert other.call("obj.get", "mine", None) == ["precious"]


def can_allocate(client):
    try:
        client.call("blob.open", {"bytes": b"x" * 1000000}, {"into": 1})
        return client.call("handle.drop", [1])
    except RpcError as error:
        assert error.code in ("NOMEM", "BROKEN"), error
        client.call("handle.drop", [1])
        return None


if __name__ == "__main__":
    main(tests_of(globals()))
