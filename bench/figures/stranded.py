"""The last Worker for a job fails too often at its tasks: the others fail, which nobody is left for."""

import time
from collections.abc import Sequence

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.log_lines import LogLines
from bench.mix import Kind, Requests, a_worker
from bench.processes import Child
from bench.results import Row, in_time
from bench.steady import Window, steady
from bench.surroundings import WORKERS, Surroundings

_TYPE = "fluid-simulation"
_FAILURES = 3
_PATIENCE = 300.0


def measure(around: Surroundings) -> Sequence[Row]:
    """Let the only Worker for a job of its own kind fail at three tasks, and wait until the others are decided."""
    stock = around.stock(100_000, 20_000)
    count = around.count(10_000, 2_000)
    doomed = Stock(family="4", count=count, task_type=_TYPE, job_size=count, flat=True)
    with (
        around.server([around.hot(stock), doomed]) as server,
        around.manager(around.home_with(stock, doomed), server.port, "stranded") as manager,
        steady(manager.port, around.directory) as workers,
    ):
        without = workers.alone(around.pick(20, 5))
        log = LogLines(manager.log)
        began = time.perf_counter()
        _fail(manager)
        log.wait_for("no worker is left for them", _TYPE, patience=_PATIENCE)
        during = Window.since(began)
    return [
        Row(
            figure=f"{count:,} tasks fail, whose last Worker went",
            measured=f"{in_time(during.seconds)}, {count / during.seconds:,.0f} tasks/s",
            numbers={"tasks": count, "seconds": during.seconds},
        ),
        workers.row("mass failure", during, without),
    ]


def _fail(manager: Child) -> None:
    requests = Requests(a_worker(WORKERS - 1))
    with OneConnection(manager.port) as connection:
        _asked(connection, requests.sign_on(_TYPE), 204)
        for _ in range(_FAILURES):
            body = _asked(connection, requests.of(Kind.TASK, b""), 200)
            at = body.index(b'"_id"')
            _asked(connection, requests.failure(body[at : at + 64].split(b'"')[3]), 204)


def _asked(connection: OneConnection, request: bytes, expected: int) -> bytes:
    answer, _ = connection.ask(request)
    if answer.status != expected:
        raise Unexpected(f"{answer.status} instead of {expected}: {answer.body[:200]!r}")
    return answer.body
