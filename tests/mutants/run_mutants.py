#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plants faults in the collector and expects the tests to find them.

    run_mutants.py [--some N [--seed S]] [--repeat N] [NAME...]

Without names and without --some: all of them. Each NAME.patch here says in its header what it
breaks and which test must fail (README.md). A copy of the tree is kept in build-mutants/; every
mutant is applied there, its test's program is built and run, and the patch is taken back. First
the same tests must pass without any fault. What does not apply or does not build is an error and
never a kill. Says TAP; exit status 1 if a mutant survived or anything went wrong.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PLACE = os.path.join(TOP, "build-mutants")
TREE = os.path.join(PLACE, "tree")
BUILD = os.path.join(PLACE, "build")
PARTS = ("daemon", "proto", "client", "packaging", "tests", "meson.build", "meson_options.txt")
KEYS = {"Fault", "Invariant", "Test", "Env", "Hang", "Why"}
TIME_S = 60  # for one run of a test; none takes a tenth of that when nothing is wrong


class Broken(Exception):
    """The runner, a patch or the tree is at fault, not the mutant."""


class Mutant:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path).removesuffix(".patch")
        with open(path, encoding="utf-8") as file:
            head = file.read().split("\ndiff --git ")[0]
        fields = re.findall(r"^(\w+): +((?:.|\n(?=[ \t]))*)", head, re.MULTILINE)
        self.fields = {key: " ".join(text.split()) for key, text in fields}
        missing = {"Fault", "Invariant", "Test", "Why"} - self.fields.keys()
        if missing or self.fields.keys() - KEYS:
            raise Broken(f"{self.name}: its header must say {', '.join(sorted(KEYS))}")
        self.program, *self.filter = self.fields["Test"].split()
        self.env = dict(item.split("=", 1) for item in self.fields.get("Env", "").split())
        self.may_hang = self.fields.get("Hang", "no") == "yes"

    def case(self):
        """What has to pass in the sound tree; equal for mutants that the same test finds."""
        return (self.program, *self.filter, *sorted(self.env.items()))


def run(command, **options):
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        **options,
    )


def must(command, what):
    done = run(command)
    if done.returncode != 0:
        raise Broken(f"{what}:\n{done.stdout[-2000:]}")


def copy_tree():
    """Brings the copy up to date; untouched files keep their times, so a second run is short."""
    wanted = set()
    for part in PARTS:
        source = os.path.join(TOP, part)
        for folder, _, names in os.walk(source) if os.path.isdir(source) else [(TOP, [], [part])]:
            wanted.update(os.path.relpath(os.path.join(folder, name), TOP) for name in names)
    for name in wanted:
        source, target = os.path.join(TOP, name), os.path.join(TREE, name)
        with open(source, "rb") as file:
            content = file.read()
        if os.path.isfile(target):
            with open(target, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
    for folder, _, names in os.walk(TREE):
        for name in names:
            if os.path.relpath(os.path.join(folder, name), TREE) not in wanted:
                os.unlink(os.path.join(folder, name))


def configure():
    copy_tree()
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        shutil.rmtree(BUILD, ignore_errors=True)
        must(["meson", "setup", BUILD, TREE, "-Dtests=enabled"], "meson setup failed")


def patch(mutant, *options):
    """Outside a repository, so that nothing but the copy is looked at."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": PLACE}
    command = ["git", "apply", "-p1", *options, mutant.path]
    done = run(command, cwd=TREE, env=environment)
    if done.returncode != 0:
        raise Broken(f"{mutant.name}: does not apply:\n{done.stdout}")


def build(program, what):
    must(["ninja", "-C", BUILD, f"tests/{program}"], f"{what}: does not build")


def fails(mutant):
    """Why the mutant's test fails, or None if it passes."""
    command = [os.path.join(BUILD, "tests", mutant.program)]
    if mutant.filter:
        command += ["--tap=/dev/stdout", "--filter", mutant.filter[0]]
    try:
        done = run(command, env={**os.environ, **mutant.env}, timeout=TIME_S)
    except subprocess.TimeoutExpired:
        return "hangs"
    if mutant.filter and not re.search(r"^(not )?ok\b(?!.*# SKIP)", done.stdout, re.MULTILINE):
        raise Broken(f"{mutant.name}: {mutant.fields['Test']} ran nothing:\n{done.stdout}")
    if done.returncode == 0:
        return None
    aborted = re.search(r"heapd: (.*)", done.stdout)
    failed = re.findall(r"^\[----\] +(\S.*)", done.stdout, re.MULTILINE)
    said = aborted[1] if aborted else ": ".join(failed) or f"status {done.returncode}"
    return said.replace("../tree/", "")


def try_mutant(mutant, repeat):
    """(whether it was killed each time, what was seen)"""
    seen = []
    patch(mutant)
    try:
        build(mutant.program, mutant.name)
        for _ in range(repeat):
            why = fails(mutant)
            if why is None:
                return False, f"survived {len(seen) + 1} of {repeat}"
            if why == "hangs" and not mutant.may_hang:
                return False, f"its test hangs after {TIME_S} s and must not"
            seen.append(why)
    finally:
        patch(mutant, "-R")
    return True, seen[0]


def check_sound(mutants):
    for mutant in {mutant.case(): mutant for mutant in mutants}.values():
        build(mutant.program, "the tree without faults")
        why = fails(mutant)
        if why:
            raise Broken(f"{mutant.fields['Test']} fails without any fault: {why}")


def choose(mutants, arguments):
    if arguments.names:
        unknown = set(arguments.names) - {mutant.name for mutant in mutants}
        if unknown:
            raise Broken(f"no such mutant: {', '.join(sorted(unknown))}")
        return [mutant for mutant in mutants if mutant.name in arguments.names]
    if not arguments.some:
        return mutants
    # Neighbours by name are alike: take some that lie apart, others each day.
    n = min(arguments.some, len(mutants))
    stride = -(-len(mutants) // n)
    apart = [mutant for first in range(stride) for mutant in mutants[first::stride]]
    start = arguments.seed * n
    return [apart[(start + i) % len(apart)] for i in range(n)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--some", type=int, metavar="N", help="only N of them")
    parser.add_argument("--seed", type=int, default=time.localtime().tm_yday, help="which N")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run each test N times")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    failed = 0
    try:
        paths = sorted(name for name in os.listdir(HERE) if name.endswith(".patch"))
        mutants = choose([Mutant(os.path.join(HERE, name)) for name in paths], arguments)
        print(f"1..{len(mutants)}")
        if arguments.some:
            print(f"# --some {arguments.some} --seed {arguments.seed}", flush=True)
        configure()
        check_sound(mutants)
        for number, mutant in enumerate(mutants, 1):
            killed, seen = try_mutant(mutant, arguments.repeat)
            failed += not killed
            print(f"{'ok' if killed else 'not ok'} {number} - {mutant.name}: {seen}", flush=True)
    except Broken as broken:
        print("not ok - " + str(broken).replace("\n", "\n# "))
        failed += 1
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
