"""
`/task` on one connection, at every size of the store, next to a bare Klein app.

All Managers run at the same time and are asked in turn, so that what else the machine does befalls all of them alike.
"""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import attrs
from attrs import define, field, frozen

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.manager import Home
from bench.mix import Kind, Requests, a_worker
from bench.processes import Child, run
from bench.results import Row, in_time, latencies, middle
from bench.surroundings import Surroundings

ASKING: Final = 1.5
NOT_ASKING: Final = 3.5
FLAT: Final = 1.3

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_SMALLEST = "1,000 tasks"
_LARGEST = "1,000,000 tasks"
_WORKER = a_worker(0)
_HELD = Stock(family="9", count=1, status="paused")
_ON_SERVER = 3000


@frozen(kw_only=True)
class Case:
    """A store that is measured, by the name that it has in the table."""

    name: str
    stocks: tuple[Stock, ...]

    def on_server(self) -> list[Stock]:
        """Return what the Server has of it: the tasks that are given out first are enough."""
        return [attrs.evolve(stock, count=min(stock.count, _ON_SERVER)) for stock in self.stocks if stock.family == "1"]


@define(eq=False, kw_only=True)
class Asked:
    """
    Somebody who gives out tasks: how to ask, and how many seconds the answers took, round by round.

    ``tasks`` is how many there are, 0 if others are among them.
    """

    tasks: int = 0
    connection: OneConnection
    question: bytes
    requests: Requests
    rounds: list[float] = field(factory=list)
    took: list[float] = field(factory=list)

    def round(self, questions: int) -> None:
        """Ask for that many tasks, and complete each; only the question for the task is timed."""
        took = []
        for _ in range(questions):
            answer, seconds = self.connection.ask(self.question)
            if answer.status != 200:
                raise Unexpected(f"no task: {answer.status} {answer.body[:200]!r}")
            at = answer.body.index(b'"_id"')
            task = answer.body[at : at + 64].split(b'"')[3]
            took.append(seconds)
            answer, _ = self.connection.ask(self.requests.of(Kind.COMPLETION, task))
            if answer.status != 204:
                raise Unexpected(f"not completed: {answer.status} {answer.body[:200]!r}")
        self.rounds.append(middle(took))
        self.took += took

    def forget(self) -> None:
        """Begin anew: what comes now is another figure."""
        self.rounds.clear()
        self.took.clear()

    @property
    def p50(self) -> float:
        """The seconds that half of the answers took at most."""
        return middle(self.rounds)


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure with the Server, and then with the breaker open."""
    cases = _cases(around)
    rounds, questions = int(around.pick(6, 3)), int(around.pick(100, 40))
    homes = {case.name: around.home_with(*case.stocks) for case in cases}
    with _all_running(around, cases, homes) as (server, asking, bare, managers):
        for _ in range(rounds):
            for asked in (asking, *managers.values()):
                asked.round(questions)
        notes = {name: _examined(around, home) for name, home in homes.items()}
        with_server = _rows("asking the Server", asking, managers, ASKING, notes)
        server.send(signal.SIGSTOP)
        try:
            for asked in managers.values():
                asked.forget()
                asked.connection.ask(asked.question)
            for _ in range(int(around.pick(3, 2))):
                for asked in (bare, *managers.values()):
                    asked.round(questions)
        finally:
            server.send(signal.SIGCONT)
        return with_server + _rows("breaker open", bare, managers, NOT_ASKING, {})


def _cases(around: Surroundings) -> Sequence[Case]:
    sizes = [size for size in _SIZES if size <= around.count(_SIZES[-1], 10_000)]
    usual = around.stock(100_000, 10_000)
    thousands = around.count(50_000, 2_000)
    blocked = Stock(family="8", count=thousands, job_priority=90, parent=_HELD.task_id(0))
    failed = Stock(family="7", count=thousands // 10, job_priority=80, failed_by=(_WORKER.id,), flat=True)
    return [
        *[Case(name=f"{size:,} tasks", stocks=(attrs.evolve(usual, count=size),)) for size in sizes],
        Case(name=f"+ {blocked.count:,} blocked of higher priority", stocks=(usual, _HELD, blocked)),
        Case(name=f"+ {failed.count:,} that the Worker failed at", stocks=(usual, failed)),
    ]


@contextmanager
def _all_running(
    around: Surroundings, cases: Sequence[Case], homes: Mapping[str, Home]
) -> Iterator[tuple[Child, Asked, Asked, Mapping[str, Asked]]]:
    with ExitStack() as running:
        server = running.enter_context(around.server(*[case.on_server() for case in cases]))
        bare = running.enter_context(around.bare(server.port, cases[0].stocks[0]))
        question = Requests(_WORKER).of(Kind.TASK, b"")

        def asked(port: int, question: bytes, tasks: int = 0) -> Asked:
            connection = running.enter_context(OneConnection(port))
            return Asked(tasks=tasks, connection=connection, question=question, requests=Requests(_WORKER))

        managers = {}
        for number, case in enumerate(cases):
            manager = running.enter_context(around.manager(homes[case.name], server.port + number, f"claims-{number}"))
            tasks = case.stocks[0].count if len(case.stocks) == 1 else 0
            managers[case.name] = asked(manager.port, question, tasks)
        asking = asked(bare.port, question.replace(b"/task ", b"/asking-task "))
        yield server, asking, asked(bare.port, question), managers


def _examined(around: Surroundings, home: Home) -> str:
    """Return what a MongoDB says of the choice of a task; of the embedded store there is nothing to say."""
    if "database_url" not in home.settings:
        return ""
    explained = run("bench.claiming", str(home.settings["database_url"]), _WORKER.id, directory=around.directory)
    if explained["examined"] is None:
        return " (the server has no explain)"
    return " (examined: {} keys, {} documents)".format(*explained["examined"])


def _rows(
    how: str, compared: Asked, managers: Mapping[str, Asked], target: float, notes: Mapping[str, str]
) -> list[Row]:
    rows = [
        Row(
            figure=f"bare app, {how}",
            measured=f"p50 {in_time(compared.p50)}",
            at={"who": "bare app", "how": how},
            numbers={"seconds": compared.p50},
            rounds={"seconds": compared.rounds},
            took={"task": latencies(compared.took)},
        )
    ]
    for name, asked in managers.items():
        ratio = asked.p50 / compared.p50
        rows.append(
            Row(
                figure=f"/task, {name}, {how}",
                measured=f"p50 {in_time(asked.p50)}{notes.get(name, '')}",
                target=f"≤ {target}× bare",
                ratio=f"{ratio:.2f}× of {in_time(compared.p50)}",
                met=ratio <= target,
                at={"who": "Manager", "how": how, "store": name},
                numbers={"seconds": asked.p50, "ratio": ratio} | ({"tasks": asked.tasks} if asked.tasks else {}),
                rounds={"seconds": asked.rounds},
                took={"task": latencies(asked.took)},
            )
        )
    if _LARGEST in managers:
        flat = managers[_LARGEST].p50 / managers[_SMALLEST].p50
        rows.append(
            Row(
                figure=f"  {_LARGEST} next to {_SMALLEST}",
                measured=f"{flat:.2f}×",
                target=f"≤ {FLAT}×",
                met=flat <= FLAT,
            )
        )
    return rows
