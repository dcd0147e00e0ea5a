#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The stream of bytes: splits, garbage, truncation, claims, bounds. No neighbour notices."""

import os
import random
import socket
import struct
import time

import msgpack

from harness import Daemon, main, ref, request, scaled, tests_of, until

SESSION = b"".join(
    [
        request(1, "hello", {"client": "it"}),
        request(2, "obj.new", "record", [1, "x" * 40, None], {"into": 1}),
        request(3, "obj.new", "map", {"a": ref(1), "b": [1, [2]]}, {"name": "m"}),
        msgpack.packb([2, "no.such.event", []]),
        request(4, "obj.get", "m", ["b", "absent"]),
        request(5, "nope"),
        request(1 << 31, "obj.set", 1, {2: 3.5}),
        request(6, "obj.get", 1, None),
    ]
)


def exchange(path, *parts):
    """All that the daemon says to these parts, sent apart."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(30)
        peer.connect(path)
        for part in parts:
            try:
                peer.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break  # it has closed already: what it said is still to be read
            if len(parts) > 1:
                time.sleep(0.0002)
        try:
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        data = b""
        try:
            while part := peer.recv(1 << 16):
                data += part
        except ConnectionResetError:
            pass
        return data


def decoded(data):
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
    unpacker.feed(data)
    return list(unpacker)


def without_session(data):
    """Session ids differ from one connection to the next."""
    messages = decoded(data)
    messages[0][3]["session"]["id"] = 0
    return messages


def test_splits():
    """a recorded session gives the same answers at every split point"""
    with Daemon() as daemon:
        expected = without_session(exchange(daemon.path, SESSION))
        assert len(expected) == 7 and expected[3][3] == [[1, [2]], None], expected
        step = scaled(1, 7)
        for split in range(1, len(SESSION), step):
            found = without_session(exchange(daemon.path, SESSION[:split], SESSION[split:]))
            assert found == expected, split
        bytewise = [SESSION[i : i + 1] for i in range(len(SESSION))]
        assert without_session(exchange(daemon.path, *bytewise)) == expected


def test_truncated():
    """a session cut at any byte answers what was whole, and leaves nothing"""
    with Daemon() as daemon, daemon.client() as other:
        expected = exchange(daemon.path, SESSION)
        for end in range(0, len(SESSION), scaled(1, 5)):
            messages = decoded(exchange(daemon.path, SESSION[:end]))
            assert len(messages) <= 7, end
        assert len(decoded(expected)) == 7
        until(lambda: other.call("heap.stats")["sessions"]["sessions"] == 1)


def parse_error(daemon, data, *words):
    messages = decoded(exchange(daemon.path, data))
    last = messages[-1]
    assert last[:2] == [2, "error"] and last[2][0] == "PARSE", last
    for word in words:
        assert word in last[2][1], last
    return messages


def test_not_ours():
    """what is no MessagePack-RPC is told so once, and closed; earlier answers are not lost"""
    with Daemon() as daemon, daemon.client() as other:
        ping = request(1, "ping")
        for garbage in (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
            b"*1\r\n$4\r\nPING\r\n",
            b"\xc1",
            b"\xc0",
            b"\x80",
            b"\x93\xc1",
            msgpack.packb([3, 1, "ping", []]),
            msgpack.packb([0, "one", "ping", []]),
            msgpack.packb([0, -1, "ping", []]),
            msgpack.packb([0, 1 << 32, "ping", []]),
            msgpack.packb([0, 1, 2, []]),
            msgpack.packb([0, 1, "ping", {}]),
            msgpack.packb([0, 1, "ping"]),
            msgpack.packb([1, 1, None, None]),
        ):
            assert len(parse_error(daemon, garbage)) == 1
            messages = parse_error(daemon, ping * 3 + garbage + ping)
            assert [message[0] for message in messages] == [1, 1, 1, 2], messages
            other.call("ping")


def test_claims():
    """five bytes that claim gigabytes allocate nothing"""
    with Daemon() as daemon, daemon.client() as other:
        other.call("obj.new", "record", [1])
        parse_error(daemon, b"\xc1")
        before = daemon.rss()
        for head in (b"\xdf", b"\xdd", b"\xdb", b"\xc6", b"\xc9"):
            for n in (0x05F5E100, 0x7FFFFFFF, 0xFFFFFFFF):
                claim = head + struct.pack(">I", n) + b"\x01"
                parse_error(daemon, claim)
                parse_error(daemon, b"\x94\x00\x01\xa4ping\x91" + claim, " ")
        other.call("ping")
        # A string that may come, but does not: waiting for it costs no memory either.
        waiting = [daemon.client() for _ in range(100)]
        for client in waiting:
            client.send(b"\x94\x00\x01\xa8obj.info\x91\xc6" + struct.pack(">I", 1000000))
        other.call("ping")
        grown = daemon.rss() - before
        assert grown < 8 << 20, f"{grown} bytes"
        for client in waiting:
            client.close()


def test_nesting():
    """nesting is bounded at 32, and 10^5 deep is no danger"""
    def nested(depth):  # in all, envelope, params, init
        value = b"\x91" * (depth - 4) + b"\x90"
        return b"\x94\x00\x01\xa7obj.new\x92\xa6record\x91" + value

    with Daemon() as daemon:
        (message,) = decoded(exchange(daemon.path, nested(32)))
        assert message[2] is None, message
        parse_error(daemon, nested(33))
        parse_error(daemon, nested(100000))
        parse_error(daemon, b"\x94\x00\x01\xa7obj.new\x91" + b"\xdc\xff\xff" * 25000)
        parse_error(daemon, b"\x94\x00\x01\xa7obj.new\x91" + b"\x81" * 100000)


def test_bounds():
    """a message has at most 1 MiB and 65 536 values, exactly"""
    with Daemon() as daemon:
        def blob(n):
            head = b"\x94\x00\x01\xa9blob.open\x91\x81\xa5bytes\xc6"
            return head + struct.pack(">I", n) + bytes(n)

        fixed = len(blob(0))
        (message,) = decoded(exchange(daemon.path, blob((1 << 20) - fixed)))
        assert message[2] is None, message
        parse_error(daemon, blob((1 << 20) - fixed + 1))

        def values(n):
            return b"\x94\x00\x01\xab" + b"handle.drop\x91\xdd" + struct.pack(">I", n) + b"\x05" * n

        # Type, msgid, method, params and the array are values too.
        (message,) = decoded(exchange(daemon.path, values(65536 - 5)))
        assert message[2:] == [None, 0], message
        parse_error(daemon, values(65536 - 4))


def test_random():
    """random bytes, and sessions with bytes flipped, hurt nobody else"""
    seed = int(os.environ.get("HEAPD_SEED", random.randrange(1 << 32)))
    print(f"# HEAPD_SEED={seed}")
    rng = random.Random(seed)
    with Daemon() as daemon, daemon.client() as other:
        other.call("obj.new", "record", [42], {"name": "mine"})
        for _ in range(scaled(3000, 600)):
            exchange(daemon.path, rng.randbytes(rng.randrange(1, 300)))
            data = bytearray(SESSION)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            exchange(daemon.path, bytes(data))
        other.call("ping")
        assert other.call("obj.get", other.call("name.get", "mine")[0], [0]) == [42]


def test_broken():
    """what a failed request should have bound is broken, with the cause, until bound or dropped"""
    with Daemon() as daemon, daemon.client() as c:
        results = c.pipeline(
            ("obj.new", "record", [ref(99)], {"into": 1}),
            ("obj.new", "array", [ref(1)], {"into": 2}),
            ("name.put", "never", 2),
            ("ping",),
            ("obj.get", 1, None),
        )
        codes = [getattr(result, "code", None) for result in results]
        assert codes == ["NO_HANDLE", "BROKEN", "BROKEN", None, "BROKEN"], results
        assert [results[i].detail for i in (1, 2, 4)] == [{"cause": 1}, {"cause": 2}, {"cause": 1}]
        c.call("obj.new", "record", [7], {"into": 1})
        assert c.call("obj.get", 1, None) == [7]
        assert c.call("handle.drop", [2]) == 1
        c.refused("NO_HANDLE", "obj.get", 2, None)
        # A number in use stays as it was, whatever fails; a request refused outright breaks too.
        c.refused("EXISTS", "obj.new", "record", [8], {"into": 1})
        c.refused("BAD_REQUEST", "obj.new", "record", "eight", {"into": 1})
        assert c.call("obj.get", 1, None) == [7]
        c.refused("BAD_REQUEST", "obj.new", "record", "eight", {"into": 3})
        assert c.refused("BROKEN", "obj.get", 3, None).detail["cause"] == c.msgid - 1


def test_notifications():
    """notifications are unanswered; a known one that fails brings an error event"""
    with Daemon() as daemon, daemon.client() as c:
        c.notify("nvim_set_client_info", "x", {}, "remote", {}, {})
        c.notify("obj.new", "record", [5], {"name": "n"})
        c.notify("obj.get", 99, None)
        c.notify("ping", 1, 2)
        assert c.call("obj.get", "n", None) == [5]
        assert [event[:2] for event in c.events] == [[2, "error"]] * 2
        assert [event[2][0] for event in c.events] == ["NO_HANDLE", "BAD_REQUEST"]


if __name__ == "__main__":
    main(tests_of(globals()))
