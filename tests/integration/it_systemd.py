#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The units under a real systemd: it boots as PID 1 of a throw-away container over this machine's
/usr, in which this same file is run as a service and looks at heapd.service from beside it."""

import grp
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request

from harness import PROGRAM, SANITIZED, Client, main, tests_of, until

SOCKET = "/run/heapd/heapd.sock"
BOOT_DEADLINE_S = 90

PROBE_UNIT = """
[Unit]
DefaultDependencies=no
Wants=heapd.socket heapd-stats.socket heapd-console.socket systemd-sysusers.service
After=heapd.socket heapd-stats.socket heapd-console.socket systemd-sysusers.service
[Service]
Type=oneshot
Environment=PYTHONDONTWRITEBYTECODE=1
StandardOutput=file:/out/tap
ExecStart=/usr/bin/python3 /opt/tests/it_systemd.py inside
ExecStopPost=systemctl exit
"""


def show(name):
    command = ["systemctl", "show", "heapd.service", "--value", "-p", name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_activation():
    """the first client starts the service, which says that it is ready"""
    assert show("ActiveState") == "inactive"
    with Client(SOCKET) as client:
        client.call("obj.new", "record", [1], {"name": "n"})
        assert client.call("obj.get", "n", [0]) == [1]
    assert show("ActiveState") == "active"
    assert show("StatusText")


def test_user():
    """the daemon is the user heapd, and its socket belongs to the group"""
    pid = show("MainPID")
    assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("heapd").pw_uid
    mode = os.stat(SOCKET)
    assert stat.S_IMODE(mode.st_mode) == 0o660
    assert mode.st_gid == grp.getgrnam("heapd").gr_gid


def test_stats():
    """metrics are served on the loopback address of the socket unit"""
    with urllib.request.urlopen("http://127.0.0.1:9740/metrics", timeout=10) as answer:
        assert b"\nheapd_" in answer.read()


def test_console():
    """the console answers"""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect("/run/heapd/console.sock")
        peer.sendall(b"names\nquit\n")
        assert b"n" in b"".join(iter(lambda: peer.recv(4096), b""))


def test_collection():
    """the collector works in the sandbox"""
    with Client(SOCKET) as client:
        assert client.call("heap.gc", {"wait": True}) >= 1


def test_crash():
    """a killed daemon is started again"""
    with Client(SOCKET) as client:
        os.kill(int(show("MainPID")), signal.SIGKILL)
        assert client.receive() is None
    with Client(SOCKET) as client:
        client.call("ping")
    assert until(lambda: show("NRestarts") == "1" or show("ActiveState") == "active")


def test_stop():
    """it stops well when told to"""
    subprocess.run(["systemctl", "stop", "heapd.service"], check=True)
    assert show("Result") == "success", show("Result")
    assert show("ExecMainStatus") == "0"


def boot(folder):
    """Boots systemd with our units until the probe has ended; the container's own last words."""
    here = os.path.dirname(os.path.abspath(__file__))
    units = os.path.join(os.environ["HEAPD_SOURCE"], "packaging", "systemd")
    for name in ("units", "opt", "out"):
        os.mkdir(f"{folder}/{name}")
    shutil.copy(PROGRAM, f"{folder}/opt/heapd")
    shutil.copytree(here, f"{folder}/opt/tests")
    for name in os.listdir(units):
        with open(f"{units}/{name}", encoding="utf-8") as source:
            with open(f"{folder}/units/{name.removesuffix('.in')}", "w", encoding="utf-8") as file:
                file.write(source.read().replace("@sbindir@", "/opt"))
    with open(f"{folder}/units/probe.service", "w", encoding="utf-8") as file:
        file.write(PROBE_UNIT)
    places = {f"{folder}/opt": "/opt"}
    for name in os.listdir(f"{folder}/units"):
        place = "/etc/sysusers.d/heapd.conf" if name.endswith(".sysusers") else ""
        places[f"{folder}/units/{name}"] = place or f"/etc/systemd/system/{name}"
    done = subprocess.run(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory=/"),
            *("--volatile=yes", "--private-network", "--console=pipe", "--machine=heapd-it"),
            *(f"--bind-ro={source}:{place}" for source, place in places.items()),
            *(f"--bind={folder}/out:/out", "--boot", "systemd.unit=probe.service"),
            *("systemd.log_target=console", "systemd.firstboot=no"),
        ],
        env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=BOOT_DEADLINE_S,
        check=False,
    )
    return done.stdout


def outside():
    reason = None
    if SANITIZED:
        reason = "the unit's sandbox is none that a sanitizer can work in"
    elif os.geteuid() != 0 or not shutil.which("systemd-nspawn"):
        reason = "needs root and systemd-nspawn"
    if not reason:
        with tempfile.TemporaryDirectory(prefix="heapd-systemd-") as folder:
            log = boot(folder)
            if os.path.exists(f"{folder}/out/tap"):
                with open(f"{folder}/out/tap", encoding="utf-8") as file:
                    tap = file.read()
                print(tap, end="")
                if "\nnot ok" in tap:
                    print("".join(f"# {line}\n" for line in log.splitlines()[-40:]), end="")
                return
            reason = f"no container here: {log.strip().splitlines()[-1:]}"
    print(f"1..1\nok 1 - the units under systemd # SKIP {reason}")


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        sys.argv[1:] = []
        main(tests_of(globals()))
    outside()
