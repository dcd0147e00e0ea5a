#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""heapctl bench: loads of each sort end and add up; a stall is charged in full."""

import json
import os
import signal
import subprocess
import time

from harness import PATIENCE_S, Daemon, main, tests_of, until

HEAPCTL = os.environ["HEAPD_HEAPCTL"]


def started(daemon, *arguments):
    return subprocess.Popen(
        [HEAPCTL, "bench", "--socket", daemon.path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, status=0):
    output, errors = process.communicate(timeout=PATIENCE_S + 30)
    assert process.returncode == status, (process.returncode, output, errors)
    return json.loads(output) if output else errors


def names(client):
    return client.call("name.list", "heapctl-bench/")["names"]


def test_loads():
    """closed and open loop: all is answered, nothing refused, and no name is left"""
    loads = [
        ("--connections", "3", "--keys", "10"),
        ("--connections", "2", "--pipeline", "1024", "--mix", "1:0", "--bytes", "0"),
        ("--connections", "7", "--pipeline", "3", "--rate", "3001", "--mix", "0:1"),
        ("--connections", "1", "--rate", "1", "--keys", "1", "--bytes", "4096"),
    ]
    with Daemon() as daemon, daemon.client() as client:
        for load in loads:
            result = ended(started(daemon, "--seconds", "1", *load))
            assert result["refused"] == result["unanswered"] == 0, result
            assert result["answered"] > 0 and result["answered"] % result["pipeline"] == 0
            latency = list(result["latency_us"].values())
            assert latency == sorted(latency) and latency[0] > 0, result
            assert names(client) == []
        # All that were due, the one at once included, rounded up to whole batches.
        assert result["answered"] == 2, result


def test_stall():
    """open loop: while the daemon stands still, requests become due and late all the same"""
    with Daemon() as daemon, daemon.client() as client:
        load = started(daemon, "--rate", "1000", "--seconds", "2", "--connections", "2")
        until(lambda: client.call("heap.stats")["sessions"]["sessions"] >= 3)
        time.sleep(0.3)
        os.kill(daemon.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(daemon.pid, signal.SIGCONT)
        result = ended(load)
        assert result["answered"] in (2000, 2001) and result["unanswered"] == 0, result
        # 1000 of 2000 were due in the stall, and waited for half of it on average.
        assert result["latency_us"]["max"] > 900e3, result
        assert result["latency_us"]["p90"] > 500e3, result


def test_interrupted():
    """interrupted it says what it saw so far, and takes its names away"""
    with Daemon() as daemon, daemon.client() as client:
        load = started(daemon, "--rate", "1000", "--seconds", "3600", "--connections", "2")
        until(lambda: client.call("heap.stats")["sessions"]["sessions"] >= 3)
        time.sleep(0.3)
        assert names(client)
        load.send_signal(signal.SIGINT)
        result = ended(load)
        assert 0 < result["answered"] < 3600000 and result["seconds"] < 600, result
        assert names(client) == []


def test_refused():
    """what the daemon refuses is counted, and shows in the exit status"""
    with Daemon() as daemon, daemon.client() as client:
        load = started(daemon, "--rate", "1000", "--seconds", "2", "--keys", "1")
        until(lambda: len(names(client)) > 0)
        client.call("name.del", names(client)[0][0])
        result = ended(load, status=1)
        assert result["refused"] > 0 and result["refusal"] == "NO_NAME", result


def test_daemon_lost():
    """the daemon's end is the load's end"""
    daemon = Daemon()
    with daemon.client() as client:
        load = started(daemon, "--seconds", "3600")
        until(lambda: client.call("heap.stats")["sessions"]["sessions"] >= 3)
    daemon.stop()
    assert "heapctl: bench: " in ended(load, status=69)


def test_options():
    """numbers out of range and proportions that are none are usage errors"""
    with Daemon() as daemon:
        for wrong in (
            ("--rate", "10000001"),
            ("--rate", "-1"),
            ("--connections", "0"),
            ("--connections", "1025"),
            ("--seconds", "1s"),
            ("--pipeline", "1025"),
            ("--keys", "0"),
            ("--bytes", "4097"),
            ("--mix", "0:0"),
            ("--mix", "1"),
            ("--mix", "1:1:1"),
        ):
            assert "heapctl bench: " in ended(started(daemon, *wrong), status=64), wrong


main(tests_of(globals()))
