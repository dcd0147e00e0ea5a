#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The other doors: /metrics, Prometheus itself, the console."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

from harness import Daemon, main, request, scaled, tests_of, until

HEAD = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def doors(folder):
    return ["--stats", os.path.join(folder, "stats"), "--console", os.path.join(folder, "console")]


def with_stats(test):
    def run():
        folder = tempfile.mkdtemp(prefix="heapd-it-")
        with Daemon(*doors(folder), folder=folder) as daemon:
            test(daemon)
        shutil.rmtree(folder)

    run.__doc__ = test.__doc__
    run.__name__ = test.__name__
    return run


@with_stats
def test_metrics(daemon):
    """/metrics tells the truth, and reading it is no request of a client"""
    with daemon.client() as c:
        for i in range(1, 101):
            c.call("obj.new", "record", 100, {"into": i})
        c.call("name.put", "n", 1)
        c.refused("NO_NAME", "name.get", "absent")
        metrics = daemon.metrics()
        assert metrics["heapd_connections"] == metrics["heapd_sessions"] == 1
        assert metrics["heapd_handles"] == 100 and metrics["heapd_names"] == 1
        assert metrics["heapd_objects_created_total"] == 100
        assert metrics["heapd_requests_total"] == 102
        assert metrics["heapd_request_errors_total"] == 1
        assert abs(metrics["process_resident_memory_bytes"] - daemon.rss()) < (4 << 20)
        assert abs(metrics["process_start_time_seconds"] - time.time()) < 60
        c.call("heap.gc", {"wait": True})
        after = daemon.metrics()
        assert after["heapd_gc_cycles_total"] == metrics["heapd_gc_cycles_total"] + 1
        assert after["heapd_gc_cycles_forced_total"] == 1
        assert after["heapd_memstats_heap_objects"] >= 100
        assert after["heapd_requests_total"] == 103
        stats = c.call("heap.stats", {"section": "memory"})
        assert stats["objects"] == after["heapd_memstats_heap_objects"]


# Go's runtime.MemStats, as encoding/json writes it.
MEMSTATS = """
Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased
HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys GCSys
OtherSys NextGC LastGC PauseTotalNs PauseNs PauseEnd NumGC NumForcedGC GCCPUFraction EnableGC
DebugGC BySize
"""


def fetch(daemon, path):
    answer = daemon.http(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(body)}\r\n".encode() in head, head
    return head.split()[1], body.decode()


@with_stats
def test_memstats(daemon):
    """/memstats has Go's names, and numbers that agree with each other"""
    with daemon.client() as c:
        for i in range(1, 1001):
            c.call("obj.new", "record", 5, {"into": i})
        for _ in range(3):
            c.call("heap.gc", {"wait": True})
    status, body = fetch(daemon, b"/memstats")
    assert status == b"200"
    stats = json.loads(body)
    assert set(stats) == set(MEMSTATS.split()), set(stats) ^ set(MEMSTATS.split())
    assert stats["NumGC"] >= 3 and stats["NumForcedGC"] == 3 and stats["EnableGC"] is True
    assert stats["Mallocs"] - stats["Frees"] == stats["HeapObjects"] >= 1000
    assert stats["Sys"] == sum(v for k, v in stats.items() if k.endswith("Sys") and k != "Sys")
    assert stats["HeapInuse"] + stats["HeapIdle"] == stats["HeapSys"] >= stats["HeapAlloc"] > 40000
    assert len(stats["PauseNs"]) == len(stats["PauseEnd"]) == 256
    last = (stats["NumGC"] + 255) % 256
    assert 0 < stats["PauseNs"][last] < 1e9
    assert abs(stats["PauseEnd"][last] - stats["LastGC"]) < 1e9
    assert abs(stats["LastGC"] / 1e9 - time.time()) < 60
    assert stats["PauseEnd"][(last + 1) % 256] == 0
    assert sum(c["Mallocs"] for c in stats["BySize"]) == stats["Mallocs"]


@with_stats
def test_gctrace(daemon):
    """/gctrace has the last cycles, the oldest first, in the style that was asked for"""
    assert fetch(daemon, b"/gctrace") == (b"200", "")
    with daemon.client() as c:
        for _ in range(40):
            c.call("heap.gc", {"wait": True})
    status, body = fetch(daemon, b"/gctrace")
    lines = body.splitlines()
    numbers = [int(line.split()[1]) for line in lines]
    assert status == b"200" and len(lines) == 32
    assert numbers == list(range(numbers[-1] - 31, numbers[-1] + 1)) and numbers[-1] >= 40
    assert all(" MB stacks, " in line for line in lines)
    legacy = fetch(daemon, b"/gctrace?style=legacy")[1].splitlines()
    assert len(legacy) == 32 and not any("stacks" in line for line in legacy)
    full = fetch(daemon, b"/gctrace?style=full")[1].splitlines()
    assert len(full) == 64 and all(line.startswith("# gc ") for line in full[1::2])
    for query in (b"style=", b"style=no", b"x", b"style=go&y"):
        assert fetch(daemon, b"/gctrace?" + query)[0] == b"400", query


def follow(daemon, query=b"follow"):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(30)
    peer.connect(daemon.stats_path)
    peer.sendall(b"GET /gctrace?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % query)
    reader = peer.makefile("r", encoding="ascii", newline="\n")
    status = int(reader.readline().split()[1])
    while reader.readline().strip():
        pass
    return peer, reader, status


@with_stats
def test_follow(daemon):
    """who follows /gctrace gets each further cycle, and does not crowd out the others"""
    with daemon.client() as c:
        c.call("heap.gc", {"wait": True})
        followers = [follow(daemon) for _ in range(7)]
        followers.append(follow(daemon, b"style=legacy&follow"))
        assert all(status == 200 for _, _, status in followers)
        assert follow(daemon)[2] == 503
        for _ in range(5):
            c.call("heap.gc", {"wait": True})
        for _, reader, _ in followers:
            numbers = [int(reader.readline().split()[1]) for _ in range(6)]
            assert numbers == list(range(numbers[0], numbers[0] + 6))
        assert daemon.metrics()["heapd_gc_cycles_forced_total"] == 6
        followers[0][0].shutdown(socket.SHUT_RDWR)
        until(lambda: follow(daemon)[2] == 200)


@with_stats
def test_http(daemon):
    """the responder answers what it serves and refuses the rest"""
    for data, status in (
        (HEAD, b"200"),
        (HEAD.replace(b"GET", b"HEAD"), b"200"),
        (HEAD.replace(b"GET", b"POST"), b"405"),
        (HEAD.replace(b"/metrics", b"/"), b"404"),
        (HEAD.replace(b"localhost", b"evil.example"), b"403"),
        (HEAD.replace(b"\r\n\r\n", b"\r\nOrigin: null\r\n\r\n"), b"403"),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 3000, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
    ):
        answer = daemon.http(data)
        assert answer.startswith(b"HTTP/1.1 " + status + b" "), (data, answer[:100])
        head, body = answer.split(b"\r\n\r\n", 1)
        if data.startswith(b"HEAD"):
            assert body == b""
        else:
            assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
        assert b"nosniff" in head and b"Connection: close" in head
    assert daemon.http(b"GET /met") == b""


@with_stats
def test_scrape_is_bounded(daemon):
    """slow and silent scrapers neither pile up nor keep others out for ever"""
    silent = []
    for _ in range(40):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(30)
        peer.connect(daemon.stats_path)
        silent.append(peer)
    refused = sum(peer.recv(12).startswith(b"HTTP/1.1 503") for peer in silent[16:32])
    assert refused == 16, refused
    with daemon.client() as client:
        client.call("ping")
    until(lambda: daemon.http(HEAD).startswith(b"HTTP/1.1 200"), seconds=20, pause=0.5)
    for peer in silent:
        peer.close()


def test_prometheus():
    """Prometheus scrapes it"""
    if not shutil.which("prometheus"):
        print("# skipped: prometheus is not installed")
        return
    port, own = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, Daemon("--stats", f"127.0.0.1:{port}") as daemon:
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write(
                "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
                "scrape_configs:\n- job_name: heapd\n  static_configs:\n"
                f"  - targets: ['127.0.0.1:{port}']\n"
            )
        with daemon.client() as client:
            client.call("obj.new", "record", 3, {"name": "scraped"})
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            found = until(lambda: query(own, "heapd_names"), seconds=60, pause=0.2)
            assert found == "1", found
            assert query(own, "up") == "1"
        finally:
            server.terminate()
            server.wait(30)


def query(port, expression):
    try:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={expression}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
            return result[0]["value"][1] if result else None
    except OSError:
        return None


class Console:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.read()

    def read(self):
        """Up to the prompt, or the end."""
        data = b""
        while not (data == b"> " or data.endswith(b"\n> ")):
            part = self.socket.recv(1 << 16)
            if not part:
                break
            data += part
        return data.removesuffix(b"> ").decode()

    def ask(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.read()


@with_stats
def test_console(daemon):
    """help, info, gc, names, sessions, quit"""
    assert os.stat(daemon.console_path).st_mode & 0o777 == 0o600
    with daemon.client() as c:
        c.call("obj.new", "map", {"a": 1}, {"name": "config/\x1b[31m\n"})
        c.call("obj.new", "record", 1000, {"into": 7})
        console = Console(daemon.console_path)
        assert "names [PREFIX]" in console.ask(b"help")
        assert "connections    1" in console.ask(b"info")
        names = console.ask(b"names config")
        assert "map      config/\\x1b[31m\\x0a\n" in names and "1 names" in names, names
        assert "0 names" in console.ask(b"names nobody")
        sessions = console.ask(b"sessions")
        assert f"pid {os.getpid()}" in sessions and "1 sessions" in sessions, sessions
        c.call("handle.drop", [7])
        collected = console.ask(b"gc")
        assert collected.startswith("cycle ") and "freed" in collected, collected
        assert "no command '[2Jx'" in console.ask(b"\xff\xfd\x01\x1b[2Jx")
        assert "usage: gc" in console.ask(b"gc now")
        assert console.ask(b"") == ""
        assert "at most 1024" in console.ask(b"x" * 5000)
        assert "names" in console.ask(b"help")
        console.socket.sendall(b"info\ngc\nnames\nquit\n")
        text = b"".join(iter(lambda: console.socket.recv(1 << 16), b"")).decode()
        assert text.count("> ") == 3 and "cycle" in text and "1 names" in text, text


@with_stats
def test_console_peers(daemon):
    """eight people at the console, who may leave in the middle of anything"""
    consoles = [Console(daemon.console_path) for _ in range(8)]
    with socket.socket(socket.AF_UNIX) as ninth:
        ninth.settimeout(30)
        ninth.connect(daemon.console_path)
        assert ninth.recv(100) == b""
    for console in consoles:
        console.socket.close()
    for i in range(scaled(300, 100)):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(daemon.console_path)
            try:
                peer.sendall([b"gc\n", b"names\nsessions\n", b"gc", b"\xff\xfa"][i % 4])
            except BrokenPipeError:
                pass  # it was the ninth
    with daemon.client() as client:
        client.call("ping")
    until(lambda: answers(daemon.console_path))


def answers(path):
    try:
        return Console(path).ask(b"help")
    except OSError:
        return None  # all eight places are still taken


def test_stop_with_everything_open():
    """a daemon with peers at every door stops cleanly"""
    folder = tempfile.mkdtemp(prefix="heapd-it-")
    for _ in range(scaled(10, 3)):
        daemon = Daemon(*doors(folder), "--gctrace", folder=folder)
        client, console = daemon.client(), Console(daemon.console_path)
        client.send(request(1, "heap.gc", {"wait": True}))
        console.socket.sendall(b"gc\nnames\nsessions\n" * 3)
        with socket.socket(socket.AF_UNIX) as scraper:
            scraper.connect(daemon.stats_path)
            scraper.sendall(HEAD[:10])
            log = daemon.stop()
        assert "gc 1 @" in log, log
        client.close()
        console.socket.close()
        assert os.listdir(folder) == ["stderr"], os.listdir(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(tests_of(globals()))
