#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a memory limit does to clients.

  limit_held.py BUILD [--limit MIB] [--seconds N]

Sixteen sessions hold a part of the limit, one churns (makes objects of 1 KB and drops them), then
one more leaks until it is refused, and goes. Shown over time: how fast the churning one goes on,
how often it is refused, what the collector takes of the CPUs, what the process holds of the
limit, the band. The daemon is in a memory control group of its own, with 2 % above the limit, below
the group of this program; where that cannot be made, that is said.

Then: what gogc costs and saves under the churn, without a limit; how soon the memory of a client
that is killed can be used again; and when it is back with the system.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from harness import Client, RpcError  # pylint: disable=wrong-import-position
from machine import describe  # pylint: disable=wrong-import-position

MIB = 1 << 20
STEP_S = 0.5
BLOB = b"x" * 1000


class Group:
    """A memory control group of version 1 or 2 for one daemon; `path` is None without."""

    def __init__(self, limit):
        self.path, self.why = None, "there is no memory controller"
        with open("/proc/self/cgroup", encoding="ascii") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
        for _, controllers, path in groups:
            version_1 = controllers == "memory"
            if not version_1 and controllers != "":
                continue
            mount = "/sys/fs/cgroup/memory" if version_1 else "/sys/fs/cgroup"
            mine = f"{mount}{path.rstrip('/')}/heapd-bench-{os.getpid()}"
            name = "memory.limit_in_bytes" if version_1 else "memory.max"
            try:
                os.mkdir(mine)
            except OSError as error:
                self.why = str(error)
                continue
            try:
                with open(f"{mine}/{name}", "r+", encoding="ascii") as file:
                    file.write(str(limit))
                self.path = mine
                return
            except OSError as error:
                self.why = str(error)
                os.rmdir(mine)

    def enter(self):
        if self.path:
            with open(f"{self.path}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def remove(self):
        for _ in range(100 if self.path else 0):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class Heapd:
    def __init__(self, build, *options, group=None):
        self.folder = f"/tmp/heapd-bench-{os.getpid()}"
        os.makedirs(self.folder, exist_ok=True)
        self.path = f"{self.folder}/sock"
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [f"{build}/daemon/heapd", "--socket", self.path, *options],
            stderr=subprocess.DEVNULL,
            preexec_fn=group.enter if group else None,
        )
        while not os.path.exists(self.path):
            assert self.process.poll() is None, "heapd did not start"
            time.sleep(0.01)
        self.stats_client = Client(self.path)

    def stats(self, section):
        return self.stats_client.call("heap.stats", {"section": section})

    def rss(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    def collector_s(self):
        """CPU seconds of the collector's threads."""
        ticks, tasks = 0, f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat", encoding="ascii") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
            if name.startswith("gc-"):
                ticks += sum(int(n) for n in rest.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Churn(threading.Thread):
    """Makes 100 objects at a time and drops them; a leak keeps them."""

    def __init__(self, path, keep=False):
        super().__init__(daemon=True)
        self.client, self.keep = Client(path), keep
        self.n_done = self.n_refused = 0
        self.ending = False

    def run(self):
        at = 1
        while not self.ending:
            calls = [("blob.open", {"bytes": BLOB}, {"into": at + i}) for i in range(100)]
            if not self.keep:
                calls.append(("handle.drop", list(range(at, at + 100))))
            results = self.client.pipeline(*calls)
            errors = [r for r in results if isinstance(r, RpcError)]
            assert all(error.code == "NOMEM" for error in errors), errors[0]
            self.n_done += 100 - len(errors)
            self.n_refused += len(errors)
            if self.keep:
                at += 100
                if errors:
                    time.sleep(errors[0].detail["retry_ms"] / 1000)
        self.client.close()


def fill(daemon, nbytes):
    """Sixteen sessions that together hold so much, or what they get."""
    holders, held = [Client(daemon.path) for _ in range(16)], 0
    for client in holders:
        client.call("obj.new", "array", None, {"into": 1})
    while held < nbytes:
        for client in holders:
            try:
                client.call("array.push", 1, ["x" * 5000] * 20)
                held += 20 * 5000
            except RpcError as error:
                if error.code != "NOMEM":
                    raise
                return holders
    return holders


def watch(daemon, churn, seconds, limit, label, cpus):
    """Lines of what happens meanwhile; the shares of RSS."""
    shares = []
    for _ in range(int(seconds / STEP_S)):
        before = churn.n_done, churn.n_refused, daemon.collector_s(), time.monotonic()
        time.sleep(STEP_S)
        after = churn.n_done, churn.n_refused, daemon.collector_s(), time.monotonic()
        took = after[3] - before[3]
        share = daemon.rss() / limit
        shares.append(share)
        print(f"{label:8} {(after[0] - before[0]) / took:9.0f} {(after[1] - before[1]) / took:9.0f}"
              f" {100 * (after[2] - before[2]) / took / cpus:6.1f} {100 * share:6.1f}"
              f" {('green', 'amber', 'red')[daemon.stats('gc')['band']]:6}"
              f" {'#' * int(50 * share)}", flush=True)
    return shares


def limit_run(build, limit, part, seconds):
    cpus = os.cpu_count()
    group = Group(limit * 102 // 100)
    print(f"\nlive set {part} % of {limit >> 20} MiB; control group: {group.path or group.why}")
    print("phase       done/s refused/s  gc%  RSS/limit% band")
    daemon = Heapd(build, "--memory-limit", str(limit), group=group)
    try:
        holders = fill(daemon, limit * part // 100)
        churn = Churn(daemon.path)
        churn.start()
        shares = watch(daemon, churn, seconds, limit, "churn", cpus)
        leak = Churn(daemon.path, keep=True)
        leak.start()
        shares += watch(daemon, churn, seconds, limit, "leak", cpus)
        leak.ending = True
        leak.join()
        gone = time.monotonic()
        refused, since = churn.n_refused, gone
        while time.monotonic() < gone + 2:
            time.sleep(0.01)
            if churn.n_refused != refused:
                refused, since = churn.n_refused, time.monotonic()
        shares += watch(daemon, churn, seconds / 2, limit, "after", cpus)
        churn.ending = True
        churn.join()
        kept = sum(client.call("obj.info", 1)["len"] for client in holders)
        held = daemon.stats("sessions")["held"]
        within = 100 * sum(s <= 1.02 for s in shares) / len(shares)
        print(f"RSS <= 1.02 of the limit in {within:.1f} % of samples,"
              f" most {100 * max(shares):.1f} %; leak kept {leak.n_done} objects and was"
              f" refused {leak.n_refused} times; last refusal of the churning one"
              f" {since - gone:.2f} s after the leak's end; {held} holds; {kept} strings"
              f" still there; exit {daemon.stop()}")
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()
        group.remove()


def gogc_run(build, seconds):
    print("\ngogc: churn over 100 MiB live; goal as the formula says, and as measured")
    print(" gogc   goal/live  formula   done/s    gc% of CPU")
    for percent in (50, 100, 200, 400):
        daemon = Heapd(build, "--gogc", str(percent))
        holders = fill(daemon, 100 * MIB)
        churn = Churn(daemon.path)
        churn.start()
        time.sleep(2)
        before = churn.n_done, daemon.collector_s(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - before[2]
        gc = daemon.stats("gc")
        print(f"{percent:5} {gc['goal_bytes'] / gc['live_bytes']:10.2f} {1 + percent / 100:9.2f}"
              f" {(churn.n_done - before[0]) / took:9.0f}"
              f" {100 * (daemon.collector_s() - before[1]) / took / os.cpu_count():10.2f}",
              flush=True)
        churn.ending = True
        churn.join()
        del holders
        daemon.stop()


def killed_run(build):
    """A client holds 1 GB and is killed."""
    daemon = Heapd(build)
    holders = fill(daemon, 1 << 30)
    base = daemon.rss()
    cpu = daemon.stats("gc")["giving_back_cpu_ns"]
    start = time.monotonic()
    for client in holders:
        client.close()
    while daemon.stats("memory")["heap_inuse_bytes"] > 100 * MIB:
        time.sleep(0.005)
    free = time.monotonic() - start
    goal = daemon.stats("gc")["goal_bytes"]
    back = None
    while time.monotonic() < start + 60:
        memory = daemon.stats("memory")
        if memory["heap_idle_bytes"] - memory["heap_released_bytes"] < 1.1 * goal:
            back = time.monotonic() - start
            break
        time.sleep(0.1)
    cpu = (daemon.stats("gc")["giving_back_cpu_ns"] - cpu) / 1e9
    print(f"\n1 GB of clients that are gone: free after {free:.3f} s; back with the system after"
          f" {'more than 60' if back is None else f'{back:.1f}'} s ({cpu:.2f} s of CPU):"
          f" RSS {base >> 20} MiB before, {daemon.rss() >> 20} MiB after, goal {goal >> 20} MiB")
    daemon.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build")
    parser.add_argument("--limit", type=int, default=256, help="MiB")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    print(f"# {describe()}")
    for part in (50, 90, 99):
        limit_run(options.build, options.limit * MIB, part, options.seconds)
    gogc_run(options.build, options.seconds)
    killed_run(options.build)

if __name__ == "__main__":
    main()
