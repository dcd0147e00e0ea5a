#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every method, good and bad, over a real socket."""

import math

import msgpack

from harness import Daemon, RpcError, handle_of, main, ref, tests_of


def with_client(test):
    def run():
        with Daemon() as daemon, daemon.client() as client:
            test(client)

    run.__doc__ = test.__doc__
    run.__name__ = test.__name__
    return run


@with_client
def test_session(c):
    """hello, ping, bye and api.info say what they promise"""
    hello = c.call("hello", {"proto": [1, 1], "client": "it"})
    assert hello["proto"] == 1 and hello["limits"]["handles"] == 1 << 20
    assert hello["session"]["resumed"] is False
    assert c.call("hello") == hello
    c.refused("VERSION", "hello", {"proto": [2, 9]})
    c.refused("NO_SESSION", "hello", {"resume": {"id": 1, "token": b"x"}})
    c.refused("BAD_REQUEST", "hello", {"prot": [1, 1]})
    ping = c.call("ping")
    assert ping["now"] > 1600000000000 and ping["cycle"] == 0
    c.refused("BAD_REQUEST", "ping", 1)
    info = c.call("api.info")
    assert {m for m in ("ping", "obj.new", "heap.gc")} <= {
        m if isinstance(m, str) else m["name"] for m in info["methods"]
    }
    c.refused("UNKNOWN_METHOD", "obj.gte")
    assert c.call("bye") is None
    assert c.receive() is None


@with_client
def test_handles(c):
    """handle.dup, handle.drop and handle.same"""
    c.call("obj.new", "record", [1], {"into": 1})
    assert handle_of(c.call("handle.dup", 1, {"into": 2})) == 2
    picked = handle_of(c.call("handle.dup", ref(1)))
    assert picked >= 1 << 31
    assert c.call("handle.same", 1, picked) is True
    c.call("obj.new", "record", [1], {"into": 3})
    assert c.call("handle.same", 1, 3) is False
    c.refused("EXISTS", "handle.dup", 1, {"into": 3})
    c.refused("BAD_REQUEST", "handle.dup", 1, {"into": 0})
    c.refused("BAD_REQUEST", "handle.dup", 1, {"into": 1 << 31})
    c.refused("NO_HANDLE", "handle.dup", 99)
    c.refused("NO_NAME", "handle.dup", "nobody")
    c.refused("BAD_REQUEST", "handle.same", 1)
    assert c.call("handle.drop", [1, ref(2), 77, picked]) == 3
    c.refused("NO_HANDLE", "obj.get", 1, None)
    c.refused("BAD_REQUEST", "handle.drop", ["name"])
    assert c.call("handle.drop", []) == 0


@with_client
def test_names(c):
    """name.get, name.put, name.del and name.list"""
    c.call("obj.new", "record", [1], {"into": 1})
    c.call("obj.new", "map", None, {"into": 2})
    assert c.call("name.put", "a", 1) == {"replaced": False}
    assert c.call("name.put", "a", 2) == {"replaced": True}
    c.refused("EXISTS", "name.put", "a", 1, {"if": "absent"})
    c.refused("CONFLICT", "name.put", "a", 1, {"if": 1})
    assert c.call("name.put", "a", 1, {"if": 2}) == {"replaced": True}
    handle, kind, version = c.call("name.get", "a", {"into": 7})
    assert (handle_of(handle), kind, version) == (7, "record", 0)
    c.refused("NO_NAME", "name.get", "b")
    c.refused("NO_HANDLE", "name.put", "b", 99)
    c.refused("BAD_REQUEST", "name.put", "", 1)
    c.refused("LIMIT", "name.put", "x" * 513, 1)
    c.call("name.put", "x" * 512, 1)
    c.call("name.put", "a/ü", "a")
    names = c.call("name.list", "a")
    assert sorted(names["names"]) == [["a", "record"], ["a/ü", "record"]]
    assert names["cursor"] is None
    c.refused("CONFLICT", "name.del", "a", {"if": 2})
    assert c.call("name.del", "a", {"if": 1}) is True
    assert c.call("name.del", "a") is False
    c.refused("NO_NAME", "name.del", "a", {"if": 1})


@with_client
def test_values(c):
    """every value comes back as it went in"""
    values = [
        *(None, True, False, 0, -1, 2**60 - 1, 2**60, -(2**60), -(2**60) - 1, 2**63 - 1),
        *(-(2**63), 2**63, 2**64 - 1, 0.0, -0.0, 1.5, 1e300, 5e-324, math.inf, -math.inf, math.pi),
        *("", "abcdef", "abcdefg", "ü" * 100, "x" * 65536, b"", b"\x00" * 6, b"\xff" * 7),
        *(b"z" * 65536, [], [1, [2, {"a": None}]], {}, {"k": [1.5, b"x"], 7: {}}),
        *(msgpack.Timestamp(0, 0), msgpack.Timestamp(2**32, 1), msgpack.Timestamp(-1, 999999999)),
    ]
    for value in values:
        c.call("obj.new", "record", [value], {"name": "v"})
        back = c.call("obj.get", "v", [0])
        assert back == [value] and type(back[0]) is type(value), (value, back)
        assert repr(back) == repr([value])
    c.call("obj.new", "record", [math.nan], {"name": "v"})
    assert math.isnan(c.call("obj.get", "v", [0])[0])
    c.refused("LIMIT", "obj.new", "record", ["x" * 65537])
    c.refused("BAD_REQUEST", "obj.new", "record", [msgpack.ExtType(9, b"x")])


@with_client
def test_records(c):
    """records: obj.new, obj.info, obj.get, obj.set, obj.cas, obj.add"""
    assert handle_of(c.call("obj.new", "record", [1, "two", None], {"into": 1})) == 1
    assert c.call("obj.new", "record", 3, {"name": "three"}) is None
    assert c.call("obj.get", "three", None) == [None] * 3
    info = c.call("obj.info", 1)
    assert info["kind"] == "record" and info["len"] == 3 and info["version"] == 0
    assert c.call("obj.get", 1, [2, 0]) == [None, 1]
    c.refused("RANGE", "obj.get", 1, [3])
    c.refused("RANGE", "obj.set", 1, {0: 5, 3: 1})
    assert c.call("obj.get", 1, [0]) == [1], "half of a request was done"
    assert c.call("obj.set", 1, {0: 5, 1: ref(1)}) == 1
    assert c.call("obj.set", 1, [[0, 6]], {"if_version": 1}) == 2
    c.refused("CONFLICT", "obj.set", 1, {0: 7}, {"if_version": 1})
    assert c.call("obj.cas", 1, 0, 6, 8) == [True, 8]
    assert c.call("obj.cas", 1, 0, 6, 9) == [False, 8]
    c.refused("RANGE", "obj.cas", 1, 3, 6, 9)
    assert c.call("obj.add", 1, 0, -10) == -2
    c.refused("TYPE", "obj.add", 1, 0, 0.5)
    c.call("obj.set", 1, {0: 2**63 - 1})
    assert c.call("obj.add", 1, 0, 1) == 2**63
    c.call("obj.set", 1, {0: 2**64 - 1})
    c.refused("RANGE", "obj.add", 1, 0, 1)
    assert c.call("obj.get", 1, [0]) == [2**64 - 1]
    c.refused("EXISTS", "obj.new", "record", [], {"name": "three", "if": "absent"})
    c.refused("BAD_REQUEST", "obj.new", "recrod", [])
    c.refused("BAD_REQUEST", "obj.new", "channel", None)
    c.refused("NO_HANDLE", "obj.new", "record", [ref(99)])


@with_client
def test_slots(c):
    """a record has 65 535 slots and not one more"""
    c.call("obj.new", "record", 65535, {"into": 1})
    c.call("obj.set", 1, {65534: "last"})
    assert c.call("obj.get", 1, [65534, 0]) == ["last", None]
    assert len(c.call("obj.get", 1, None)) == 65535
    try:
        c.call("obj.new", "record", 65536)
        raise AssertionError("65 536 slots")
    except RpcError as error:
        assert error.code in ("BAD_REQUEST", "TOO_BIG", "RANGE", "LIMIT"), error


@with_client
def test_walk(c):
    """obj.walk follows keys from object to object"""
    c.call("obj.new", "record", [1, "end"], {"into": 1})
    c.call("obj.new", "array", [None, ref(1)], {"into": 2})
    c.call("obj.new", "map", {"k": ref(2)}, {"name": "root"})
    assert c.call("obj.walk", "root", ["k", 1, 1]) == "end"
    assert handle_of(c.call("obj.walk", "root", ["k", 1], {"into": 9})) == 9
    assert c.call("handle.same", 9, 1) is True
    c.refused("TYPE", "obj.walk", "root", ["k", 1, 1, 0])
    c.refused("RANGE", "obj.walk", "root", ["k", 2])
    c.refused("EXISTS", "obj.walk", "root", ["k", 1], {"into": 1})


@with_client
def test_arrays(c):
    """array.push, array.read and array.splice"""
    c.call("obj.new", "array", [1, 2], {"into": 1})
    assert c.call("array.push", 1, [3, ref(1)]) == 4
    back = c.call("array.read", 1, 2, 100)
    assert back[0] == 3 and c.call("handle.same", handle_of(back[1]), 1)
    assert c.call("array.read", 1, 4, 1) == []
    c.refused("RANGE", "array.read", 1, 5, 1)
    c.refused("BAD_REQUEST", "array.read", 1, -1, 1)
    assert c.call("array.splice", 1, 1, 2, ["a", "b", "c"]) == [2, 3]
    assert c.call("array.read", 1, 0, 4) == [1, "a", "b", "c"]
    c.refused("RANGE", "array.splice", 1, 99, 0, [])
    c.call("obj.new", "map", None, {"into": 2})
    c.refused("TYPE", "array.push", 2, [1])


@with_client
def test_maps(c):
    """map keys by type and value, map.del and map.scan"""
    keys = [None, True, 1, 1.0, "1", b"1", -(2**63), 2**64 - 1, "k" * 100]
    c.call("obj.new", "map", [[k, i] for i, k in enumerate(keys)], {"into": 1})
    assert c.call("obj.get", 1, keys) == list(range(len(keys)))
    assert c.call("obj.get", 1, ["absent", 1.5]) == [None, None]
    assert c.call("obj.info", 1)["len"] == len(keys)
    c.refused("BAD_REQUEST", "obj.set", 1, [[math.nan, 1]])
    assert c.call("map.del", 1, ["1", "absent"]) == 1
    assert c.call("map.del", 1, [1, "1"], {"take": True}) == [2, None]
    c.call("obj.new", "map", {f"n{i:04}": i for i in range(1000)}, {"into": 2})
    seen, cursor, calls = {}, None, 0
    while True:
        options = {"cursor": cursor} if cursor is not None else {}
        part = c.call("map.scan", 2, {"values": True, "limit": 50, **options})
        for key, value in part["items"]:
            assert key not in seen
            seen[key] = value
        cursor, calls = part["cursor"], calls + 1
        if cursor is None:
            break
    assert seen == {f"n{i:04}": i for i in range(1000)} and calls > 10
    c.refused("TYPE", "map.scan", c.call("blob.open", {"bytes": b""}))


@with_client
def test_blobs(c):
    """blob.open and blob.read"""
    data = bytes(range(256)) * 3000
    c.call("blob.open", {"bytes": data}, {"into": 1})
    assert c.call("obj.info", 1)["len"] == len(data) and c.call("obj.info", 1)["sealed"]
    assert c.call("blob.read", 1, 0, len(data)) == data
    assert c.call("blob.read", 1, len(data) - 3, 100) == data[-3:]
    assert c.call("blob.read", 1, len(data), 1) == b""
    c.refused("RANGE", "blob.read", 1, len(data) + 1, 1)
    c.refused("BAD_REQUEST", "blob.open", {"fd": 1})
    c.refused("TYPE", "obj.set", 1, {0: 1})


@with_client
def test_heap(c):
    """heap.stats by section, heap.gc with and without waiting"""
    stats = c.call("heap.stats")
    assert set(stats) == {"memory", "gc", "sessions", "names", "limits"}
    for section, numbers in stats.items():
        assert set(c.call("heap.stats", {"section": section})) == set(numbers)
    c.refused("BAD_REQUEST", "heap.stats", {"section": "nosuch"})
    before = c.call("ping")["cycle"]
    number = c.call("heap.gc", {"wait": True})
    assert number > before and c.call("ping")["cycle"] >= number
    assert c.call("heap.gc") > number


@with_client
def test_garbage(c):
    """what is dropped is freed, what is reachable stays, cycles included"""
    c.call("obj.new", "array", [], {"name": "kept"})
    for i in range(1, 101):
        c.call("obj.new", "record", [None, i], {"into": i})
        c.call("obj.set", i, {0: ref(max(1, i - 1))})
    c.call("obj.set", 1, {0: ref(100)})
    c.call("array.push", "kept", [ref(50)])
    def live():
        c.call("heap.gc", {"wait": True})
        return c.call("heap.stats", {"section": "gc"})["live_objects"]

    full = live()
    c.call("handle.drop", list(range(1, 101)))
    assert 0 <= full - live() <= 10, "only table nodes may have gone: the ring hangs on its name"
    c.call("name.del", "kept")
    assert full - live() >= 101


if __name__ == "__main__":
    main(tests_of(globals()))
