#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many peers at once, and peers that end badly."""

import os
import random
import resource
import select
import signal
import socket
import subprocess

from harness import Daemon, main, request, scaled, tests_of, until


def sessions(client):
    return client.call("heap.stats")["sessions"]


def test_thousands():
    """2 000 connections at once are all served, and all gone afterwards"""
    n = 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Daemon() as daemon, daemon.client() as other:
        other.call("ping")
        before = daemon.fds()
        peers = [daemon.client() for _ in range(n)]
        for i, peer in enumerate(peers):
            peer.send(request(i, "obj.new", "record", [i], {"into": 1}))
        for i, peer in enumerate(peers):
            assert peer.answer()[1:3] == [i, None]
        assert sessions(other)["connections"] == n + 1
        for peer in peers:
            peer.close()
        until(lambda: sessions(other)["connections"] == 1)
        assert sessions(other)["sessions"] == 1 and sessions(other)["handles"] == 0
        until(lambda: daemon.fds() == before)


def test_descriptors():
    """without descriptors peers are told, nothing spins, and service comes back"""
    with Daemon(wrapper=("prlimit", "--nofile=192")) as daemon:
        peers = []
        while len(peers) < 300:
            peer = daemon.client()
            try:
                peer.call("ping")
            except (EOFError, ConnectionResetError, BrokenPipeError):
                event = peer.events[0] if peer.events else peer.receive()
                assert event[2][0] == "LIMIT", event
                peer.close()
                break
            peers.append(peer)
        assert 100 <= len(peers) <= 192, len(peers)
        for _ in range(50):
            crowd = daemon.client()
            crowd.close()
        peers[0].call("ping")
        for peer in peers[1:]:
            peer.close()
        until(lambda: sessions(peers[0])["connections"] == 1)
        with daemon.client() as again:
            again.call("ping")
        peers[0].close()


LOADER = """
import os, sys, msgpack, socket
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
pack = lambda *m: msgpack.packb(list(m))
data = b"".join(pack(0, i, "obj.new", "record", [i, "x" * 50], {"into": i}) for i in range(1, 500))
cut = int(sys.argv[2])
s.sendall(data[:cut])
print("ready", flush=True)
s.recv(1)
os.kill(os.getpid(), 9)
"""


def test_killed_mid_message():
    """clients killed in the middle of a message leave nothing"""
    rng = random.Random(7)
    with Daemon() as daemon, daemon.client() as other:
        for _ in range(scaled(20, 6)):
            loaders = [
                subprocess.Popen(
                    ["/usr/bin/python3", "-c", LOADER, daemon.path, str(rng.randrange(100, 30000))],
                    stdout=subprocess.PIPE,
                )
                for _ in range(4)
            ]
            for loader in loaders:
                assert loader.wait(60) == -signal.SIGKILL
                loader.stdout.close()
        until(lambda: sessions(other)["sessions"] == 1)
        other.call("heap.gc", {"wait": True})
        assert other.call("heap.stats")["gc"]["live_objects"] < 20


def test_guessed_handles():
    """10^7 guessed handles give access to nothing"""
    n_rounds, n = scaled(153, 2), 65536
    message = request(0x7FFFFFFF, "obj.info", 0x7FFFFFFF)
    data = bytearray(message * n)
    print(f"# {n_rounds * n} guesses")
    with Daemon() as daemon, daemon.client() as victim, daemon.client() as thief:
        for i in range(1, 1001):
            victim.send(request(i, "obj.new", "record", ["secret"], {"into": i}))
        assert [victim.answer()[2] for _ in range(1000)] == [None] * 1000
        for part in range(n_rounds):
            for byte in range(4):
                # The first rounds guess low numbers, where the victim's are.
                low = part < 2 and byte < 2
                data[len(message) - 4 + byte :: len(message)] = bytes(n) if low else os.urandom(n)
            refused = drain(thief.socket, data, n)
            assert refused == n, f"{n - refused} guesses were not refused"
        assert victim.call("obj.get", 1, None) == ["secret"]


def drain(peer, data, n):
    """Writes and reads at once, until n answers are there; how many of them were NO_HANDLE."""
    head, code = b"\x94\x01\xce\x7f\xff\xff\xff", b"NO_HANDLE"
    view, sent, answers, refused, tail = memoryview(data), 0, 0, 0, b""
    peer.setblocking(False)
    # The last answer's code comes after its head, so go on until both are complete.
    while answers < n or (refused < n and not tail.endswith(b"\xc0")):
        readable, writable, _ = select.select([peer], [peer] if sent < len(data) else [], [], 60)
        assert readable or writable, "the daemon is silent"
        if writable:
            sent += peer.send(view[sent : sent + (1 << 18)])
        if readable:
            part = tail + peer.recv(1 << 18)
            # What is counted twice is what lies in the tail as a whole.
            answers += part.count(head) - tail.count(head)
            refused += part.count(code) - tail.count(code)
            tail = part[-16:]
    peer.setblocking(True)
    return refused


def test_connect_and_vanish():
    """peers that connect and go at once are no trouble"""
    with Daemon() as daemon, daemon.client() as other:
        n = scaled(5000, 1000)
        for i in range(n):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(daemon.path)
                if i % 3 == 0:
                    peer.send(request(1, "ping")[: i % 8])
        until(lambda: sessions(other)["begun"] == n + 1)
        until(lambda: sessions(other)["connections"] == 1)


if __name__ == "__main__":
    main(tests_of(globals()))
