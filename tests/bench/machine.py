# SPDX-License-Identifier: MIT
"""What a benchmark says about the machine it ran on, and how disturbed it was there."""

import datetime
import os
import subprocess

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def describe():
    """One line: date, cores, processor, kernel, load, version."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        models = [line.split(": ")[1].strip() for line in file if line.startswith("model name")]
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    version = subprocess.run(
        ["git", "-C", top, "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"{datetime.date.today()}, {len(models)} cores of {models[0]}, Linux {os.uname().release}, "
        f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}, heapd at {version}"
    )


class Disturbance:
    """What others took of the cores while something ran: their CPU time and what was stolen."""

    def __init__(self, *pids):
        self.pids = pids
        self.before = self.now()

    def now(self):
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(tick) for tick in file.readline().split()[1:]]
        return sum(ticks[:3]) + sum(ticks[5:7]), ticks[7], sum(map(ticks_of, self.pids)), sum(ticks)

    def shares(self, extra_s=0):
        """(others, stolen) as shares of all cores; `extra_s`: ours beside the pids."""
        busy, stolen, ours, all_ = (now - then for now, then in zip(self.now(), self.before))
        others = busy - ours - extra_s / TICK_S
        return max(0.0, others / all_), stolen / all_


def ticks_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(int(ticks) for ticks in file.read().rsplit(")", 1)[1].split()[11:13])


if __name__ == "__main__":
    print(describe())
