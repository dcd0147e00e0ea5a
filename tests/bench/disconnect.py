#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the end of a client costs the executor.

  disconnect.py BUILD [--rounds N] [--handles N]...

A client makes so many objects, each with a handle (a session may have a million), and goes. CPU
time is the executor's from then until it sleeps again, all of it: the event, closing the
connection, the end of the session, and asking for a cycle, if so much garbage is worth one. Rounds
with each number of handles alternate.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from harness import Client  # pylint: disable=wrong-import-position
from machine import describe  # pylint: disable=wrong-import-position

CHUNK = 100_000
SETTLE_S = 0.2


def thread_of(pid, name):
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as file:
            if file.read().strip() == name:
                return f"/proc/{pid}/task/{thread}/schedstat"
    raise LookupError(name)


def cpu_ns(path):
    with open(path, encoding="ascii") as file:
        return int(file.read().split()[0])


def bind(client, n_handles):
    """Notifications that differ in the last four bytes: the number of the handle."""
    template = msgpack.packb([2, "obj.new", ["record", [None], {"into": 0xFFFFFFFF}]])[:-4]
    for first in range(1, n_handles + 1, CHUNK):
        numbers = range(first, min(first + CHUNK, n_handles + 1))
        client.send(b"".join(template + number.to_bytes(4, "big") for number in numbers))
    client.call("ping")


def disconnect(path, executor, n_handles):
    client = Client(path, timeout=600)
    bind(client, n_handles)
    with Client(path) as other:
        assert other.call("heap.stats")["sessions"]["handles"] >= n_handles
    time.sleep(SETTLE_S)
    before = cpu_ns(executor)
    client.close()
    time.sleep(SETTLE_S)
    return (cpu_ns(executor) - before) / 1000


def measure(pid, path, n_rounds, costs):
    while not os.path.exists(path):
        time.sleep(0.01)
    with Client(path) as client:
        client.call("ping")  # answered, so its thread runs
    executor = thread_of(pid, "executor")
    for _ in range(n_rounds):
        for size in costs:
            costs[size].append(disconnect(path, executor, size))
            with Client(path, timeout=600) as client:
                client.call("heap.gc", {"wait": True})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--handles", type=int, action="append")
    args = parser.parse_args()
    sizes = args.handles or [0, 1000, 1_000_000]
    costs = {size: [] for size in sizes}
    print(f"# {describe()}")
    with tempfile.TemporaryDirectory(prefix="heapd-bench-") as folder:
        path = os.path.join(folder, "heapd.sock")
        command = [f"{args.build}/daemon/heapd", "--socket", path, "--gogc", "off"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as daemon:
            try:
                measure(daemon.pid, path, args.rounds, costs)
            finally:
                daemon.terminate()
    print(f"{'handles':>10} {'median us':>10} {'least':>8} {'most':>8}   executor's CPU time")
    for size, rows in costs.items():
        print(f"{size:10} {statistics.median(rows):10.1f} {min(rows):8.1f} {max(rows):8.1f}")


if __name__ == "__main__":
    main()
