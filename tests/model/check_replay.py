#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Asks the models whether they allow what the collector really did, and says TAP.

    check_replay.py RECORDER [--runs N]           N runs, and tampered records of them
    check_replay.py --mutants [--runs N] [NAME...]
                                                  plants faults of tests/mutants/ in the collector;
                                                  records of each must be refused
    check_replay.py --record FILE                 plays one record through the model

RECORDER is the program record_barrier, which writes down what each thread did in short runs of the
real collector. Each record is put into the terms of barrier.pml and played through it by Spin: the
run is allowed if the model has an execution that makes the same transitions, with the same values,
in an order that agrees with each thread's own and with the clock where that is certain
(replay/README.md). What could not be refused would say nothing, so tampered records have to be.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TRANSITIONS = os.path.join(HERE, "..", "..", "daemon", "gc", "transitions.def")
COLLECTOR = 2
SKIPPED = 77
SECONDS = 60  # for one search; they take hundredths of one
LEVELS = {0: 0, 3: 1, 5: 2, 4: 3}  # flags of a handshake: PLAIN, GREY, ARMED, BLACK
NO_LEVEL = 9
BATCHES_MAX = 5

Step = collections.namedtuple("Step", "stream after until name where what was")
Run = collections.namedtuple("Run", "steps live")


# Planted where no other are named: two that show in most runs, one that shows in many, and one that
# takes two mutators which meet in one way.
FAULTS = [
    "barrier-shade-unlogged",
    "end-proposed-late",
    "barrier-no-veto",
    "barrier-load-then-store",
]


class Strange(Exception):
    """The record speaks of something that no such run can have."""


def transition_numbers():
    with open(TRANSITIONS, encoding="utf-8") as file:
        rows = re.findall(r'^TRANSITION\((\w+), "(\w+)"', file.read(), re.MULTILINE)
    return {name: (upper, number) for number, (upper, name) in enumerate(rows, 1)}


NUMBERS = transition_numbers()


class Terms:
    """Slots and objects of a run as the model numbers them: objects as they come, the cell is 0."""

    def __init__(self, cells, base):
        self.base = base
        self.cells = cells
        self.objects = {}

    def new(self, offset):
        return self.objects.setdefault(offset, len(self.objects) + 1)

    def object(self, offset):
        if offset not in self.objects:
            raise Strange(f"object {offset:#x} was never made")
        return self.objects[offset]

    def word(self, bits):
        return self.object(bits - 1) if bits & 1 else 0

    def slot(self, address):
        return 0 if address in self.cells else self.object(address - self.base - 8)


def step_of(terms, name, a, b, c):
    """(where, what, was) as barrier.pml has them."""
    if name in ("loaded", "stored", "exchanged", "root", "scanned"):
        return terms.slot(a), terms.word(b), terms.word(c)
    if name == "allocated":
        return terms.new(a), b, 0
    if name in ("shaded", "marked", "freed"):
        return terms.object(a), 0, 0
    if name == "answered":
        return 0, LEVELS.get(b, NO_LEVEL), c
    if name == "requested":
        return 0, LEVELS.get(b, NO_LEVEL), 0
    return 0, 0, 0


def read_run(path):
    """A record, in the model's terms. The streams are what the mutators did, or the controller in
    their stead, and what the collector's threads did, which take turns."""
    events, cells, live, base, cut = [], [], [], 0, False
    with open(path, encoding="ascii") as file:
        for line in file:
            name, *values = line.split()
            if name == "cell":
                cells.append(int(values[0], 16))
            elif name == "base":
                base = int(values[0], 16)
            elif name == "cut":
                cut = True
            elif name == "live":
                live.append(int(values[0], 16))
            else:
                mutator, after, until = (int(value) for value in values[:3])
                stream = mutator if mutator >= 0 else COLLECTOR
                events.append((until, after, stream, name, [int(v, 16) for v in values[3:]]))
    events.sort(key=lambda event: event[0])
    terms = Terms(cells, base)
    steps = [
        Step(stream, after, until, name, *step_of(terms, name, *values))
        for until, after, stream, name, values in events
    ]
    return Run(steps, -1 if cut else sum(1 << terms.object(offset) for offset in live))


def trace_of(run):
    lines = [str(run.live)]
    for s in run.steps:
        number = NUMBERS[s.name][1]
        lines.append(f"{s.stream} {s.after} {s.until} {number} {s.where} {s.what} {s.was}")
    return "\n".join(lines) + "\n"


def build(folder):
    """A verifier that is driven by a record."""
    shutil.copytree(os.path.join(HERE, "replay"), os.path.join(folder, "replay"))
    shutil.copy(os.path.join(HERE, "barrier.pml"), folder)
    defines = [f"-DSAW_{upper}={number}" for upper, number in NUMBERS.values()]
    spin = ["spin", "-a", "-DREPLAY", "-DSAW_NOTHING=0", *defines, "barrier.pml"]
    # No partial order reduction: what may come next depends on every stream.
    flags = ["-O1", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=1000"]
    for command in (spin, ["gcc", *flags, "-o", "pan", "pan.c"]):
        done = subprocess.run(
            command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode != 0 or not os.path.exists(os.path.join(folder, "pan.c")):
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}")


def show(run, text):
    """What came next in each stream when no order led on."""
    found = re.search(r"refused after (\d+): (\d+) (\d+) (\d+)", text)
    if not found:
        return [text[-2000:]]
    lines = [f"refused after {found[1]} of {len(run.steps)} steps"]
    lines += re.findall(r"^pan:1?:? ?.*assertion violated.*", text, re.MULTILINE)
    for stream, position in enumerate(found.groups()[1:]):
        steps = [step for step in run.steps if step.stream == stream]
        for i in range(max(0, int(position) - 3), min(int(position) + 2, len(steps))):
            mark = ">" if i == int(position) else " "
            lines.append(f"{mark} {i} " + " ".join(str(value) for value in steps[i]))
    return lines


def replay(folder, number, run):
    """(allowed, what was said)"""
    path = os.path.join(folder, f"{number}.trace")
    with open(path, "w", encoding="ascii") as file:
        file.write(trace_of(run))
    done = subprocess.run(
        ["./pan", "-E", "-m500000", "-w18"],
        cwd=folder,
        text=True,
        env={**os.environ, "TRACE": path},
        timeout=SECONDS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.unlink(path)
    if re.search(r"^accepted$", done.stdout, re.MULTILINE):
        return True, ""
    if "refused after" not in done.stdout or "max search depth too small" in done.stdout:
        raise RuntimeError(done.stdout)
    return False, done.stdout


# --- tampering: (what is done, the steps to which it can be done, what becomes of one) ---

TAMPERINGS = [
    ("an object is not shaded", lambda s: s.name == "shaded", None),
    ("an object is not marked", lambda s: s.name == "marked", None),
    ("an object is not scanned", lambda s: s.name == "scanned", None),
    ("a veto is not cast", lambda s: s.name == "vetoed", None),
    ("a veto is cast for nothing", lambda s: s.name == "unvetoed", {"name": "vetoed"}),
    ("the end of marking is not looked at", lambda s: s.name == "unvetoed", None),
    ("a store writes another value", lambda s: s.name == "exchanged", {"what": 23}),
    ("a handshake is not answered", lambda s: s.name == "answered", None),
    ("a store has no barrier", lambda s: s.name == "exchanged", {"name": "stored", "was": 0}),
    ("a barrier sees another value", lambda s: s.name == "exchanged", {"was": 23}),
    ("a request loads another value", lambda s: s.name == "loaded" and s.what, {"what": 23}),
    ("a black object is born white", lambda s: s.name == "allocated" and s.what, {"what": 0}),
    ("a white object is born black", lambda s: s.name == "allocated" and not s.what, {"what": 1}),
    ("marking ends too early", lambda s: s.name == "rejected", {"name": "committed"}),
    ("a log is not handed over", lambda s: s.name == "answered" and s.was, {"was": 0}),
    ("a live object is freed", lambda s: s.name == "marked", {"name": "freed"}),
    ("an object is not freed", lambda s: s.name == "freed", None),
    ("BLACKEN comes before ARM", lambda s: s.name == "requested" and s.what == 1, {"what": 2}),
]


def tampered(run, suits, change, choice):
    """The run with one step changed or left out; None if it has no such step."""
    places = [i for i, step in enumerate(run.steps) if suits(step)]
    if not places:
        return None
    i = choice.choice(places)
    changed = [run.steps[i]._replace(**change)] if change else []
    return Run(run.steps[:i] + changed + run.steps[i + 1 :], run.live)


class Tap:
    def __init__(self, n):
        self.n_done = self.n_failed = 0
        print(f"1..{n}", flush=True)

    def say(self, passed, text, more=()):
        self.n_done += 1
        self.n_failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.n_done} - {text}", flush=True)
        for line in "\n".join(more).splitlines():
            print(f"# {line}", flush=True)


def record(recorder, folder, n_runs, seed=None):
    """(what the recorder said, its exit status, the records' paths by number)"""
    os.makedirs(folder)
    environment = {**os.environ, "HEAPD_SEED": seed} if seed else os.environ
    done = subprocess.run(
        [recorder, folder, str(n_runs)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
    )
    if done.returncode == SKIPPED:
        sys.exit(SKIPPED)
    names = sorted(os.listdir(folder), key=lambda name: int(name.split(".")[0]))
    paths = [os.path.join(folder, name) for name in names]
    return done.stdout.strip(), done.returncode, [path for path in paths if os.path.getsize(path)]


def replay_all(folder, runs):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda pair: replay(folder, *pair), enumerate(runs)))


def missing_in(runs):
    met = {step.name for run in runs for step in run.steps}
    return [name for name in NUMBERS if name not in met]


def record_all(recorder, folder, n_runs):
    """n_runs, and more while some transition has not occurred: with much load some are rare."""
    said, paths, runs = [], [], []
    for batch in range(BATCHES_MAX):
        text, status, more = record(recorder, os.path.join(folder, f"runs-{batch}"), n_runs)
        said.append(text)
        paths += more
        runs += [read_run(path) for path in more]
        if status != 0 or len(more) != n_runs:
            raise RuntimeError(f"the recorder failed: {text}")
        if not missing_in(runs):
            break
    return said, paths, runs


def check_runs(folder, recorder, n_runs):
    tap = Tap(2 + len(TAMPERINGS))
    said, paths, runs = record_all(recorder, folder, n_runs)
    results = replay_all(folder, runs)
    refused = [i for i, (allowed, _) in enumerate(results) if not allowed]
    more = [line for i in refused[:3] for line in [paths[i], *show(runs[i], results[i][1])]]
    if refused:
        kept = tempfile.mkdtemp(prefix="heapd-refused-")
        for i in refused[:3]:
            shutil.copy(paths[i], kept)
        more.append(f"kept in {kept}")
    n_steps = sum(len(run.steps) for run in runs)
    tap.say(
        not refused,
        f"{len(runs) - len(refused)} of {len(runs)} runs are allowed, {n_steps} transitions",
        ["\n".join(said).replace("# ", ""), *more],
    )
    counts = collections.Counter(step.name for run in runs for step in run.steps)
    missing = missing_in(runs)
    told = ", ".join(f"{counts[name]} {name}" for name in NUMBERS)
    tap.say(not missing, "every transition was met", [told])
    choice = random.Random(said[0])
    for what, suits, change in TAMPERINGS:
        altered = [tampered(run, suits, change, choice) for run in runs]
        altered = [run for run in altered if run][:10]
        n_allowed = sum(allowed for allowed, _ in replay_all(folder, altered))
        text = f"{what}: {len(altered) - n_allowed} of {len(altered)} refused"
        tap.say(len(altered) > 0 and n_allowed == 0, text)
    return tap.n_failed


def check_mutant(folder, mutant, n_runs):
    """(refused, what happened)"""
    sys.path.insert(0, os.path.join(HERE, "..", "mutants"))
    import run_mutants

    run_mutants.patch(mutant)
    try:
        run_mutants.build("record_barrier", mutant.name)
        recorder = os.path.join(run_mutants.BUILD, "tests", "record_barrier")
        _, _, paths = record(recorder, os.path.join(folder, mutant.name), n_runs)
    finally:
        run_mutants.patch(mutant, "-R")
    n_strange = 0
    runs = []
    for path in paths:
        try:
            runs.append(read_run(path))
        except Strange:
            n_strange += 1
    n_refused = sum(not allowed for allowed, _ in replay_all(folder, runs))
    text = f"{n_refused} of {len(runs)} records refused"
    text += f", {n_strange} of no run at all" if n_strange else ""
    n_cut = sum(run.live < 0 for run in runs)
    text += f", {n_cut} ended by an assertion" if n_cut else ""
    return n_refused > 0, text


def check_mutants(folder, names, n_runs):
    sys.path.insert(0, os.path.join(HERE, "..", "mutants"))
    import run_mutants

    tap = Tap(len(names))
    run_mutants.configure()
    for name in names:
        mutant = run_mutants.Mutant(os.path.join(run_mutants.HERE, name + ".patch"))
        refused, text = check_mutant(folder, mutant, n_runs)
        tap.say(refused, f"{name}: {text}")
    return tap.n_failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="RECORDER or NAME")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heapd-replay-") as folder:
        build(folder)
        if arguments.record:
            run = read_run(arguments.record)
            allowed, text = replay(folder, 0, run)
            print("allowed" if allowed else "\n".join(show(run, text)))
            return not allowed
        if arguments.mutants:
            return check_mutants(folder, arguments.names or FAULTS, arguments.runs) > 0
        return check_runs(folder, arguments.names[0], arguments.runs) > 0


if __name__ == "__main__":
    sys.exit(main())
