#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The systemd units, as far as systemd can judge them without running them."""

import os
import subprocess
import tempfile

import tidy

EXPOSURE_MAX = 10  # of 100; what systemd-analyze prints as 1.0


def systemd_analyze(tree, *arguments):
    """Runs it over the units, with a program that is there in place of heapd."""
    units = tree.ending(".service", ".service.in", ".socket")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name in units:
            text = "\n".join(tree.lines(name)).replace("@sbindir@/heapd", "/bin/true")
            paths.append(os.path.join(folder, os.path.basename(name).removesuffix(".in")))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(text)
        if arguments[0] == "security":
            paths = [path for path in paths if path.endswith(".service")]
        command = ["systemd-analyze", *arguments, *paths]
        run = subprocess.run(command, capture_output=True, text=True)
        return run.returncode, (run.stdout + run.stderr).replace(folder + "/", "").splitlines()


def rule_verify(tree):
    """systemd finds nothing to complain of"""
    status, lines = systemd_analyze(tree, "verify", "--man=no", "--recursive-errors=no")
    if status:
        yield from lines


def rule_exposure(tree):
    """the service is as locked in as it was"""
    threshold = f"--threshold={EXPOSURE_MAX}"
    status, lines = systemd_analyze(tree, "security", "--offline=yes", "--no-pager", threshold)
    if status:
        yield from lines[-1:]


RULES = [rule_verify, rule_exposure]

if __name__ == "__main__":
    tidy.main(RULES)
