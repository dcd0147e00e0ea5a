#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the documents tell people to type works."""

import os
import re
import shlex
import socket
import subprocess

from harness import PATIENCE_S, PROGRAM, SANITIZED, Daemon, main, tests_of

SOURCE = os.environ["HEAPD_SOURCE"]
HEAPCTL = os.environ["HEAPD_HEAPCTL"]
BUILD = os.path.dirname(os.path.dirname(PROGRAM))


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()


def run(daemon, *command):
    """The output of a command that must end by itself, and well."""
    path = ":".join([os.path.dirname(HEAPCTL), os.path.dirname(PROGRAM), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=daemon.folder,
        env={**os.environ, "HEAPD_SOCKET": daemon.path, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def run_block(daemon, language, text):
    if language == "python":
        return run(daemon, "/usr/bin/python3", "-c", text)
    if language == "c":
        source = os.path.join(daemon.folder, "example.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        library = os.path.join(BUILD, "client")
        flags = [f"-I{SOURCE}/client/include", f"-L{library}", f"-Wl,-rpath,{library}", "-lheapd"]
        if SANITIZED:
            flags.append(f"-fsanitize={os.environ['HEAPD_SANITIZE']}")
        run(daemon, "cc", "-Wall", "-Werror", source, *flags, "-o", f"{daemon.folder}/example")
        return run(daemon, f"{daemon.folder}/example")
    # On a terminal, as a reader has one; without line wraps and carriage returns.
    command = shlex.join(["bash", "-eu", "-O", "expand_aliases", "-c", text])
    return run(daemon, "script", "-qec", command, "/dev/null").replace("\r", "")


def matches(expected, output):
    """Numbers and blanks may differ, and `...` stands for anything."""
    pattern = re.escape("\0".join(expected.split())).replace("\0", r"\s+")
    pattern = re.sub(r"\d+", r"\\d+", pattern).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def examples(page):
    section = re.search(r"^# EXAMPLES\n(.*?)^# ", read(f"packaging/man/{page}.scd"), re.M | re.S)
    return re.findall(r"^\t(\w.*)$", section[1], re.M)


def test_readme():
    """README.md: its blocks marked `run` run, and print what the `output` after them says"""
    blocks = re.findall(r"^```(\w+) (run|output)\n(.*?)^```$", read("README.md"), re.M | re.S)
    output = ""
    n_outputs = 0
    # The block that builds and starts the daemon is for people: here both are done already.
    with Daemon("--gctrace") as daemon:
        os.symlink(BUILD, f"{daemon.folder}/build")
        for language, what, text in blocks:
            if what == "output":
                n_outputs += 1
                assert matches(text, output), f"expected:\n{text}\ngot:\n{output}"
            else:
                output = run_block(daemon, language, text)
    assert n_outputs > 0


def test_daemon_examples():
    """heapd(8): its examples start a daemon, and it stops well"""
    for line in examples("heapd.8"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        line = re.sub(r" --socket \S+| &$", "", line).replace(":9740", f":{port}")
        with Daemon(*line.split()[1:]) as daemon, daemon.client() as client:
            client.call("ping")


def test_heapctl_examples():
    """heapctl(1): its examples succeed, one after the other"""
    with Daemon() as daemon:
        for line in examples("heapctl.1"):
            run(daemon, "bash", "-euc", line)


def test_options():
    """every option and command that --help lists is in the manual page, and the reverse"""
    with Daemon() as daemon:
        for program, page in ((PROGRAM, "heapd.8"), (HEAPCTL, "heapctl.1")):
            listed = set(re.findall(r"^.{,8}(--[a-z-]+)", run(daemon, program, "--help"), re.M))
            described = set(re.findall(r"^\*(--[a-z-]+)", read(f"packaging/man/{page}.scd"), re.M))
            assert listed - {"--usage"} == described, f"{page}: {listed ^ described}"
        commands = run(daemon, HEAPCTL, "--help").split("Commands:\n")[1]
        listed = set(re.findall(r"^  ([a-z]+)", commands, re.M))
        page = read("packaging/man/heapctl.1.scd")
        section = re.search(r"^# COMMANDS\n(.*?)^# ", page, re.M | re.S)
        described = set(re.findall(r"^\*([a-z]+)", section[1], re.M))
        assert listed == described, f"heapctl.1: {listed ^ described}"


if __name__ == "__main__":
    main(tests_of(globals()))
