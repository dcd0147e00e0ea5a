#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What clients notice of a collection.

The daemon, collector included, has one core, the generator (heapctl bench, open loop) the other.
Each round measures three times in random order: twice idle, once while one collection follows the
other. The two idle ones against each other say what the machine itself does to such numbers.

  latency_during_gc.py HEAPD HEAPCTL [--objects N] [--rounds N] [--seconds N] [--rate N]
                       [--every S] [--peer COMMAND] [--group-nice N] [--generator-fifo]
                       [--daemon-cpu N] [--generator-cpu N]

For a machine that is in use: --group-nice sets all of it as one group apart from whatever else the
machine has to do, and ahead of it by so much (a session of its own and the scheduler's autogroup;
below 0 needs root); inside the group all is as it was. --generator-fifo gives the generator its
core whenever it wants it (as root), so that what it is late is not taken for the daemon's doing.

A peer is a command that is started with a socket and a number of objects as arguments, serves the
same requests, says READY when it has filled its heap, and collects when it is sent SIGUSR1 (then
again and again until SIGUSR2). It is measured in the same rounds.
"""

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from harness import Client, ref  # pylint: disable=wrong-import-position
from machine import Disturbance  # pylint: disable=wrong-import-position

QUANTILES = ("p50", "p99", "p99.9", "p99.99", "max")
TREE = 7  # nodes of a binary tree of three levels; its root hangs in an array
TREES = 1000  # created by one piece of the pipeline


def notification(method, *params):
    return msgpack.packb([2, method, list(params)])


def piece():
    """The same bytes every time: trees of records, hung on the array, then their handles let go."""
    out = []
    for first in range(1, TREES * TREE, TREE):
        for node in reversed(range(TREE)):
            children = (2 * node + 1, 2 * node + 2)
            below = [ref(first + child) if child < TREE else None for child in children]
            out.append(notification("obj.new", "record", [*below, 1, 2], {"into": first + node}))
    roots = [ref(first) for first in range(1, TREES * TREE, TREE)]
    out.append(notification("array.push", "bench-heap", roots))
    out.append(notification("handle.drop", list(range(1, TREES * TREE + 1))))
    return b"".join(out)


def fill(path, n_objects):
    with Client(path, timeout=1800) as client:
        client.call("obj.new", "array", [], {"name": "bench-heap"})
        data = piece()
        for _ in range(n_objects // (TREES * TREE)):
            client.send(data)
        client.call("ping")
        client.call("heap.gc", {"wait": True})
        stats = client.call("heap.stats")
        return stats["gc"]["live_objects"], stats["memory"]


class Heapd:
    """The daemon, filled through the protocol."""

    name = "heapd"

    def __init__(self, args, folder):
        self.path = os.path.join(folder, "heapd.sock")
        command = ["taskset", "-c", str(args.daemon_cpu), args.heapd, "--socket", self.path]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not os.path.exists(self.path):
            time.sleep(0.01)
        start = time.monotonic()
        n_objects, self.memory = fill(self.path, args.objects)
        took = time.monotonic() - start
        print(f"heapd: {n_objects:,} objects alive, filled in {took:.0f} s")
        self.every = args.every
        self.client = Client(self.path, timeout=600)
        self.collecting = False
        self.thread = None
        self.cycles_s = []

    def collect(self):
        while self.collecting:
            start = time.monotonic()
            self.client.call("heap.gc", {"wait": True})
            took = time.monotonic() - start
            self.cycles_s.append(took)
            while self.collecting and time.monotonic() < start + self.every:
                time.sleep(0.01)

    def start_collecting(self):
        self.collecting = True
        self.cycles_s = []
        self.thread = threading.Thread(target=self.collect)
        self.thread.start()

    def stop_collecting(self):
        self.collecting = False
        self.thread.join()
        return f"{len(self.cycles_s)} cycles of {statistics.median(self.cycles_s):.2f} s"

    def stop(self):
        handshakes = self.client.call("heap.stats", {"section": "gc"})
        print("heapd: " + ", ".join(f"{k} {v}" for k, v in handshakes.items() if "handshake" in k))
        self.client.close()
        self.process.terminate()
        self.process.wait(60)


class Peer:
    """A program that collects on SIGUSR1."""

    def __init__(self, args, command, folder):
        self.name = os.path.basename(command.split()[0])
        self.path = os.path.join(folder, self.name + ".sock")
        words = ["taskset", "-c", str(args.daemon_cpu), *command.split(), self.path]
        self.process = subprocess.Popen(
            [*words, str(args.objects)], stderr=subprocess.PIPE, text=True
        )
        while not (line := self.process.stderr.readline()).startswith("READY"):
            assert line, f"{self.name} has ended"
        print(f"{self.name}: {line.strip()}")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def start_collecting(self):
        self.process.send_signal(signal.SIGUSR1)

    def stop_collecting(self):
        self.process.send_signal(signal.SIGUSR2)
        return ""

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def measure(args, server, collecting):
    """One run of the generator: its quantiles, and what else went on."""
    command = ["taskset", "-c", str(args.generator_cpu)]
    command += ["chrt", "--fifo", "1"] if args.generator_fifo else []
    command += [args.heapctl, "bench", "--json", "--keys", "100000"]
    command += ["--socket", server.path, "--rate", str(args.rate), "--seconds", str(args.seconds)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    disturbance = Disturbance(server.process.pid, os.getpid())
    if collecting:
        server.start_collecting()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    what = server.stop_collecting() if collecting else ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    generator_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    others, stolen = disturbance.shares(generator_s)
    row = [result["latency_us"][quantile] for quantile in QUANTILES]
    print(
        f"{server.name:8} {'collecting' if collecting else 'idle':10} "
        + " ".join(f"{us:9.1f}" for us in row)
        + f"   late p99.9 {result['sent_late_us']['p99.9']:.1f}"
        + f" max {result['sent_late_us']['max']:.1f}"
        + f", others {others:.1%}, stolen {stolen:.1%} {what}",
        flush=True,
    )
    return row


def summary(name, rows):
    columns = list(zip(*rows))
    text = "  ".join(
        f"{statistics.median(c):9.1f} ({min(c):.0f}..{max(c):.0f})".ljust(26) for c in columns
    )
    print(f"{name:19} {text}")
    return [statistics.median(column) for column in columns]


def conclude(server, rows):
    idle = [summary(f"{server.name} idle {'AB'[i]}", rows[i]) for i in (0, 1)]
    collecting = summary(f"{server.name} collecting", rows[2])
    both = [statistics.median([a, b]) for a, b in zip(*idle)]
    ratios = [[c / i for c, i in zip(collecting, both)], [a / b for a, b in zip(*idle)]]
    for name, row in zip(("collecting / idle", "idle A / idle B"), ratios):
        print(f"{name:19} " + "  ".join(f"{ratio:9.2f}".ljust(26) for ratio in row))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("heapd")
    parser.add_argument("heapctl")
    parser.add_argument("--objects", type=int, default=27_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--every", type=float, default=0, help="seconds from cycle to cycle")
    parser.add_argument("--group-nice", type=int)
    parser.add_argument("--generator-fifo", action="store_true")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--daemon-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    return parser.parse_args()


def main():
    args = arguments()
    if args.group_nice is not None:
        if os.getsid(0) != os.getpid():
            os.setsid()
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(args.group_nice))
    print(f"# {args.rate} requests/s, half of them sets; {args.seconds} s a run; microseconds")
    with tempfile.TemporaryDirectory(prefix="heapd-bench-") as folder:
        servers = [Heapd(args, folder)]
        servers += [Peer(args, command, folder) for command in args.peer]
        results = [([], [], []) for _ in servers]
        print(f"{'':19} " + " ".join(f"{quantile:>9}" for quantile in QUANTILES))
        for _ in range(args.rounds):
            runs = [(i, which) for i in range(len(servers)) for which in range(3)]
            for i, which in random.sample(runs, len(runs)):
                results[i][which].append(measure(args, servers[i], which == 2))
        print(f"# medians over {args.rounds} rounds (least..most)")
        print(f"{'':19} " + "  ".join(f"{quantile:>9}".ljust(26) for quantile in QUANTILES))
        for server, rows in zip(servers, results):
            conclude(server, rows)
            server.stop()


if __name__ == "__main__":
    main()
