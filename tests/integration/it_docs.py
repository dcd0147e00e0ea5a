#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the documents tell people to type works.

README.md: every block marked `run` is run, in order, in a directory in which `build` is this build;
a block marked `output` after it is what it must print (numbers may differ, `...` stands for
anything). Manual pages: every command under EXAMPLES, and every option that --help lists.
"""

import os
import re
import signal
import subprocess
import tempfile
import time

SOURCE = os.environ["HEAPD_SOURCE"]
DAEMON = os.environ["HEAPD_DAEMON"]
HEAPCTL = os.environ["HEAPD_HEAPCTL"]
BUILD = os.path.dirname(os.path.dirname(DAEMON))
DEADLINE_S = 30

n_points = 0


def point(ok, what, detail=""):
    global n_points
    n_points += 1
    print(f"{'ok' if ok else 'not ok'} {n_points} - {what}")
    if not ok:
        print("".join(f"# {line}\n" for line in str(detail).splitlines()), end="", flush=True)


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()


def run(command, folder, **more):
    """(status, output) of a command that must come to an end by itself."""
    environment = {**os.environ, "HEAPD_SOCKET": f"{folder}/heapd.sock"}
    paths = [os.path.dirname(HEAPCTL), os.path.dirname(DAEMON), environment["PATH"]]
    environment["PATH"] = ":".join(paths)
    with tempfile.TemporaryFile("w+") as output:
        status = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, timeout=DEADLINE_S, **more,
        ).returncode
        output.seek(0)
        return status, output.read()


class Daemon:
    """One that a document started; its options are the rest of the line."""

    def __init__(self, folder, arguments=()):
        self.socket = f"{folder}/heapd.sock"
        socket = [] if "--socket" in arguments else ["--socket", self.socket]
        self.process = subprocess.Popen([DAEMON, *socket, *arguments], stderr=subprocess.DEVNULL)
        self.up = self.wait_for_socket()

    def wait_for_socket(self):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end and self.process.poll() is None:
            if os.path.exists(self.socket):
                return True
            time.sleep(0.01)
        return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def matches(expected, output):
    """Numbers may differ, runs of blanks too, and `...` stands for anything."""
    pattern = re.escape(" ".join(expected.split()))
    pattern = re.sub(r"\d+", r"\\d+", pattern).replace(re.escape("..."), ".*")
    return re.search(pattern, " ".join(output.split()), re.DOTALL) is not None


def test_readme(folder):
    """The build lines are skipped: that build is the one under test."""
    os.symlink(BUILD, f"{folder}/build")
    blocks = re.findall(r"^```(\w+) (run|output)\n(.*?)^```$", read("README.md"), re.M | re.S)
    point(len(blocks) >= 4, "README.md has blocks to run")
    daemon = None
    output = ""
    for number, (language, what, text) in enumerate(blocks, 1):
        name = f"README.md, block {number} ({language} {what})"
        if what == "output":
            point(matches(text, output), name, f"expected:\n{text}\ngot:\n{output}")
            continue
        lines = [line for line in text.splitlines() if not re.match(r"meson|export", line)]
        started = [line for line in lines if line.endswith("&")]
        if started:
            daemon = Daemon(folder, re.findall(r"--(?!socket)\S+", started[0]))
            point(daemon.up and len(lines) == 1, name, "the daemon did not come up")
            continue
        command = ["/usr/bin/python3", "-c"] if language == "python" else ["bash", "-euc"]
        status, output = run([*command, text], folder)
        point(status == 0, name, output)
    point(daemon and daemon.stop() == 0, "README.md: its daemon stops with status 0")


def examples(page):
    section = re.search(r"^# EXAMPLES\n(.*?)^# ", read(f"packaging/man/{page}.scd"), re.M | re.S)
    return re.findall(r"^\t(\w.*)$", section[1], re.M)


def test_daemon_examples(folder):
    for line in examples("heapd.8"):
        local = line.replace("/tmp/heap.sock", f"{folder}/heapd.sock").replace(":9740", ":0")
        daemon = Daemon(folder, local.removesuffix("&").split()[1:])
        point(daemon.up and daemon.stop() == 0, f"heapd(8): {line}", "no socket, or no status 0")


def test_heapctl_examples(folder):
    daemon = Daemon(folder)
    for line in examples("heapctl.1"):
        status, output = run(["bash", "-euc", line], folder)
        point(status == 0, f"heapctl(1): {line}", output)
    point(daemon.stop() == 0, "heapctl(1): the daemon stops with status 0")


def test_options(folder):
    for program, page in ((DAEMON, "heapd.8"), (HEAPCTL, "heapctl.1")):
        status, output = run([program, "--help"], folder)
        listed = set(re.findall(r"--[a-z][a-z-]+", output)) - {"--usage"}
        described = set(re.findall(r"--[a-z][a-z-]+", read(f"packaging/man/{page}.scd")))
        missing = listed - described
        point(status == 0 and not missing, f"{page} has every option of --help", missing or output)


def main():
    for test in (test_readme, test_daemon_examples, test_heapctl_examples, test_options):
        with tempfile.TemporaryDirectory(prefix="heapd-docs-") as folder:
            test(folder)
    print(f"1..{n_points}")


if __name__ == "__main__":
    main()
