#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What integration tests stand on: a daemon on a socket of its own, a client, TAP.

A daemon is started on a fresh folder, ended by its pid, and must then have exited with 0 and
written nothing that a sanitizer would say. HEAPD_DAEMON names the program; HEAPD_SANITIZE, unless
none, makes tests of size smaller (they print the size that they used).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import msgpack

PROGRAM = os.environ.get("HEAPD_DAEMON", "build/daemon/heapd")
SANITIZED = os.environ.get("HEAPD_SANITIZE", "none") not in ("none", "")
SANITIZER = re.compile(r"Sanitizer|runtime error:|Assertion|heapd: assert")
PATIENCE_S = 120 if SANITIZED else 30


def scaled(plain, sanitized):
    return sanitized if SANITIZED else plain


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error[0]}: {error[1]}")
        self.code, self.message, self.detail = (list(error) + [{}])[:3]


def short(*values):
    text = " ".join(repr(value) for value in values)
    return text if len(text) < 200 else text[:200] + "..."


def ref(handle):
    return msgpack.ExtType(1, handle.to_bytes(4, "big"))


def handle_of(value):
    assert isinstance(value, msgpack.ExtType) and value.code == 1, value
    return int.from_bytes(value.data, "big")


def request(msgid, method, *params):
    return msgpack.packb([0, msgid, method, list(params)])


class Client:
    """One connection. call() for one at a time; send() and receive() for anything else."""

    def __init__(self, path, timeout=PATIENCE_S):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 30)
        self.msgid = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next message, or None when the daemon has closed."""
        while True:
            for message in self.unpacker:
                return message
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.unpacker.feed(data)

    def answer(self):
        """The next response; events met on the way are kept."""
        while True:
            message = self.receive()
            if message is None:
                raise EOFError("the daemon has closed the connection")
            if message[0] == 1:
                return message
            self.events.append(message)

    def call(self, method, *params):
        self.msgid += 1
        self.send(request(self.msgid, method, *params))
        kind, msgid, error, result = self.answer()
        assert msgid == self.msgid, (msgid, self.msgid)
        if error is not None:
            raise RpcError(error)
        return result

    def pipeline(self, *calls):
        """All calls in one write: a list of results, with RpcError for those that failed."""
        first = self.msgid + 1
        self.send(b"".join(request(first + i, *call) for i, call in enumerate(calls)))
        self.msgid += len(calls)
        results = []
        for i in range(len(calls)):
            _, msgid, error, result = self.answer()
            assert msgid == first + i, (msgid, first + i)
            results.append(RpcError(error) if error is not None else result)
        return results

    def notify(self, method, *params):
        self.send(msgpack.packb([2, method, list(params)]))

    def refused(self, code, method, *params):
        """The call fails with this code; returns the error."""
        try:
            result = self.call(method, *params)
        except RpcError as error:
            assert error.code == code, f"{short(method, params)}: {error}, not {code}"
            assert error.message, "no sentence for people"
            return error
        raise AssertionError(f"{short(method, params)} gave {short(result)}, not {code}")


class Daemon:
    def __init__(self, *options, folder=None, env=None, wrapper=(), ready=True):
        self.made = None if folder else tempfile.mkdtemp(prefix="heapd-it-")
        self.folder = folder or self.made
        self.path = os.path.join(self.folder, "sock")
        self.console_path = os.path.join(self.folder, "console")
        self.stats_path = os.path.join(self.folder, "stats")
        self.stderr = open(os.path.join(self.folder, "stderr"), "w+", encoding="utf-8")
        arguments = [*wrapper, PROGRAM, "--socket", self.path, *options]
        self.process = subprocess.Popen(
            arguments,
            stderr=self.stderr,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        self.pid = self.process.pid
        if ready:
            self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("# " + self.log().replace("\n", "\n# "))
        self.stop()

    def wait_ready(self):
        until(lambda: "heapd: Ready" in self.log() or self.process.poll() is not None)
        assert self.process.poll() is None, f"the daemon has ended: {self.log()}"

    def client(self, **more):
        return Client(self.path, **more)

    def log(self):
        with open(self.stderr.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            log = self.log()
            self.stderr.close()
            if self.made:
                shutil.rmtree(self.made)
        assert not SANITIZER.search(log), log
        assert status == 0, f"exit status {status}: {log}"
        return log

    def rss(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def http(self, data):
        """Bytes to the statistics listener (--stats stats_path), all that comes back."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE_S)
            peer.connect(self.stats_path)
            answer = b""
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                while part := peer.recv(1 << 16):
                    answer += part
            except (BrokenPipeError, ConnectionResetError):
                pass
            return answer

    def metrics(self):
        head, body = self.http(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").split(
            b"\r\n\r\n", 1
        )
        assert head.startswith(b"HTTP/1.1 200 "), head
        lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def stats(self, section):
        with self.client() as client:
            return client.call("heap.stats", {"section": section})


def until(condition, seconds=PATIENCE_S, pause=0.01):
    """Waits until the condition holds and returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"still not so after {seconds} s: {condition}"
        time.sleep(pause)


def main(tests):
    """Runs test functions and says TAP; their first docstring lines are the names."""
    wanted = sys.argv[1:]
    tests = [test for test in tests if not wanted or test.__name__ in wanted]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = (test.__doc__ or test.__name__).split("\n")[0].strip(".")
        start = time.monotonic()
        try:
            test()
            verdict = "ok"
        except Exception:  # whatever it is, the test has failed and the others go on
            failed += 1
            verdict = "not ok"
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "))
        print(f"{verdict} {number} - {name}", flush=True)
        print(f"# {time.monotonic() - start:.1f} s", flush=True)
    sys.exit(1 if failed else 0)


def tests_of(namespace):
    return [value for name, value in list(namespace.items()) if name.startswith("test_")]
