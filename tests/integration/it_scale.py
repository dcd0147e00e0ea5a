#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Much: long lists, large arrays, millions of objects whose holder is killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import msgpack

from harness import SANITIZED, Daemon, main, ref, scaled, tests_of, until


def objects(client):
    return client.call("heap.stats", {"section": "gc"})["live_objects"]


def test_long_list():
    """a list of 10^7 objects is marked without recursion, and freed when its name goes"""
    n, part = scaled(10_000_000, 200_000), 1000
    print(f"# {n} objects")
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", [None], {"into": 1})

        def chunks():
            # Two numbers in turn: each object refers to the one before, whose number is free again.
            pair = b"".join(
                msgpack.packb([2, "obj.new", ["record", [ref(1 + i)], {"into": 2 - i}]])
                + msgpack.packb([2, "handle.drop", [[1 + i]]])
                for i in (0, 1)
            )
            for _ in range(n // part):
                yield pair * (part // 2)

        for chunk in chunks():
            c.send(chunk)
        c.call("name.put", "head", 1)
        c.call("handle.drop", [1])
        assert not c.events, c.events[0]
        c.call("heap.gc", {"wait": True})
        assert objects(c) >= n
        c.call("name.del", "head")
        c.call("heap.gc", {"wait": True})
        assert objects(c) < 100


def test_large_array():
    """an array of 10^6 slots is built, read at both ends, and freed"""
    n, part = scaled(1_000_000, 100_000), 10_000
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "record", ["shared"], {"into": 2})
        c.call("obj.new", "array", None, {"into": 1})
        for start in range(0, n, part):
            assert c.call("array.push", 1, [ref(2)] * part) == start + part
        c.call("obj.set", 1, {n - 1: "last", 0: "first"})
        assert c.call("array.read", 1, n - 1, 5) == ["last"]
        assert c.call("array.read", 1, 0, 1) == ["first"]
        c.refused("TOO_BIG", "obj.get", 1, None)
        c.refused("TOO_BIG", "array.splice", 1, 0, 1, [])
        c.call("heap.gc", {"wait": True})
        assert objects(c) > n // 600
        c.call("handle.drop", [1])
        c.call("heap.gc", {"wait": True})
        assert objects(c) < 100


HOLDER = """
import msgpack, socket, sys
path, n, part = sys.argv[1], int(sys.argv[2]), 10000
s = socket.socket(socket.AF_UNIX)
s.connect(path)
ref = lambda i: msgpack.ExtType(1, i.to_bytes(4, "big"))
note = lambda *m: msgpack.packb([2, m[0], m[1:]])
numbers = range(2, part + 2)
batch = b"".join(note("obj.new", "record", [None, 1, 2, 3], {"into": i}) for i in numbers)
batch += note("array.push", 1, [ref(i) for i in numbers]) + note("handle.drop", list(numbers))
s.sendall(note("obj.new", "array", None, {"into": 1}))
for _ in range(n // part):
    s.sendall(batch)
s.sendall(msgpack.packb([0, 7, "array.read", [1, n - 1, 1]]))
unpacker = msgpack.Unpacker()
unpacker.feed(s.recv(1000))
assert unpacker.unpack()[2] is None
print("ready", flush=True)
s.recv(1)
"""


def test_killed_holder():
    """5 million objects that one client held are free again once it is killed, and nobody asks"""
    n = scaled(5_000_000, 100_000)
    print(f"# {n} objects")
    folder = tempfile.mkdtemp(prefix="heapd-it-")
    with Daemon("--gctrace", "--stats", os.path.join(folder, "stats"), folder=folder) as daemon:
        empty = daemon.metrics()
        arguments = [sys.executable, "-c", HOLDER, daemon.path, str(n)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b"ready\n"
            full = daemon.metrics()
            assert full["heapd_objects_created_total"] == n + 1
            assert full["heapd_memstats_heap_objects"] >= n
            assert full["heapd_handles"] < 100000 and full["heapd_sessions"] == 1
            holder.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        # From here on nobody sends a request; /metrics is not one.
        freed = until(lambda: gone(daemon, full, empty), pause=0.05)
        print(f"# free after {time.monotonic() - killed:.2f} s")
        assert daemon.metrics()["heapd_requests_total"] == full["heapd_requests_total"]
        cycle_end = freed["heapd_memstats_last_gc_time_seconds"]
        assert time.time() - cycle_end < scaled(1.5, 10), "a second after its cycle's end"
        before = int(full["process_resident_memory_bytes"])
        if not SANITIZED:  # whose own memory would hide it
            until(lambda: daemon.rss() < before / 3, seconds=60)
        print(f"# RSS {before >> 20} -> {daemon.rss() >> 20} MiB")
    shutil.rmtree(folder)


def gone(daemon, full, empty):
    metrics = daemon.metrics()
    if metrics["heapd_memstats_alloc_bytes"] > empty["heapd_memstats_alloc_bytes"] + 4096:
        return None
    # What a sweep has freed is seen before its cycle has ended and is counted.
    return metrics if metrics["heapd_gc_cycles_total"] > full["heapd_gc_cycles_total"] else None


if __name__ == "__main__":
    main(tests_of(globals()))
