#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Much: long lists, large arrays, millions of objects whose holder is killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import msgpack

from harness import Daemon, main, ref, request, scaled, tests_of, until


class Feeder:
    """Sends requests while a thread reads and checks the answers."""

    def __init__(self, client):
        self.client, self.sent, self.failed = client, 0, []
        self.answered = threading.Event()

    def run(self, chunks, n):
        thread = threading.Thread(target=self.read, args=(n,))
        thread.start()
        for chunk in chunks:
            self.client.send(chunk)
        thread.join()
        assert not self.failed, self.failed[0]

    def read(self, n):
        for _ in range(n):
            answer = self.client.answer()
            if answer[2] is not None:
                self.failed.append(answer)
                return


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
            bind = [
                b"".join(
                    msgpack.packb([2, "obj.new", ["record", [ref(1 + i)], {"into": 2 - i}]])
                    + msgpack.packb([2, "handle.drop", [[1 + i]]])
                    for i in (0, 1)
                )
            ]
            for _ in range(n // part):
                yield bind[0] * (part // 2)

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
        c.refused("TOO_BIG", "obj.get", 1, None) if n > 65536 else None
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
new = msgpack.packb([2, "obj.new", ["record", [None, 1, 2, 3], {"into": 1}]])
link = new[:-1 - 5]
for start in range(1, n + 1, part):
    s.sendall(b"".join(
        b"\\x93\\x02\\xa7obj.new\\x93\\xa6record\\x94\\xc0\\x01\\x02\\x03\\x81\\xa4into\\xce" + i.to_bytes(4, "big")
        for i in range(start, start + part)))
s.sendall(msgpack.packb([0, 7, "ping", []]))
s.recv(1000)
print("ready", flush=True)
s.recv(1)
"""


def test_killed_holder():
    """5 million objects of a killed client are free again within a second of the cycle's end"""
    n = scaled(5_000_000, 100_000)
    print(f"# {n} objects")
    folder = tempfile.mkdtemp(prefix="heapd-it-")
    with Daemon("--gctrace", "--stats", os.path.join(folder, "stats"), folder=folder) as daemon:
        empty = daemon.metrics()
        holders = [
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, daemon.path, str(n // 5)], stdout=subprocess.PIPE
            )
            for _ in range(5)
        ]
        for holder in holders:
            assert holder.stdout.readline() == b"ready\n"
        full = daemon.metrics()
        assert full["heapd_memstats_heap_objects"] >= n
        assert full["heapd_handles"] == n
        for holder in holders:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            holder.stdout.close()
        killed = time.monotonic()
        # From here on nobody sends a request; /metrics is not one.
        freed = until(lambda: gone(daemon, full, empty), pause=0.05)
        print(f"# free after {time.monotonic() - killed:.2f} s")
        assert daemon.metrics()["heapd_requests_total"] == full["heapd_requests_total"]
        cycle_end = freed["heapd_memstats_last_gc_time_seconds"]
        assert time.time() - cycle_end < scaled(1.5, 10), "a second after its cycle's end"
        until(lambda: daemon.rss() < full["process_resident_memory_bytes"] / 3, seconds=60)
        print(f"# RSS {full['process_resident_memory_bytes'] / 2**20:.0f} -> {daemon.rss() >> 20} MiB")
    shutil.rmtree(folder)


def gone(daemon, full, empty):
    metrics = daemon.metrics()
    if metrics["heapd_memstats_alloc_bytes"] > empty["heapd_memstats_alloc_bytes"] + 4096:
        return None
    assert metrics["heapd_gc_cycles_total"] > full["heapd_gc_cycles_total"]
    return metrics


if __name__ == "__main__":
    main(tests_of(globals()))
