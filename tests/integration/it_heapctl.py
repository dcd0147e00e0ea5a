#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""heapctl: every command, on a terminal and piped, good and bad, with its exit status."""

import json
import os
import pty
import socket
import subprocess
import threading

from harness import PATIENCE_S, Daemon, main, ref, tests_of

HEAPCTL = os.environ["HEAPD_HEAPCTL"]


def heapctl(*arguments, env=None):
    return subprocess.run(
        [HEAPCTL, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **(env or {})},
        check=False,
    )


def on_terminal(*arguments):
    """What it prints when stdout is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [HEAPCTL, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        output = b""
        try:
            while data := os.read(ours, 65536):
                output += data
        except OSError:  # the terminal's other end is closed
            pass
        os.close(ours)
        errors = process.stderr.read()
        assert process.wait(PATIENCE_S) == 0, errors
    return output.decode().replace("\r\n", "\n")


def parsed(*arguments):
    done = heapctl(*arguments)
    assert done.returncode == 0 and done.stderr == "", done
    return json.loads(done.stdout)


def filled(daemon):
    client = daemon.client()
    client.call("obj.new", "record", [1, "two", None], {"into": 1, "name": "config/pair"})
    client.call("obj.new", "map", {"list": ref(1), "n": 2.0}, {"name": "config/map"})
    client.call("obj.new", "array", [True, b"\0\xff"], {"name": "other"})
    client.call("blob.open", {"bytes": b"bytes"}, {"into": 2})
    client.call("name.put", "blob", 2)
    return client


def test_ping_stats_gc():
    """ping, stats and gc, as JSON and as tables"""
    with Daemon() as daemon, daemon.client() as client:
        at = ("--socket", daemon.path)
        pong = parsed("ping", *at)
        assert pong["cycle"] == 0 and 0 < pong["ms"] < 10000
        assert on_terminal("ping", *at).startswith("heapd answers in ")
        client.call("obj.new", "array", list(range(100)))
        stats = parsed("stats", *at)
        assert {"memory", "gc", "sessions", "names", "limits"} <= set(stats)
        parsed("gc", *at)
        assert parsed(*at, "stats", "memory")["objects"] >= 1
        table = on_terminal("stats", *at)
        assert "memory\n" in table and " MiB\n" in table and '"' not in table
        assert "objects" in on_terminal("stats", "memory", *at)
        client.close()
        result = parsed("gc", *at)
        assert result["cycle"] >= 1
        assert on_terminal("gc", *at).startswith("cycle ")


def test_names_get():
    """names and get, with prefixes and paths"""
    with Daemon() as daemon, filled(daemon) as client:
        at = ("--socket", daemon.path)
        assert parsed("names", *at) == [
            {"name": "blob", "kind": "blob"},
            {"name": "config/map", "kind": "map"},
            {"name": "config/pair", "kind": "record"},
            {"name": "other", "kind": "array"},
        ]
        assert on_terminal("names", "config/", *at) == "map      config/map\nrecord   config/pair\n"
        assert parsed("names", "nothing", *at) == []
        pair = parsed("get", "config/pair", *at)
        assert pair["kind"] == "record" and pair["value"] == [1, "two", None]
        assert parsed("get", "other", *at)["value"] == [True, {"$bin": "00ff"}]
        assert parsed("get", "blob", *at)["value"] == {"$bin": "6279746573"}
        assert parsed("get", "config/map", "n", *at) == 2.0
        assert parsed("get", "config/map", "list", "1", *at) == "two"
        assert parsed("get", "config/map", "list", *at)["value"] == [1, "two", None]
        table = on_terminal("get", "config/map", *at)
        assert table.startswith("map of 2, ") and '"list": reference\n' in table
        assert '  1: "two"\n' in on_terminal("get", "config/pair", *at)
        for i in range(2500):
            client.call("name.put", f"many/{i:04}", 1)
        assert [entry["name"] for entry in parsed("names", "many/", *at)] == [
            f"many/{i:04}" for i in range(2500)
        ]


def test_hostile_text():
    """names and strings cannot steer a terminal"""
    with Daemon() as daemon, daemon.client() as client:
        evil = "a\x1b[2J\x07\x9b31m\x7f\n"
        client.call("obj.new", "record", [evil], {"name": evil})
        at = ("--socket", daemon.path)
        for output in (on_terminal("names", *at), on_terminal("get", evil, *at)):
            assert not set(output) & {"\x1b", "\x07", "\x9b", "\x7f"}, repr(output)
            assert "\\x1b[2J" in output
        assert parsed("names", *at)[0]["name"] == evil


def test_call():
    """call takes any method, and JSON goes both ways unharmed"""
    values = [None, True, -(2**63), 2**64 - 1, 0.1, "caf\u00e9 \"\\\n", {"$bin": "00ff"}, [1, [2]]]
    with Daemon() as daemon:
        at = ("--socket", daemon.path)
        assert parsed("call", "obj.new", json.dumps(["array", values, {"name": "a"}]), *at) is None
        assert parsed("call", "obj.get", '["a", null]', *at) == values
        odd = '["map", {"$map": [[1, "one"]]}, {"name": "m"}]'
        assert parsed("call", "obj.new", odd, *at) is None
        assert parsed("call", "obj.get", '["m", null]', *at) == {"$map": [[1, "one"]]}
        assert parsed("call", "handle.dup", '["m", {"into": 5}]', *at) in (5, {"$ref": 5})
        assert "obj.walk" in heapctl("call", "api.info", *at).stdout
        done = heapctl("call", "obj.get", '["nobody", null]', *at)
        assert done.returncode == 1 and done.stdout == "", done
        assert "(NO_NAME)" in done.stderr
        assert heapctl("call", "no.method", *at).returncode == 1
        assert heapctl("call", "m" * 100, *at).returncode == 1
        for params in ("[1,", "{}", "1", '[{"$bin": "x"}]'):
            done = heapctl("call", "ping", params, *at)
            assert done.returncode == 64 and done.stderr.startswith("heapctl: call: "), done


def test_usage():
    """bad usage is 64, help and version are 0 and say what there is"""
    assert heapctl().returncode == 64
    assert heapctl("nonsense").returncode == 64
    assert heapctl("ping", "extra").returncode == 64
    assert heapctl("get").returncode == 64
    assert heapctl("--nonsense").returncode == 64
    assert heapctl("ping", "--keep", "x").returncode == 64
    usage = heapctl("--help")
    assert usage.returncode == 0
    for command in ("ping", "stats", "gc", "names", "get", "call", "demo"):
        assert f"\n  {command}" in usage.stdout
        own = heapctl(command, "--help")
        assert own.returncode == 0 and "Examples:" in own.stdout, own
        assert f"  heapctl {command}" in own.stdout
    assert heapctl("--version").stdout.startswith("heapctl ")


def test_sockets():
    """which socket is used, and what is said when nobody is there"""
    with Daemon() as daemon:
        assert heapctl("ping", env={"HEAPD_SOCKET": daemon.path}).returncode == 0
        wrong = {"HEAPD_SOCKET": "/nonexistent"}
        assert heapctl("-s", daemon.path, "ping", env=wrong).returncode == 0
        assert heapctl("ping", env=wrong).returncode == 69
        if not os.path.exists("/run/heapd/heapd.sock"):
            os.symlink(daemon.path, os.path.join(daemon.folder, "heapd.sock"))
            own = {key: value for key, value in os.environ.items() if key != "HEAPD_SOCKET"}
            done = subprocess.run(
                [HEAPCTL, "ping"],
                env={**own, "XDG_RUNTIME_DIR": daemon.folder},
                stdout=subprocess.DEVNULL,
                timeout=PATIENCE_S,
                check=False,
            )
            assert done.returncode == 0, "a daemon of one's own is found"
    done = heapctl("ping", "--socket", "/nonexistent/sock")
    assert done.returncode == 69 and "/nonexistent/sock: No such file" in done.stderr, done
    done = heapctl("ping", "--socket", "x" * 200)
    assert done.returncode == 1 and "name too long" in done.stderr, done


def test_impostor():
    """what answers on the socket and is not heapd is told from it"""
    with Daemon() as daemon:  # for its folder
        path = os.path.join(daemon.folder, "impostor")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)

            def answer():
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    peer.recv(4096)

            thread = threading.Thread(target=answer)
            thread.start()
            done = heapctl("ping", "--socket", path)
            thread.join()
        assert done.returncode == 1 and "not heapd" in done.stderr, done


main(tests_of(globals()))
