"""What the figures were measured on."""

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.records import Machine

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


def machine(directory: Path) -> Machine:
    """Look at the machine, and at the disk that a directory is on."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        fdatasync=fdatasync_time(directory),
    )


def versions() -> Mapping[str, str]:
    """Return the versions of what the figures depend on, by name."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"Python": platform.python_version(), **packages, "SQLite": sqlite3.sqlite_version}


def commit() -> str:
    """Return the name of the state of the source, with a plus if something was changed since; empty if unknown."""
    name = _git("rev-parse", "--short", "HEAD")
    return name + "+" if name and _git("status", "--porcelain", "--untracked-files=no") else name


def niceness() -> int:
    """Return the niceness of this process, which the others inherit."""
    return os.getpriority(os.PRIO_PROCESS, 0)


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


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    try:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
