#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients that nobody here wrote: pynvim's generic session, and twenty lines of python3-msgpack."""

import socket

import msgpack

from harness import Daemon, main, tests_of


def test_pynvim():
    """pynvim's session creates, links, names, drops and collects"""
    try:
        from pynvim.msgpack_rpc import socket_session
    except ImportError:
        print("# skipped: python3-pynvim is not installed")
        return
    with Daemon() as daemon:
        session = socket_session(daemon.path)
        session.error_wrapper = lambda error: RuntimeError(*error)
        assert session.request("ping")["cycle"] == 0
        session.request("obj.new", "record", ["leaf"], {"into": 1})
        # This client sends no ext types of its own: numbers and names stand for objects.
        session.request("obj.new", "map", {"x": 1}, {"into": 2})
        session.request("name.put", "root", 2)
        session.request("name.put", "leaf", 1)
        assert session.request("obj.get", "root", ["x"]) == [1]
        try:
            session.request("obj.get", 99, None)
            raise AssertionError("no error")
        except RuntimeError as error:
            assert error.args[0] == "NO_HANDLE", error.args
        assert session.request("handle.drop", [1, 2]) == 2
        session.request("heap.gc", {"wait": True})
        before = session.request("heap.stats", {"section": "gc"})["live_objects"]
        session.request("name.del", "leaf")
        session.request("heap.gc", {"wait": True})
        after = session.request("heap.stats", {"section": "gc"})["live_objects"]
        assert after < before
        assert session.request("obj.get", "root", ["x"]) == [1]
        session.close()


def test_msgpack():
    """a client of a few lines creates, links, names, drops and collects"""
    with Daemon() as daemon:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(daemon.path)
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)

        def call(method, *params):
            peer.sendall(msgpack.packb([0, 1, method, params]))
            while True:
                for _, _, error, result in unpacker:
                    if error:
                        raise RuntimeError(*error)
                    return result
                unpacker.feed(peer.recv(65536))

        leaf = call("obj.new", "record", ["leaf"])
        root = call("obj.new", "record", [leaf, "root"])
        call("obj.set", leaf, {0: root})  # a cycle
        call("name.put", "root", root)
        call("handle.drop", [leaf, root])
        call("heap.gc", {"wait": True})
        assert call("obj.walk", "root", [0, 0, 1]) == "root"
        call("name.del", "root")
        objects = call("heap.stats")["gc"]["live_objects"]
        call("heap.gc", {"wait": True})
        assert call("heap.stats")["gc"]["live_objects"] < objects
        peer.close()


if __name__ == "__main__":
    main(tests_of(globals()))
