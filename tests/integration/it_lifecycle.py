#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Starting, refusing to start, being told to stop."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

from harness import PROGRAM, Client, Daemon, main, request, scaled, tests_of, until


def run(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=60)


def test_command_line():
    """--help teaches, --version says it, wrong usage is 64"""
    result = run("--help")
    assert result.returncode == 0 and "--memory-limit=BYTES" in result.stdout
    assert "heapctl" in result.stdout and "SIGTERM" in result.stdout
    result = run("--version")
    assert result.returncode == 0 and result.stdout.startswith("heapd ")
    for options in (
        ["--nonsense"],
        ["--gogc", "x"],
        ["--gogc", "-5"],
        ["--memory-limit", "12Q"],
        ["--memory-limit", "0"],
        ["--gc-workers", "0"],
        ["--socket", ""],
        ["--socket", "/tmp/" + "x" * 120],
        ["--socket", "/dev/null/x/../null"],
    ):
        result = run(*options)
        assert result.returncode in (64, 1), (options, result)
        assert result.stderr, options
    result = run("--socket", "/nonexistent/sock")
    assert result.returncode == 1 and "/nonexistent/sock" in result.stderr


def test_stats_address():
    """statistics are served on loopback only"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sock")
        for address in ("0.0.0.0:9999", "[::]:9999", "192.0.2.1:9999", "example.org:80", "9999"):
            result = run("--socket", path, "--stats", address)
            assert result.returncode == 64, (address, result)
            assert os.listdir(folder) == [], "something was left behind"


def test_mode():
    """the socket has mode 0660 from the first moment, whatever the umask"""
    for umask in (0o000, 0o022, 0o077):
        folder = tempfile.mkdtemp(prefix="heapd-it-")
        path = os.path.join(folder, "sock")
        modes, done = set(), threading.Event()

        def watch():
            while not done.is_set():
                try:
                    modes.add(stat.S_IMODE(os.stat(path).st_mode))
                except FileNotFoundError:
                    pass

        watcher = threading.Thread(target=watch)
        watcher.start()
        old = os.umask(umask)
        try:
            for _ in range(scaled(20, 3)):
                with Daemon(folder=folder) as daemon, daemon.client() as client:
                    client.call("ping")
                assert os.listdir(folder) == ["stderr"], os.listdir(folder)
        finally:
            os.umask(old)
            done.set()
            watcher.join()
            shutil.rmtree(folder)
        # Between bind() and the end it may be narrower by the umask, never wider.
        assert 0o660 in modes and not any(mode & ~0o660 for mode in modes), modes


def test_second():
    """a second daemon on a live socket refuses, says why, and breaks nothing"""
    with Daemon() as daemon, daemon.client() as client:
        result = run("--socket", daemon.path)
        assert result.returncode == 69, result
        assert daemon.path in result.stderr and "another daemon" in result.stderr
        client.call("ping")
        with daemon.client() as again:
            again.call("ping")


def test_race():
    """of many daemons started at once on one path, exactly one serves"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sock")
        socket.socket(socket.AF_UNIX).bind(path)  # and a stale one lies there
        started = [
            subprocess.Popen([PROGRAM, "--socket", path], stderr=subprocess.DEVNULL)
            for _ in range(8)
        ]
        until(lambda: sum(process.poll() is None for process in started) == 1)
        with Client(path) as client:
            client.call("ping")
        assert sorted(p.poll() for p in started if p.poll() is not None) == [69] * 7
        (winner,) = [process for process in started if process.poll() is None]
        winner.terminate()
        assert winner.wait(30) == 0
        assert os.listdir(folder) == []


def test_stale():
    """a socket left over by a killed daemon is replaced"""
    folder = tempfile.mkdtemp(prefix="heapd-it-")
    first = Daemon(folder=folder)
    first.process.kill()
    first.process.wait()
    first.stderr.close()
    assert os.path.exists(first.path)
    with Daemon(folder=folder) as daemon, daemon.client() as client:
        client.call("ping")
    shutil.rmtree(folder)


def test_stop_at_once():
    """a signal during the start is not lost"""
    for i in range(scaled(60, 20)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sock")
            process = subprocess.Popen([PROGRAM, "--socket", path], stderr=subprocess.DEVNULL)
            time.sleep(scaled(0.0005, 0.005) * i)
            process.terminate()
            status = process.wait(30)
            # Before main() the kernel ends it; from the first file on, it ends in order.
            assert status == 0 or (status == -signal.SIGTERM and not os.listdir(folder)), status
            assert os.listdir(folder) == []


def test_drain():
    """SIGTERM: what was read is answered, later requests get SHUTDOWN, exit status 0"""
    n = 2000
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = Daemon()
        idle, busy, asking = daemon.client(), daemon.client(), daemon.client()
        idle.call("ping")
        busy.call("blob.open", {"bytes": b"b" * 60000}, {"into": 1})
        busy.send(b"".join(request(i, "blob.read", 1, 0, 60000) for i in range(n)))
        assert busy.answer()[1] == 0
        daemon.process.send_signal(number)
        answers = [1]
        try:
            while True:
                asking.call("ping")
        except Exception as error:  # SHUTDOWN, or closed between two pings
            assert "SHUTDOWN" in str(error) or isinstance(error, (EOFError, OSError)), error
        while message := busy.receive():
            answers.append(message[1])
            assert message[2] is None or message[2][0] == "SHUTDOWN", message[2]
        assert answers[1:] == list(range(1, len(answers))), "answers out of order"
        assert idle.receive() is None
        start = time.monotonic()
        daemon.stop()
        assert time.monotonic() - start < 10


def test_drain_is_bounded():
    """a peer that does not read delays the end by two seconds at most"""
    daemon = Daemon()
    with daemon.client() as lazy:
        lazy.call("blob.open", {"bytes": b"b" * 60000}, {"into": 1})
        lazy.send(b"".join(request(i, "blob.read", 1, 0, 60000) for i in range(500)))
        start = time.monotonic()
        daemon.stop()
        assert 1.5 < time.monotonic() - start < scaled(4, 10)


def test_drain_parked():
    """who waits for a cycle when the daemon stops is answered one way or the other"""
    for _ in range(scaled(20, 5)):
        daemon = Daemon()
        with daemon.client() as client:
            client.send(request(1, "heap.gc", {"wait": True}) * 100)
            client.answer()
            daemon.process.send_signal(signal.SIGTERM)
            answers = []
            while message := client.receive():
                answers.append(message)
            assert len(answers) == 99, len(answers)
        daemon.stop()


def test_activation():
    """listening sockets handed over by a service manager are told apart by name"""
    if not shutil.which("systemd-socket-activate"):
        print("# skipped: systemd is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        rpc, console = os.path.join(folder, "rpc"), os.path.join(folder, "console")
        process = subprocess.Popen(
            ["systemd-socket-activate", "-l", rpc, "-l", console, "--fdname=rpc:console", PROGRAM],
            stderr=subprocess.DEVNULL,
        )
        until(lambda: os.path.exists(rpc))
        with Client(rpc) as client:
            client.call("ping")
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(30)
                peer.connect(console)
                assert peer.recv(1000).startswith(b"heapd ")
        process.terminate()
        assert process.wait(30) == 0
        assert os.path.exists(rpc), "a socket that was handed over is not ours to remove"


def test_notify():
    """the service manager hears READY, WATCHDOG and STOPPING"""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(os.path.join(folder, "notify"))
            manager.settimeout(30)
            env = {"NOTIFY_SOCKET": os.path.join(folder, "notify"), "WATCHDOG_USEC": "100000"}
            daemon = Daemon(env=env)
            heard = b""
            while b"WATCHDOG=1" not in heard:
                heard += manager.recv(4096) + b"\n"
            assert heard.startswith(b"READY=1\nSTATUS="), heard
            daemon.process.terminate()
            while b"STOPPING=1" not in heard:
                heard += manager.recv(4096) + b"\n"
            daemon.stop()


if __name__ == "__main__":
    main(tests_of(globals()))
