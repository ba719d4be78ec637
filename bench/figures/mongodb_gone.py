"""How soon Workers are answered again when MongoDB is back, and that they are told nothing wrong before."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bench.farm import Stock
from bench.http_client import Answer, OneConnection, Unexpected
from bench.mix import Kind, Requests, a_worker
from bench.mongodb import on_test_server
from bench.results import Row, in_time
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

LATEST = 1.0

_STOCK = Stock(family="1", count=100)
_KINDS = (Kind.TASK, Kind.PROGRESS, Kind.MAY_I_RUN)
_PAUSE = 0.01
_BEFORE = 2.0
_AFTER = 3.0


@frozen(kw_only=True)
class Told:
    """An answer, and when it came."""

    answer: Answer
    when: float


@define(eq=False, kw_only=True)
class Worker:
    """A Worker with a task, that makes one kind of request again and again."""

    kind: Kind
    connection: OneConnection
    requests: Requests
    told: list[Told] = field(init=False, factory=list)
    task: bytes = b""

    def begin(self) -> None:
        """Get a task."""
        answer, _ = self.connection.ask(self.requests.of(Kind.TASK, b""))
        if answer.status != HTTPStatus.OK:
            raise Unexpected(f"no task: {answer.status}")
        at = answer.body.index(b'"_id"')
        self.task = answer.body[at : at + 64].split(b'"')[3]

    def ask_until(self, over: threading.Event) -> None:
        """Ask until it is over."""
        while not over.wait(_PAUSE):
            answer, _ = self.connection.ask(self.requests.of(self.kind, self.task))
            self.told.append(Told(answer=answer, when=time.monotonic()))

    def is_right(self, answer: Answer) -> bool:
        """Whether this is what a Worker with a task has to be told."""
        if self.kind is Kind.PROGRESS:
            return answer.status == HTTPStatus.NO_CONTENT
        right = self.task if self.kind is Kind.TASK else b'"may_keep_running": true'
        return answer.status == HTTPStatus.OK and right.replace(b" ", b"") in answer.body.replace(b" ", b"")

    def first_right(self, back: float) -> float:
        """Return the seconds from a time to the first right answer."""
        return next((one.when - back for one in self.told if one.when >= back and self.is_right(one.answer)), _AFTER)

    def wrong(self) -> list[str]:
        """Return the answers that are neither right nor an excuse."""
        return [
            f"{self.kind.value}: {one.answer.status} {one.answer.body[:80]!r}"
            for one in self.told
            if not self.is_right(one.answer) and one.answer.status != HTTPStatus.SERVICE_UNAVAILABLE
        ]


def measure(around: Surroundings) -> Sequence[Row]:
    """Kill the server and start it again; then let it stand still, with all its connections."""
    killed = around.directory / "killed.mv"
    return [
        *on_test_server("MongoDB: killed, and back", lambda server: [_killed(around, server, killed)], file=killed),
        *on_test_server("MongoDB: stopped, and back", lambda server: [_stopped(around, server)]),
    ]


def _killed(around: Surroundings, server: "StandIn", file: Path) -> Row:
    seconds = around.pick(20, 6)
    with ExitStack() as again, _asking(around, server) as workers:
        server.kill()
        time.sleep(seconds)
        again.callback(server.start(server.ports[0], file=file).stop)
        back = time.monotonic()
        time.sleep(_AFTER)
    return _row(f"killed, and back after {seconds:.0f} s", workers, back)


def _stopped(around: Surroundings, server: "StandIn") -> Row:
    seconds = around.pick(20, 6)
    with _asking(around, server) as workers:
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(seconds)
        back = time.monotonic()
        os.kill(server.pid, signal.SIGCONT)
        time.sleep(_AFTER)
    return _row(f"stopped (SIGSTOP), and back after {seconds:.0f} s", workers, back)


@contextmanager
def _asking(around: Surroundings, server: "StandIn") -> Iterator[Sequence[Worker]]:
    """Let Workers ask without end while something is done."""
    home = around.home_in(server.url("gone"), _STOCK, workers=len(_KINDS))
    over = threading.Event()
    with (
        around.server([_STOCK]) as flamenco,
        around.manager(home, flamenco.port, "mongodb-gone") as manager,
        ExitStack() as connections,
    ):
        workers = [
            Worker(
                kind=kind,
                connection=connections.enter_context(OneConnection(manager.port)),
                requests=Requests(a_worker(number)),
            )
            for number, kind in enumerate(_KINDS)
        ]
        for worker in workers:
            worker.begin()
        asking = [threading.Thread(target=worker.ask_until, args=(over,)) for worker in workers]
        for one in asking:
            one.start()
        try:
            time.sleep(_BEFORE)
            yield workers
        finally:
            over.set()
            for one in asking:
                one.join()


def _row(how: str, workers: Sequence[Worker], back: float) -> Row:
    first = {worker.kind: worker.first_right(back) for worker in workers}
    wrong = [answer for worker in workers for answer in worker.wrong()]
    excuses = sum(one.answer.status == HTTPStatus.SERVICE_UNAVAILABLE for worker in workers for one in worker.told)
    return Row(
        figure=f"MongoDB: {how}",
        measured=", ".join(f"{kind.value} after {in_time(seconds)}" for kind, seconds in first.items())
        + f"; {excuses} times 503"
        + (f"; wrong: {wrong[0]} and {len(wrong) - 1} more" if wrong else ""),
        target=f"first right answers ≤ {in_time(LATEST)} after it is back",
        numbers={kind.value: seconds for kind, seconds in first.items()},
        met=max(first.values()) <= LATEST and not wrong,
    )
