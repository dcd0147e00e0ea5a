#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Taking turns: pipelines, deep ones beside others, readers that do not read, parked requests."""

import threading

import msgpack

from harness import SANITIZED, Daemon, main, request, scaled, tests_of, until


def test_pipeline():
    """a long pipeline is executed in order and answered in order"""
    n = scaled(20000, 4000)
    with Daemon() as daemon, daemon.client() as c:
        c.call("obj.new", "array", [], {"into": 1})
        calls = [("array.push", 1, [i]) for i in range(n)]
        for start in range(0, n, 1000):
            part = c.pipeline(*calls[start : start + 1000])
            assert part == list(range(start + 1, start + 1001))
        assert c.call("array.read", 1, 0, 1000) == list(range(1000))


def test_no_round_trip():
    """create, link, name and read in one write, with numbers that the client chose"""
    with Daemon() as daemon, daemon.client() as c:
        results = c.pipeline(
            ("obj.new", "record", ["leaf"], {"into": 1}),
            ("obj.new", "record", [msgpack.ExtType(1, b"\0\0\0\1")], {"into": 2}),
            ("name.put", "root", 2),
            ("handle.drop", [1, 2]),
            ("obj.walk", "root", [0, 0]),
        )
        assert results[2:] == [{"replaced": False}, 2, "leaf"], results


def test_deep_pipeline():
    """a deep pipeline does not keep others waiting for its end"""
    n = scaled(400000, 60000)
    data = msgpack.packb([2, "ping", []]) * n
    with Daemon() as daemon, daemon.client() as deep, daemon.client() as other:
        thread = threading.Thread(target=deep.send, args=(data,))
        thread.start()
        before = until(lambda: other.call("heap.stats")["sessions"]["requests"])
        for _ in range(10):
            other.call("ping")
        during = other.call("heap.stats")["sessions"]["requests"]
        assert before < during < n, "the pings were answered only after the pipeline"
        thread.join()
        until(lambda: other.call("heap.stats")["sessions"]["requests"] > n)


def test_slow_readers():
    """who does not read is not read from, costs a bounded amount, and gets everything in the end"""
    n_peers, n = scaled(50, 10), scaled(400, 200)
    size = 64 << 10
    with Daemon() as daemon, daemon.client() as other:
        other.call("blob.open", {"bytes": b"b" * size}, {"into": 1})
        other.call("name.put", "blob", 1)
        before = daemon.rss()
        peers = [daemon.client() for _ in range(n_peers)]
        threads = []
        for peer in peers:
            data = b"".join(request(i, "blob.read", "blob", 0, size) for i in range(n))
            threads.append(threading.Thread(target=peer.send, args=(data,)))
            threads[-1].start()
        until(lambda: daemon.rss() - before > n_peers << 20)
        for _ in range(20):
            other.call("ping")
        executed = other.call("heap.stats")["sessions"]["requests"]
        for _ in range(20):
            other.call("ping")
        assert other.call("heap.stats")["sessions"]["requests"] == executed + 21, "still executing"
        held = daemon.rss() - before
        limit = n_peers * (3 << 20) + (32 << 20)
        assert held < limit, f"{held >> 20} MiB for {n_peers} peers"
        for peer, thread in zip(peers, threads):
            for i in range(n):
                kind, msgid, error, result = peer.answer()
                assert (kind, msgid, error, len(result)) == (1, i, None, size)
            thread.join()
            peer.close()
        other.call("ping")


def test_slow_reader_killed():
    """a reader that never reads and goes away leaves nothing"""
    with Daemon() as daemon, daemon.client() as other:
        other.call("blob.open", {"bytes": b"b" * (1 << 19)}, {"into": 1})
        other.call("name.put", "blob", 1)
        for _ in range(20):
            peer = daemon.client()
            peer.send(b"".join(request(i, "blob.read", "blob", 0, 1 << 19) for i in range(50)))
            peer.close()
        until(lambda: other.call("heap.stats")["sessions"]["begun"] == 21)
        until(lambda: other.call("heap.stats")["sessions"]["connections"] == 1)
        assert other.call("heap.stats")["sessions"]["sessions"] == 1


def test_half_close():
    """a peer that has only finished writing still gets its answers"""
    with Daemon() as daemon, daemon.client() as c:
        c.call("blob.open", {"bytes": b"b" * (1 << 19)}, {"into": 1})
        c.send(b"".join(request(i, "blob.read", 1, 0, 1 << 19) for i in range(20)))
        c.socket.shutdown(1)
        assert [len(c.answer()[3]) for _ in range(20)] == [1 << 19] * 20
        assert c.receive() is None


def test_parked():
    """heap.gc with wait answers later, under its msgid; 1 024 may wait"""
    with Daemon() as daemon, daemon.client() as c:
        c.send(request(1, "heap.gc", {"wait": True}) + request(2, "ping"))
        assert sorted(c.answer()[1] for _ in range(2)) == [1, 2]
        n = 1500
        c.send(b"".join(request(i, "heap.gc", {"wait": True}) for i in range(n)))
        answers = [c.answer() for _ in range(n)]
        assert sorted(answer[1] for answer in answers) == list(range(n))
        assert {answer[2][0] for answer in answers if answer[2]} <= {"LIMIT"}
        assert sum(answer[2] is None for answer in answers) >= 1024


def test_parked_and_gone():
    """a connection that ends while its request waits harms nobody"""
    with Daemon() as daemon, daemon.client() as other:
        for _ in range(200):
            peer = daemon.client()
            peer.send(request(1, "heap.gc", {"wait": True}) * 5)
            peer.close()
        assert other.call("heap.gc", {"wait": True}) > 0
        until(lambda: other.call("heap.stats")["sessions"]["parked"] == 0)


def test_idle_memory():
    """an idle connection holds no buffer"""
    if SANITIZED:
        print("# skipped: sanitizers keep what is freed")
        return
    n = 1000
    with Daemon() as daemon, daemon.client() as other:
        before = daemon.rss()
        peers = [daemon.client() for _ in range(n)]
        for peer in peers:
            peer.call("blob.open", {"bytes": b"x" * 100000})
            assert peer.call("handle.drop", [1 << 31]) == 1
        # What the heap keeps for its next use is not the connections'.
        other.call("heap.ctl", "free_os_memory")
        held = lambda: (daemon.rss() - before) // n
        until(lambda: held() < 8 << 10)
        print(f"# {held()} bytes of RSS a connection")
        for peer in peers:
            peer.close()


if __name__ == "__main__":
    main(tests_of(globals()))
