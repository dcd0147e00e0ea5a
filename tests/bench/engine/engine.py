#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The engine against its peers: the same work, in one process each.

  engine.py BUILD [--size full|small] [--workloads NAME,...] [--engines REGEX] [--rounds N]
            [--keep FILE]

BUILD is a meson build directory; what it has of work_* is run, and work.go and Work.java if their
compilers are there. Every round runs every engine once, in random order. Printed are medians (and
the extremes of wall time), ratios to heapd, and what was left out. README.md says what is compared.
--keep: each workload is a section of the file; those that were run are replaced, the others stay.
"""

import argparse
import glob
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from machine import Disturbance, describe  # pylint: disable=wrong-import-position

PATIENCE_S = 300
COLLECTORS = ("Serial", "Parallel", "G1", "Z", "Shenandoah")
COLLECTIONS = 3  # of a graph
OBJECTS = {"full": 20000000, "small": 100000}

# Arguments by size, and the limit in MiB that every engine with a heap of its own gets.
WORKLOADS = {
    "trees": {"full": ("20",), "small": ("12",), "limit": 2048},
    "gcbench": {"full": ("2",), "small": ("0",), "limit": 2048},
    "storm": {"full": ("2", "10000000"), "small": ("2", "20000"), "limit": 2048},
    "churn": {"full": ("4194304", "10000000"), "small": ("65536", "20000"), "limit": 2048},
    "graph-ordered": {"limit": 4096},
    "graph-shuffled": {"limit": 4096},
}

# Where a collector's log tells how long marking took, and in which unit of a second.
GO_MARK = re.compile(r"^gc \d+ @.*?: [0-9.]+\+([0-9.]+)\+[0-9.]+ ms clock", re.M)
JAVA_MARK = {
    "Serial": re.compile(r"Phase 1: Mark live objects ([0-9.]+)ms"),
    "Parallel": re.compile(r"Marking Phase.* ([0-9.]+)ms"),
    "G1": re.compile(r"Phase 1: Mark live objects ([0-9.]+)ms"),
    "Z": re.compile(r"(?<!Y: )(?<!y: )Concurrent Mark ([0-9.]+)ms"),
    "Shenandoah": re.compile(r"Concurrent marking.* ([0-9.]+)ms"),
}


def arguments_of(workload, size):
    if workload.startswith("graph-"):
        return ["graph", str(OBJECTS[size]), workload.removeprefix("graph-"), str(COLLECTIONS)]
    return [workload, *WORKLOADS[workload][size]]


class Native:
    """A program in C: heapd's engine, malloc, Boehm's collector."""

    def __init__(self, name, path, n_threads=1):
        self.name = name if n_threads == 1 else f"{name}-{n_threads}"
        self.path = path
        self.n_threads = n_threads
        self.marks = name in ("heapd", "boehm")

    def command(self, workload, size, _folder):
        percent = "-1" if workload.startswith("graph-") else "100"
        limit = str(WORKLOADS[workload]["limit"])
        return [self.path, limit, str(self.n_threads), percent, *arguments_of(workload, size)], {}

    def marks_s(self, result, _errors, _folder):
        return [ns / 1e9 for ns in result["marks_ns"]]


class Go:
    """As it comes: GOGC=100 under the limit, with as many cores as there are."""

    marks = True

    def __init__(self, name, path, n_threads, percent="100"):
        self.name = name
        self.path = path
        self.n_threads = n_threads
        self.percent = percent

    def command(self, workload, size, _folder):
        environment = {
            "GOGC": self.percent,
            "GOMEMLIMIT": f"{WORKLOADS[workload]['limit']}MiB",
            "GODEBUG": "gctrace=1",
        }
        if workload.startswith("graph-"):
            environment["GOMAXPROCS"] = str(self.n_threads)
        return [self.path, *arguments_of(workload, size)], environment

    def marks_s(self, _result, errors, _folder):
        return [float(ms) / 1e3 for ms in GO_MARK.findall(errors)[-COLLECTIONS:]]


class Java:
    """One collector of one virtual machine, with its default threads, and one for the graphs."""

    marks = True
    n_threads = 1

    def __init__(self, java, version, collector, classes):
        self.name = f"java{version}-{collector}"
        self.java = java
        self.collector = collector
        self.classes = classes

    def command(self, workload, size, folder):
        options = [f"-XX:+Use{self.collector}GC", f"-Xmx{WORKLOADS[workload]['limit']}m"]
        if workload.startswith("graph-"):
            log = os.path.join(folder, "gc.log")
            options += [f"-Xlog:gc*,gc+phases=debug,gc+marking=debug:file={log}:uptime"]
            options += ["-XX:ParallelGCThreads=1"]
            if self.collector in ("G1", "Z", "Shenandoah"):
                options += ["-XX:ConcGCThreads=1"]
        return [self.java, *options, "-cp", self.classes, "Work", *arguments_of(workload, size)], {}

    def marks_s(self, _result, _errors, folder):
        with open(os.path.join(folder, "gc.log"), encoding="utf-8") as file:
            found = JAVA_MARK[self.collector].findall(file.read())
        return [float(ms) / 1e3 for ms in found][-COLLECTIONS:]


def find_native(build, left_out):
    engines = []
    for name in ("heapd", "boehm", "glibc", "jemalloc", "mimalloc"):
        path = os.path.join(build, "tests/bench/engine/work_" + name)
        if not os.path.exists(path):
            left_out.append(f"{name} (its library is not installed)")
            continue
        engines.append(Native(name, path))
        if engines[-1].marks:
            engines.append(Native(name, path, n_threads=2))
    return engines


def find_go(folder, left_out):
    if not shutil.which("go"):
        left_out.append("Go (no go command)")
        return []
    path = os.path.join(folder, "work_go")
    subprocess.run(["go", "build", "-o", path, os.path.join(HERE, "work.go")], check=True)
    return [Go("go", path, 1), Go("go-2", path, 2), Go("go-gogc400", path, 1, percent="400")]


def find_java(folder, left_out):
    """Every virtual machine installed, and the collectors that it has."""
    javas = {}
    for java in [shutil.which("java"), *glob.glob("/usr/lib/jvm/*/bin/java")]:
        if java:
            run = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
            found = re.search(r'version "(?:1\.)?(\d+)', run.stderr)
            if found:
                javas.setdefault(int(found[1]), os.path.realpath(java))
    if not javas or not shutil.which("javac"):
        left_out.append("Java (no java or no javac)")
        return []
    javac = ["javac", "--release", str(min(javas)), "-d", folder, os.path.join(HERE, "Work.java")]
    subprocess.run(javac, check=True)
    engines = []
    for version, java in sorted(javas.items()):
        for collector in COLLECTORS:
            engine = Java(java, version, collector, folder)
            tried = subprocess.run(
                [java, f"-XX:+Use{collector}GC", "-version"], capture_output=True, check=False
            )
            if tried.returncode == 0:
                engines.append(engine)
            else:
                left_out.append(f"{engine.name} (not built in)")
    return engines


def takes(engine, workload):
    """Graphs need a mark phase; the rest is run with one setting of each, and Boehm's with two."""
    if workload.startswith("graph-"):
        return engine.marks and engine.name != "go-gogc400"
    return engine.name not in ("heapd-2", "go-2")


def run(engine, workload, size):
    """Runs it once: its own figures, CPU time and peak of memory as the kernel saw them."""
    with tempfile.TemporaryDirectory() as folder:
        command, environment = engine.command(workload, size, folder)
        disturbance = Disturbance()
        with open(os.path.join(folder, "errors"), "w+", encoding="utf-8") as errors:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **environment},
            )
            alarm = threading.Timer(PATIENCE_S, process.kill)
            alarm.start()
            with process.stdout:
                output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            alarm.cancel()
            errors.seek(0)
            error_text = errors.read()
        try:
            result = json.loads(output)
        except ValueError:
            lines = (output + error_text).strip().splitlines() or [f"status {process.returncode}"]
            return {"failed": lines[0][:60]}
        result["cpu_s"] = usage.ru_utime + usage.ru_stime
        result["wall_s"] = result["wall_ns"] / 1e9
        result["rss_mb"] = usage.ru_maxrss / 1024
        result["others"], result["stolen"] = disturbance.shares(result["cpu_s"])
        if workload.startswith("graph-"):
            result["marks_s"] = engine.marks_s(result, error_text, folder)
        return result


def median(results, key):
    return statistics.median(result[key] for result in results)


COLUMNS = {
    "wall s": 8,
    "least..most": 14,
    "x heapd": 9,
    "CPU s": 8,
    "x heapd ": 9,
    "RSS MB": 8,
    "cycles": 8,
    "unit p50": 10,
    "p99": 9,
    "p99.9": 9,
    "max us": 9,
    "others %": 10,
}
GRAPH_COLUMNS = {
    "mark s": 8,
    "least..most": 14,
    "threads": 9,
    "M/s/thread": 12,
    "all s": 8,
    "RSS MB": 8,
    "others %": 10,
}


def row_of(runs, ours):
    wall, cpu = median(runs, "wall_s"), median(runs, "cpu_s")
    return [
        f"{wall:.2f}",
        f"{min(r['wall_s'] for r in runs):.2f}..{max(r['wall_s'] for r in runs):.2f}",
        f"{wall / median(ours, 'wall_s'):.2f}" if ours else "-",
        f"{cpu:.2f}",
        f"{cpu / median(ours, 'cpu_s'):.2f}" if ours else "-",
        f"{median(runs, 'rss_mb'):.0f}",
        f"{median(runs, 'cycles'):.0f}",
        *(f"{median(runs, key) / 1e3:.0f}" for key in ("p50_ns", "p99_ns", "p999_ns", "max_ns")),
        f"{max(r['others'] for r in runs) * 100:.1f}",
    ]


def graph_row_of(runs, engine, size):
    marks = [mark for r in runs for mark in r["marks_s"]]
    if not marks:
        return ["no mark phase found in its log"]
    mark = statistics.median(marks)
    return [
        f"{mark:.3f}",
        f"{min(marks):.2f}..{max(marks):.2f}",
        f"{engine.n_threads}",
        f"{OBJECTS[size] / mark / engine.n_threads / 1e6:.1f}",
        f"{median(runs, 'wall_s'):.2f}",
        f"{median(runs, 'rss_mb'):.0f}",
        f"{max(r['others'] for r in runs) * 100:.1f}",
    ]


def table_of(workload, size, engines, results):
    """One line for each engine, the fastest first."""
    graph = workload.startswith("graph-")
    columns = GRAPH_COLUMNS if graph else COLUMNS
    good = {engine: [r for r in results[engine] if "failed" not in r] for engine in engines}
    lines = [f"{'':20}" + "".join(f"{name.strip():>{width}}" for name, width in columns.items())]
    for name in sorted(engines, key=lambda e: median(good[e], "wall_s") if good[e] else 1e9):
        runs = good[name]
        if not runs:
            lines.append(f"{name:20}failed: {results[name][0]['failed']}")
            continue
        row = graph_row_of(runs, engines[name], size) if graph else row_of(runs, good.get("heapd"))
        line = f"{name:20}" + "".join(f"{cell:>{w}}" for cell, w in zip(row, columns.values()))
        n_failed = len(results[name]) - len(runs)
        lines.append(line + (f"  {n_failed} failed" if n_failed else ""))
    return "\n".join(lines) + "\n"


def keep(path, section):
    """Puts a section into the file: in place of the one with the same title, or at its end."""
    kept = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            kept = file.read()
    sections = {text.split()[0]: text for text in re.split(r"^== ", kept, flags=re.M) if text}
    sections[section.split()[1]] = section.removeprefix("== ")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join("== " + text for text in sections.values()))


def check(workload, results):
    """The same work has the same sum; what does not did something else."""
    sums = {
        (name, result["checksum"])
        for name, runs in results.items()
        for result in runs
        if "failed" not in result
    }
    if len({checksum for _, checksum in sums}) > 1:
        print(f"{workload}: THE CHECKSUMS DIFFER: {sorted(sums)}")
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--engines", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep")
    options = parser.parse_args()
    left_out, ok = [], True
    with tempfile.TemporaryDirectory() as folder:
        found = find_native(options.build, left_out)
        if re.search(options.engines, "go go-2 go-gogc400"):
            found += find_go(folder, left_out)
        if re.search(options.engines, "java"):
            found += find_java(folder, left_out)
        found = {e.name: e for e in found if re.search(options.engines, e.name)}
        for workload in options.workloads.split(","):
            engines = {n: e for n, e in found.items() if takes(e, workload)}
            results = {name: [] for name in engines}
            about = describe()
            for _ in range(options.rounds):
                for name in random.sample(sorted(engines), len(engines)):
                    results[name].append(run(engines[name], workload, options.size))
            section = (
                f"== {workload}: {' '.join(arguments_of(workload, options.size))}, limit "
                f"{WORKLOADS[workload]['limit']} MiB, {options.rounds} rounds\n# {about}\n"
                + "".join(f"# left out: {line}\n" for line in left_out)
                + table_of(workload, options.size, engines, results)
            )
            print(section)
            if options.keep:
                keep(options.keep, section)
            ok = check(workload, results) and "heapd" in results and ok
            ok = ok and not any("failed" in r for r in results["heapd"])
            sys.stdout.flush()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
