#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What clients notice of a collection.

The server, collector included, has one core, the generator the other: heapctl bench, open loop, and
bench_load, the same generator, where the peer speaks something else. Each round measures every
server three times in random order: twice idle, once while one collection follows the other. The two
idle ones against each other say what the machine itself does to such numbers; so does `floor`, a
server that only echoes.

  latency_during_gc.py BUILD [--objects N] [--rounds N] [--seconds N] [--rate N] [--every S]
                       [--servers LIST] [--keep FILE [--append]] [--group-nice N]
                       [--server-cpu N] [--generator-cpu N]

BUILD is a build directory. Servers: heapd; gosrv (BUILD/gosrv, peers/gosrv.go: the same objects and
protocol in Go); redis (strings of as many bytes; its collection is BGSAVE, a fork and a child on
the same core); floor. What is not there is left out, and that is said. --keep writes all that was
measured to a file, and --append counts what an earlier run left there too.

As root the generator gets its core whenever it wants it, so that what it is late is not taken for
the server's doing. --group-nice, for a machine that is in use, sets all of this as one group apart
from what else there is to do, and ahead of it (a session of its own and the scheduler's autogroup;
below 0 needs root); inside the group all is as it was.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from harness import Client, ref  # pylint: disable=wrong-import-position
from machine import Disturbance, describe  # pylint: disable=wrong-import-position

QUANTILES = ("p50", "p99", "p99.9", "p99.99", "max")
TREE = 7  # nodes of a binary tree of three levels; its root hangs in an array
TREES = 1000  # created by one piece of the pipeline
OBJECT_BYTES = 48
KEYS = 100_000  # that the generator reads and writes
REDIS_BYTES = 148  # that one of its own keys of 64 bytes takes
ROW = re.compile(r"^(\w+) +(idle A|idle B|collecting|idle) ((?: *[0-9.]+){5})  ", re.M)


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


class Server:
    """A process on the server's core; SOCKET in its command is a name in the folder."""

    def __init__(self, args, folder, name, *command):
        self.name = name
        self.path = os.path.join(folder, name + ".sock")
        self.build = args.build
        words = ["taskset", "-c", str(args.server_cpu)]
        words += [self.path if word == "SOCKET" else str(word) for word in command]
        self.process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder
        )

    def await_ready(self):
        """Until it says READY; then what it says goes nowhere."""
        while not (line := self.process.stderr.readline()).startswith("READY"):
            assert line, f"{self.name} has ended"
        self.drain()
        return line.removeprefix("READY").strip() or "ready"

    def drain(self):
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def load(self, args):
        """The generator's command."""
        command = [f"{self.build}/client/heapctl/heapctl", "bench", "--json", "--socket", self.path]
        command += ["--rate", str(args.rate), "--seconds", str(args.seconds)]
        return command + ["--keys", str(KEYS)]

    def load_as(self, protocol, args):
        command = [f"{self.build}/tests/bench/bench_load", protocol, self.path]
        return command + [f"rate={args.rate}", f"seconds={args.seconds}", f"keys={KEYS}"]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class Repeating(Server):
    """One whose collections are asked for, one after the other, by a thread of ours."""

    every = 0.0
    collecting = False
    thread = None
    cycles_s: list = []

    def collect_once(self):
        raise NotImplementedError

    def collect(self):
        while self.collecting:
            start = time.monotonic()
            self.collect_once()
            self.cycles_s.append(time.monotonic() - start)
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
        return f"{len(self.cycles_s)} of {statistics.median(self.cycles_s):.2f} s"


class Heapd(Repeating):
    """The daemon, filled through the protocol."""

    def __init__(self, args, folder):
        super().__init__(args, folder, "heapd", f"{args.build}/daemon/heapd", "--socket", "SOCKET")
        self.drain()
        while not os.path.exists(self.path):
            time.sleep(0.01)
        self.every = args.every
        start = time.monotonic()
        n_objects, self.memory = fill(self.path, args.objects)
        took = time.monotonic() - start
        self.content = f"{n_objects:,} objects alive, filled in {took:.0f} s"
        self.client = Client(self.path, timeout=600)

    def collect_once(self):
        self.client.call("heap.gc", {"wait": True})

    def stop(self):
        self.client.close()
        super().stop()


class Go(Server):
    """Collects from SIGUSR1 to SIGUSR2."""

    def __init__(self, args, folder):
        super().__init__(args, folder, "gosrv", f"{args.build}/gosrv", "SOCKET", args.objects)
        self.content = self.await_ready()

    def start_collecting(self):
        self.process.send_signal(signal.SIGUSR1)

    def stop_collecting(self):
        self.process.send_signal(signal.SIGUSR2)
        return ""


class Redis(Repeating):
    """Holds as many bytes in strings; saves instead of collecting."""

    def __init__(self, args, folder):
        options = ["--port", "0", "--save", "", "--enable-debug-command", "yes"]
        super().__init__(
            args, folder, "redis", "redis-server", *options, "--unixsocket", "SOCKET"
        )
        self.drain()
        while not os.path.exists(self.path):
            time.sleep(0.01)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.path)
        self.answers = self.socket.makefile("rb")
        self.call("DEBUG", "POPULATE", args.objects * OBJECT_BYTES // REDIS_BYTES, "key", 64)
        for first in range(0, KEYS, 1000):
            self.call("MSET", *(x for i in range(first, first + 1000) for x in (i, "v" * 64)))
        used = re.search(rb"used_memory:(\d+)", self.call("INFO", "memory"))
        self.content = f"{self.call('DBSIZE').decode()} strings, {int(used[1]) >> 20} MiB"

    def call(self, *words):
        data = [str(word).encode() for word in words]
        head = b"*%d\r\n" % len(data)
        self.socket.sendall(head + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in data))
        line = self.answers.readline().strip()
        assert line[:1] in b"+:$", line
        if line[:1] != b"$":
            return line[1:]
        return self.answers.read(int(line[1:]) + 2)[:-2]

    def collect_once(self):
        self.call("BGSAVE")
        while b"rdb_bgsave_in_progress:1" in self.call("INFO", "persistence"):
            time.sleep(0.1)

    def load(self, args):
        return self.load_as("resp", args)


class Floor(Server):
    """Never collects."""

    start_collecting = None

    def __init__(self, args, folder):
        super().__init__(args, folder, "floor", f"{args.build}/tests/bench/echo", "SOCKET")
        self.content = self.await_ready()

    def load(self, args):
        return self.load_as("echo", args)


SERVERS = {"heapd": Heapd, "gosrv": Go, "redis": Redis, "floor": Floor}


def measure(args, server, state):
    """One run of the generator: its quantiles, and what else went on."""
    command = ["taskset", "-c", str(args.generator_cpu)]
    command += ["chrt", "--fifo", "1"] if os.geteuid() == 0 else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    disturbance = Disturbance(server.process.pid, os.getpid())
    if state == "collecting":
        server.start_collecting()
    done = subprocess.run(command + server.load(args), capture_output=True, text=True, check=False)
    what = server.stop_collecting() if state == "collecting" else ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    generator_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    others, stolen = disturbance.shares(generator_s)
    return (
        f"{server.name:8} {state:10} "
        + " ".join(f"{result['latency_us'][quantile]:9.1f}" for quantile in QUANTILES)
        + f"   late p99.9 {result['sent_late_us']['p99.9']:.1f}"
        + f" max {result['sent_late_us']['max']:.1f}"
        + f", others {others:.1%}, stolen {stolen:.1%} {what}"
    ).rstrip()


def summary(name, rows):
    columns = list(zip(*rows))
    text = "  ".join(
        f"{statistics.median(c):9.1f} ({min(c):.0f}..{max(c):.0f})".ljust(26) for c in columns
    )
    return [statistics.median(column) for column in columns], f"{name:19} {text}".rstrip()


def conclude(text):
    """Medians and ratios of all rows in a text."""
    runs = {}
    for name, state, row in ROW.findall(text):
        figures = [float(figure) for figure in row.split()]
        runs.setdefault(name, {}).setdefault(state, []).append(figures)
    n_rounds = max(len(rows) for states in runs.values() for rows in states.values())
    lines = [f"# medians over {n_rounds} rounds (least..most)"]
    lines.append(f"{'':19} " + "  ".join(f"{q:>9}".ljust(26) for q in QUANTILES).rstrip())
    for name, states in sorted(runs.items(), key=lambda item: list(SERVERS).index(item[0])):
        medians = {}
        for state in sorted(states):
            medians[state], line = summary(f"{name} {state}", states[state])
            lines.append(line)
        if "collecting" not in medians:
            continue
        idle = [statistics.median(ab) for ab in zip(medians["idle A"], medians["idle B"])]
        for what, over, under in (
            ("collecting / idle", medians["collecting"], idle),
            ("idle A / idle B", medians["idle A"], medians["idle B"]),
        ):
            ratios = (f"{o / u:9.2f}".ljust(26) for o, u in zip(over, under))
            lines.append(f"{what:19} " + "  ".join(ratios).rstrip())
    return "\n".join(lines)


class Keeper:
    """Prints, and keeps what was printed with what a file had before."""

    def __init__(self, args):
        self.path = args.keep
        self.text = ""
        if args.append and os.path.exists(args.keep):
            with open(args.keep, encoding="utf-8") as file:
                self.text = file.read().split("# medians", maxsplit=1)[0]

    def say(self, line):
        print(line, flush=True)
        self.text += line + "\n"

    def close(self):
        self.say(conclude(self.text))
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(self.text)


def available(args, name):
    """Whether the server can be started; heapd must be."""
    programs = {"gosrv": f"{args.build}/gosrv", "redis": shutil.which("redis-server") or ""}
    return os.path.exists(programs.get(name, args.build))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("--objects", type=int, default=27_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--every", type=float, default=0, help="seconds from cycle to cycle")
    parser.add_argument("--servers", default=",".join(SERVERS), type=lambda text: text.split(","))
    parser.add_argument("--keep", metavar="FILE", type=os.path.abspath)
    parser.add_argument("--append", action="store_true")
    parser.add_argument("--group-nice", type=int)
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    return parser.parse_args()


def run(args, keeper, servers):
    runs = [
        (server, state)
        for server in servers
        for state in (("idle A", "idle B", "collecting") if server.start_collecting else ("idle",))
    ]
    for _ in range(args.rounds):
        for server, state in random.sample(runs, len(runs)):
            keeper.say(measure(args, server, state))


def main():
    args = arguments()
    if args.group_nice is not None:
        if os.getsid(0) != os.getpid():
            os.setsid()
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(args.group_nice))
    os.sched_setaffinity(0, {args.generator_cpu})
    keeper = Keeper(args)
    keeper.say(f"# {describe()}")
    keeper.say(f"# {args.rate} requests/s, half of them sets; {args.seconds} s a run; microseconds")
    servers = []
    with tempfile.TemporaryDirectory(prefix="heapd-bench-") as folder:
        try:
            for name in args.servers:
                if not available(args, name):
                    keeper.say(f"# {name}: not here, left out")
                    continue
                servers.append(SERVERS[name](args, folder))
                keeper.say(f"# {name}: {servers[-1].content}")
            keeper.say(f"{'':19} " + " ".join(f"{quantile:>9}" for quantile in QUANTILES))
            run(args, keeper, servers)
        finally:
            for server in servers:
                server.stop()
    keeper.close()


if __name__ == "__main__":
    main()
