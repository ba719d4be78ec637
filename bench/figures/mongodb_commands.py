"""
How many commands a request takes on the wire.

Each request is made many times, alone, and what it takes most often counts: what the Manager does besides, about once a
second, falls into few of them. What begins with a completion, for those that wait for the task, is told apart: the
Worker's answer does not wait for it, and it is done for many tasks at once if many are completed.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.mix import Kind, Requests, a_worker
from bench.mongodb import Command, on_test_server
from bench.results import Row
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

_SIZES = (100, 1_000)
_WORKERS = 100
_REST = 0.15

_AT_WORK, _FAILED, _IDLE = a_worker(60), a_worker(0), a_worker(61)
_JOBS_TO_PASS = 2

_FINDS = "/task that finds a task"
_PASSES = "/task past {} better ones that the Worker failed at, of two jobs"
_FINDS_NOTHING = "/task that finds nothing"
_PROGRESS = "progress update"
_COMPLETION = "completion"
_SETTLING = "  for those that wait for the task, in batches"
_MAY_I_RUN = "may-i-run"

_MOST: Mapping[str, int] = {
    _FINDS: 4,
    _PASSES: 4 + _JOBS_TO_PASS,
    _FINDS_NOTHING: 2,
    _PROGRESS: 3,
    _MAY_I_RUN: 1,
    _COMPLETION: 3,
}

Names = tuple[str, ...]


@define(eq=False, kw_only=True)
class Asking:
    """Workers on one connection to a Manager, and how often each request took which commands."""

    server: "StandIn"
    database: str
    connection: OneConnection
    taken: dict[str, Counter[Names]] = field(init=False, factory=lambda: defaultdict(Counter))

    def ask(self, name: str, request: bytes, status: int = 204) -> bytes:
        """Make a request, and return the answer's body."""
        self.server.log(self.database)
        answer, _ = self.connection.ask(request)
        sent = self.server.log(self.database)
        self.taken[name][_names(one for one in sent if not _settles(one))] += 1
        if answer.status != status:
            raise Unexpected(f"{name}: {answer.status} {answer.body[:200]!r}")
        if name == _COMPLETION:
            time.sleep(_REST)
            sent += self.server.log(self.database)
            self.taken[_SETTLING][_names(one for one in sent if _settles(one))] += 1
        return answer.body

    def usual(self, name: str) -> Names:
        """Return the commands that a request took most often."""
        return self.taken[name].most_common(1)[0][0]


def measure(around: Surroundings) -> Sequence[Row]:
    """Count at two sizes."""
    return on_test_server("MongoDB: commands for a request", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    return [row for size in _SIZES for row in _at(around, server, size)]


def _at(around: Surroundings, server: "StandIn", size: int) -> Sequence[Row]:
    usual = Stock(family="1", count=size // 2, flat=True)
    better = [
        Stock(family=family, count=size // 4, job_priority=80, flat=True, failed_by=(_FAILED.id,)) for family in "67"
    ]
    database = f"commands_{size}"
    home = around.home_in(server.url(database), usual, *better, workers=_WORKERS)
    with (
        around.server([usual, *better]) as flamenco,
        around.manager(home, flamenco.port, f"mongodb-commands-{size}") as manager,
        OneConnection(manager.port) as connection,
    ):
        asking = Asking(server=server, database=database, connection=connection)
        connection.ask(Requests(_IDLE).sign_on("a-type-that-no-task-has"))
        connection.ask(Requests(_IDLE).of(Kind.TASK, b""))
        for _ in range(int(around.pick(15, 7))):
            _work(asking)
    return [_row(asking, name, size) for name in (*_MOST, _SETTLING)]


def _work(asking: Asking) -> None:
    worker, failed, idle = Requests(_AT_WORK), Requests(_FAILED), Requests(_IDLE)
    task = _task(asking.ask(_FINDS, worker.of(Kind.TASK, b""), 200))
    asking.ask(_PROGRESS, worker.of(Kind.PROGRESS, task))
    asking.ask(_MAY_I_RUN, worker.of(Kind.MAY_I_RUN, task), 200)
    asking.ask(_COMPLETION, worker.of(Kind.COMPLETION, task))
    task = _task(asking.ask(_PASSES, failed.of(Kind.TASK, b""), 200))
    asking.ask(_COMPLETION, failed.of(Kind.COMPLETION, task))
    asking.ask(_FINDS_NOTHING, idle.of(Kind.TASK, b""))


def _settles(command: Command) -> bool:
    conditions = [command.get("filter", {}), *(one["q"] for one in command.get("updates", ()))]
    return any("mgr.due" in condition for condition in conditions)


def _names(commands: Iterable[Command]) -> Names:
    return tuple(next(iter(command)) for command in commands)


def _task(body: bytes) -> bytes:
    at = body.index(b'"_id"')
    return body[at : at + 64].split(b'"')[3]


def _row(asking: Asking, name: str, size: int) -> Row:
    commands = asking.usual(name)
    most = _MOST.get(name)
    return Row(
        figure=f"MongoDB, {size:,} tasks: {name.format(size // 2)}",
        measured=f"{len(commands)} commands ({', '.join(commands)})",
        target="" if most is None else f"≤ {most}",
        numbers={"commands": len(commands)},
        met=None if most is None else len(commands) <= most,
    )
