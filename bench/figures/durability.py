"""
What it costs that an answer is given only when the disk has it.

The Manager has one level of durability, and no setting for less. So the disk is what is varied: one that never flushes,
this machine's, slower ones, and a file system in memory. All Managers run at the same time and are loaded in turn, with
the bare app, which stores nothing, as one of them.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from attrs import evolve, frozen

from bench.figures.mix import CONNECTIONS, Measured, mixed, together
from bench.manager import Home
from bench.processes import Broken, Child
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

SLOW = 8
LEAST = 1000.0
"""Requests a second when a flush takes `SLOW` milliseconds more."""

_SOURCE = Path(__file__).resolve().parent.parent / "slow_fsync.c"
_MEMORY = Path("/dev/shm")  # noqa: S108 a directory of our own is made in it
_BARE = "bare app, nothing stored"


@frozen(kw_only=True)
class Level:
    """A disk, by the name that it has in the table; ``delay`` is in milliseconds more for a flush, below 0 for none."""

    name: str
    delay: int = 0
    in_memory: bool = False


LEVELS = (
    Level(name="store in memory (tmpfs)", in_memory=True),
    Level(name="fsync does nothing", delay=-1),
    Level(name="this disk"),
    Level(name="fsync takes 2 ms more", delay=2),
    Level(name=f"fsync takes {SLOW} ms more", delay=SLOW),
)


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure the mix at each level in turn."""
    rounds, seconds = int(around.pick(2, 1)), around.pick(6, 3)
    stock = around.hot(around.stock(100_000, 20_000))
    library = _library(around.directory)
    levels = [level for level in LEVELS if library is not None or not level.delay]
    found: dict[str, list[Measured]] = {}
    with ExitStack() as running:
        server = running.enter_context(around.server(*[[stock]] * len(levels)))
        asked: dict[str, Child] = {_BARE: running.enter_context(around.bare(server.port, stock))}
        for number, level in enumerate(levels):
            home = around.home_with(stock)
            if level.in_memory:
                home = running.enter_context(_in_memory(home))
            environment = {} if library is None or not level.delay else _preloaded(library, level)
            manager = around.manager(home, server.port + number, f"durability-{number}", environment=environment)
            asked[level.name] = running.enter_context(manager)
            if environment and library is not None and library.name not in _maps(asked[level.name]):
                raise Broken("the library that changes the disk was not loaded")
        for turn in range(rounds):
            for name, child in asked.items():
                found.setdefault(name, []).append(mixed(around, child, turn, seconds))
    return _rows(found)


def _rows(found: Mapping[str, Sequence[Measured]]) -> list[Row]:
    bare = middle([one.round.rate for one in found[_BARE]])
    rows = []
    for name, rounds in found.items():
        rates = [one.round.rate for one in rounds]
        every = together([one.round for one in rounds])
        wrong, rate = every.unexpected(), middle(rates)
        has_target = name == f"fsync takes {SLOW} ms more"
        rows.append(
            Row(
                figure=f"mix, {CONNECTIONS} connections, {name}",
                measured=f"{rate:,.0f} requests/s, {latencies(every.answers)}" + (f"; {wrong}" if wrong else ""),
                target=f"≥ {LEAST:,.0f} requests/s" if has_target else "",
                ratio="" if name == _BARE else f"{rate / bare:.0%} of the bare app",
                met=rate >= LEAST and not wrong if has_target else None,
                at={"level": name},
                numbers={"requests/s": rate, "processor": middle([one.cost for one in rounds])},
                rounds={"requests/s": rates},
                took={"all": latencies(every.answers)},
            )
        )
    return rows


def _library(directory: Path) -> Path | None:
    """Return the library before the C library's, or None where there is no compiler for it."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = directory / "slow_fsync.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return library


def _preloaded(library: Path, level: Level) -> Mapping[str, str]:
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_MS": str(level.delay)}


@contextmanager
def _in_memory(home: Home) -> Iterator[Home]:
    """Move a home's store into memory, as long as it is needed; where there is no such file system, leave it."""
    if not _MEMORY.is_dir():
        yield home
        return
    place = Path(tempfile.mkdtemp(prefix="flamenco-bench-", dir=_MEMORY))
    try:
        shutil.copytree(home.directory / "db", place / "db")
        yield evolve(home, settings={**home.settings, "database_path": str(place / "db")})
    finally:
        shutil.rmtree(place)


def _maps(child: Child) -> str:
    with suppress(OSError):
        return Path(f"/proc/{child.pid}/maps").read_text()
    return ""
