#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Weak references and weak maps over the wire: presence that ends with its process."""

import random
import signal
import subprocess
import sys

from harness import Daemon, handle_of, main, ref, request, scaled, tests_of, until


def length(c, target):
    return c.call("obj.info", target)["len"]


def keys(c, target):
    found, cursor = [], None
    while True:
        page = c.call("map.scan", target, {"limit": 500, "cursor": cursor})
        found += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return found


def test_weak_reference():
    """weak.get gives the object or nil, obj.walk goes through it, and the token stays"""
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", ["content"], {"into": 1, "name": "it"})
        c.call("obj.new", "weak", "it", {"into": 2, "token": ["a", 1]})
        info = c.call("obj.info", 2)
        assert (info["kind"], info["len"], info["version"]) == ("weak", 1, 0)
        assert handle_of(c.call("weak.get", 2, {"into": 3})) == 3
        assert c.call("handle.same", 1, 3) is True
        assert c.call("obj.walk", 2, [0]) == "content"
        c.refused("EXISTS", "weak.get", 2, {"into": 3})
        c.refused("TYPE", "weak.get", 1)
        c.refused("TYPE", "obj.get", 2, [0])
        c.refused("BAD_REQUEST", "obj.new", "weak", None)
        c.refused("BAD_REQUEST", "obj.new", "weak", [ref(1)])
        c.refused("BAD_REQUEST", "obj.new", "record", [], {"token": 1})
        c.refused("TYPE", "obj.new", "weak", 1, {"token": ref(1)})
        c.refused("NO_NAME", "obj.new", "weak", "nobody")
        c.refused("NO_HANDLE", "obj.new", "weak", 77, {"into": 78})
        c.refused("BROKEN", "weak.get", 78)
        c.call("handle.drop", [1, 3])
        c.call("heap.gc", {"wait": True})
        assert c.call("obj.walk", 2, [0]) == "content", "its name holds it"
        c.call("name.del", "it")
        c.call("heap.gc", {"wait": True})
        assert c.call("weak.get", 2, {"into": 9}) is None
        assert c.call("obj.get", 2, None) == [None, ["a", 1]]
        assert length(c, 2) == 0
        c.refused("GONE", "obj.walk", 2, [0])
        c.refused("NO_HANDLE", "obj.info", 9)


def test_weak_map():
    """entries go with their objects; what is not a reference is refused"""
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", [1], {"into": 1})
        c.call("obj.new", "record", [2], {"into": 2})
        pairs = {"one": ref(1), "two": ref(2), "also one": ref(1)}
        c.call("obj.new", "map", pairs, {"into": 3, "weak": True})
        assert c.call("obj.info", 3)["weak"] is True
        c.refused("TYPE", "obj.set", 3, {"n": 5})
        c.refused("TYPE", "obj.set", 3, {"ok": ref(1), "n": None})
        c.refused("TYPE", "obj.new", "map", {"n": "text"}, {"weak": True})
        c.refused("BAD_REQUEST", "obj.new", "array", None, {"weak": True})
        assert sorted(keys(c, 3)) == ["also one", "one", "two"]
        c.call("handle.drop", [1])
        c.call("heap.gc", {"wait": True})
        assert keys(c, 3) == ["two"]
        assert c.call("obj.get", 3, ["one", "also one"]) == [None, None]
        assert list(c.call("obj.get", 3, None)) == ["two"]
        assert c.call("map.del", 3, ["one"]) == 0
        until(lambda: length(c, 3) == 1, seconds=10)
        assert c.call("obj.info", 3)["version"] >= 1
        c.call("obj.set", 3, {"one": ref(2)})
        assert sorted(keys(c, 3)) == ["one", "two"] and length(c, 3) == 2


MEMBER = """
import sys
sys.path[:0] = [sys.argv[3]]
from harness import Client, ref
n = int(sys.argv[2])
c = Client(sys.argv[1])
c.call("name.get", "members", {"into": 1})
for i in range(n):
    c.pipeline(
        ("obj.new", "record", [sys.argv[4], i, None], {"into": 2 + i}),
        ("obj.set", 2 + i, {2: ref(2 + i)}),
        ("obj.set", 1, {f"{sys.argv[4]}/{i}": ref(2 + i)}),
    )
    if i == n // 2:
        print("ready", flush=True)
print("done", flush=True)
c.receive()
"""


def test_killed_members():
    """a directory forgets the members that are killed, whenever that is, and keeps the others"""
    n, n_members = scaled(2000, 300), 6
    random.seed(5)
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "map", None, {"name": "members", "weak": True})
        folder = sys.path[0]
        processes = []
        for i in range(n_members):
            arguments = [sys.executable, "-c", MEMBER, daemon.path, str(n), folder, str(i)]
            processes.append(subprocess.Popen(arguments, stdout=subprocess.PIPE))
        for i, process in enumerate(processes):
            assert process.stdout.readline() == b"ready\n"
            if i % 2:  # somewhere in its second half, collections going on
                c.call("heap.gc")
                process.send_signal(signal.SIGKILL)
        for i, process in enumerate(processes):
            if i % 2 == 0:
                assert process.stdout.readline() == b"done\n"
        alive = sorted(f"{i}/{k}" for i in range(0, n_members, 2) for k in range(n))

        def settled():
            c.call("heap.gc", {"wait": True})
            return sorted(keys(c, "members")) == alive and length(c, "members") == len(alive)

        until(settled, seconds=60)
        for name in random.sample(alive, 50):
            (handle,) = c.call("obj.get", "members", [name])
            member, number, itself = c.call("obj.get", handle, None)
            assert f"{member}/{number}" == name
            c.call("handle.drop", [handle, itself])
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()
        until(lambda: c.call("heap.gc", {"wait": True}) and length(c, "members") == 0, seconds=30)
        assert keys(c, "members") == []


def test_death_at_any_byte():
    """a peer that dies at any byte of a weak request harms nobody"""
    stream = b"".join(
        [
            request(1, "obj.new", "record", [1], {"into": 1}),
            request(2, "obj.new", "weak", 1, {"into": 2, "token": "t"}),
            request(3, "obj.new", "map", {"k": ref(1)}, {"into": 3, "weak": True}),
            request(4, "weak.get", 2, {"into": 4}),
            request(5, "handle.drop", [1, 4]),
            request(6, "heap.gc", {"wait": True}),
            request(7, "obj.get", 3, None),
        ]
    )
    with Daemon() as daemon, daemon.client() as c:
        c.call("heap.gc", {"wait": True})
        before = c.call("heap.stats", {"section": "gc"})["live_objects"]
        for cut in range(1, len(stream), scaled(1, 7)):
            with daemon.client() as peer:
                peer.send(stream[:cut])

        def clean():
            c.call("heap.gc", {"wait": True})
            return c.call("heap.stats", {"section": "gc"})["live_objects"] <= before

        until(clean, seconds=30)


def test_growth_while_collecting():
    """a weak map that grows and shrinks during collections loses just what nobody holds"""
    n = scaled(30000, 2000)
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "map", None, {"into": 1, "weak": True})
        for start in range(0, n, 500):
            calls = []
            for i in range(start, start + 500):
                calls.append(("obj.new", "record", [i], {"into": 10 + i}))
                calls.append(("obj.set", 1, {i: ref(10 + i)}))
                if i % 3:
                    calls.append(("handle.drop", [10 + i]))
            c.call("heap.gc")
            c.pipeline(*calls)
        held = list(range(0, n, 3))

        def settled():
            c.call("heap.gc", {"wait": True})
            return length(c, 1) == len(held)

        until(settled, seconds=60)
        assert sorted(keys(c, 1)) == held
        stats = c.call("heap.stats")
        assert stats["sessions"]["weak_entries_purged"] == n - len(held)
        assert stats["gc"]["weak_cleared"] >= n - len(held)


if __name__ == "__main__":
    main(tests_of(globals()))
