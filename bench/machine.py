"""What the figures were measured on."""

import os
import platform
import sqlite3
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median

_PACKAGES = ("Twisted", "klein", "treq", "txmongo")
_FLUSHES = 100

_LOOK = 3.0
_IDLE, _WAITING = 3, 4
"""Where the kernel's line of processor times has these two."""


def idle() -> float:
    """Return which share of its processors' time the machine leaves unused; takes three seconds."""
    before = _processor_times()
    time.sleep(_LOOK)
    spent = [after - begin for begin, after in zip(before, _processor_times(), strict=True)]
    return (spent[_IDLE] + spent[_WAITING]) / sum(spent)


def about(command: str, seconds: float, idle_before: float, directory: Path) -> str:
    """Return, in Markdown, machine, versions, date and command of a run that took so many seconds."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    now = datetime.now(timezone.utc)
    return (
        f"- {now:%Y-%m-%d %H:%M} UTC, `{command}`, {seconds / 60:.1f} minutes\n"
        f"- {_processor()}, {os.cpu_count()} cores, {idle_before:.0%} idle before the run, "
        f"{platform.system()} {platform.release()}; "
        f"fdatasync of a page: {fdatasync_time(directory) * 1e3:.2f} ms (median)\n"
        f"- Python {platform.python_version()}, {packages}, SQLite {sqlite3.sqlite_version}\n"
    )


def fdatasync_time(directory: Path) -> float:
    """Return the seconds in which the disk under a directory takes a page, median of a hundred."""
    path = directory / "flush"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_FLUSHES):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return median(times)


def _processor_times() -> list[int]:
    return [int(ticks) for ticks in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
