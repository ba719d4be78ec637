"""
What grows with a farm: memory and disk for each task and each registered Worker, and by each day of work.

A day is not waited for. The Manager does the work of some hours of a farm as fast as it can, and what every finished
task leaves behind is multiplied. What follows from time alone (clean-up, the end of old events) is not in it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from attrs import frozen

from bench.figures.mix import mixed
from bench.manager import Home, Manager
from bench.mix import Kind
from bench.processes import Child
from bench.results import Row, in_mebibytes, slope
from bench.surroundings import WORKERS, Surroundings
from flamenco_mgr.store.sqlite.opening import FILE

FARM_WORKERS = 100
FARM_TASKS_PER_HOUR = 6
"""The farm whose day is told: its Workers, and how many tasks each of them finishes in an hour."""

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_MANY_WORKERS = 4000
_DAY = FARM_WORKERS * FARM_TASKS_PER_HOUR * 24

_LEFT: "tuple[tuple[str, Callable[[State], int]], ...]"


@frozen(kw_only=True)
class State:
    """What there is after so many finished tasks, in bytes; ``bare`` is the memory of the bare app."""

    finished: int
    store: int
    logs: int
    manager_log: int
    memory: int
    bare: int


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure idle Managers of more and more tasks, of more Workers, and then one at work."""
    sizes = [size for size in _SIZES if size <= around.count(_SIZES[-1], 10_000)]
    held = [_idle(around, size, WORKERS) for size in sizes]
    disk, memory = [one[0] for one in held], [one[1] for one in held]
    more, _ = _idle(around, sizes[0], _MANY_WORKERS)
    rows = [
        Row(
            figure=f"{size:,} tasks, {WORKERS:,} registered Workers",
            measured=f"store {in_mebibytes(on_disk)}, memory {in_mebibytes(resident)}",
            at={"what": "tasks"},
            numbers={"tasks": size, "store": on_disk, "memory": resident},
        )
        for size, on_disk, resident in zip(sizes, disk, memory, strict=True)
    ]
    return [
        *rows,
        _each("disk per task", slope(sizes, disk)),
        _each("memory per task", slope(sizes, memory)),
        _each("disk per registered Worker", (more - disk[0]) / (_MANY_WORKERS - WORKERS)),
        *_at_work(around),
    ]


def _idle(around: Surroundings, tasks: int, workers: int) -> tuple[int, int]:
    """Return the bytes of the store, and those of memory of a Manager that has started on it and does nothing."""
    home = around.home_with(around.stock(tasks, tasks), workers=workers)
    with around.server([]) as server, around.manager(home, server.port, f"growth-{tasks}") as manager:
        return _store(home), manager.resident()


def _at_work(around: Surroundings) -> Sequence[Row]:
    rounds, seconds = int(around.pick(5, 3)), around.pick(6, 2)
    stock = around.stock(100_000, 20_000)
    home = around.home_with(stock)
    with (
        around.server([around.hot(stock)]) as server,
        around.bare(server.port, around.hot(stock)) as bare,
        around.manager(home, server.port, "growth") as manager,
    ):
        finished = 0
        states = [_state(manager, bare, finished)]
        for number in range(rounds):
            finished += mixed(around, manager, number, seconds).round.statuses.get(f"{Kind.COMPLETION.value} 204", 0)
            mixed(around, bare, number, seconds)
            manager.settle()
            states.append(_state(manager, bare, finished))
    return [*map(_state_row, states), *_per_day(states)]


def _state(manager: Manager, bare: Child, finished: int) -> State:
    return State(
        finished=finished,
        store=_store(manager.home),
        logs=sum(path.stat().st_size for path in _files(manager.home.directory / "task-logs")),
        manager_log=manager.log.stat().st_size,
        memory=manager.resident(),
        bare=bare.resident(),
    )


def _state_row(state: State) -> Row:
    return Row(
        figure=f"  after {state.finished:,} finished tasks",
        measured=f"memory {in_mebibytes(state.memory)}, store {in_mebibytes(state.store)}",
        ratio=f"bare app {in_mebibytes(state.bare)}",
        at={"what": "finished"},
        numbers={
            "finished": state.finished,
            "store": state.store,
            "logs": state.logs,
            "manager log": state.manager_log,
            "memory": state.memory,
            "bare": state.bare,
        },
    )


def _per_day(states: Sequence[State]) -> Iterator[Row]:
    finished = [state.finished for state in states]
    for name, of in _LEFT:
        each = slope(finished, [of(state) for state in states])
        yield Row(
            figure=f"a day of {FARM_WORKERS} Workers, {_DAY:,} tasks: {name}",
            measured=f"{each * _DAY / 2**20:.1f} MiB",
            ratio=f"{each / 1024:.2f} KiB per finished task",
            at={"what": "day", "of": name},
            numbers={"bytes": each, "bytes a day": each * _DAY},
        )


_LEFT = (
    ("store", lambda state: state.store),
    ("logs of tasks", lambda state: state.logs),
    ("log of the Manager", lambda state: state.manager_log),
    ("memory", lambda state: state.memory),
)


def _each(figure: str, size: float) -> Row:
    return Row(figure=figure, measured=f"{size:,.0f} bytes", at={"what": "each", "of": figure}, numbers={"bytes": size})


def _store(home: Home) -> int:
    """Return the bytes of the pages in use of a store that may be in use."""
    with closing(sqlite3.connect(home.directory / "db" / FILE, timeout=30)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())
