"""A big job arrives while Workers work."""

import json
import threading
import time
from collections.abc import Sequence

import attrs

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.load import Plan, Round
from bench.mix import Kind, Requests, a_worker
from bench.processes import Child
from bench.results import Row, in_time, latencies
from bench.surroundings import WORKERS, Surroundings

FASTEST = 5.0
LATEST = 0.25

_CONNECTIONS = 32
_PACE = 0.1
_TYPE = "made-for-the-last-task"
_PATIENCE = 60.0


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure answers without and with the download, and the time until its last task can be given out."""
    stock = around.stock(100_000, 20_000)
    job = Stock(family="5", count=around.count(10_000, 2_000), last_type=_TYPE, job_priority=40)
    job = attrs.evolve(job, since=int(time.time()) - job.count)
    seconds = around.pick(15, 8)
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(around.home_with(stock), server.port, "depsgraph") as manager,
    ):
        usual = around.load(_plan(manager, seconds, 1))
        rounds: list[Round] = []
        loading = threading.Thread(target=lambda: rounds.append(around.load(_plan(manager, seconds, 2))))
        loading.start()
        time.sleep(3)
        took = _taken_in(server, manager, job)
        loading.join()
    return _rows(job, took, usual, rounds[0])


def _plan(manager: Child, seconds: float, seed: int) -> Plan:
    return Plan(port=manager.port, workers=_CONNECTIONS, seconds=seconds, pace=_PACE, seed=seed)


def _taken_in(server: Child, manager: Child, job: Stock) -> float:
    """Return the seconds from an idle Worker's question, as a new job is on the Server, to its last task's start."""
    requests = Requests(a_worker(WORKERS - 1))
    with OneConnection(manager.port) as idle:
        idle.ask(requests.sign_on(_TYPE))
        server.ask("add " + json.dumps(attrs.asdict(job)))
        began = time.perf_counter()
        while time.perf_counter() - began < _PATIENCE:
            answer, _ = idle.ask(requests.of(Kind.TASK, b""))
            if answer.status == 200:
                return time.perf_counter() - began
            time.sleep(0.02)
    raise Unexpected("the last task of the new job never came")


def _rows(job: Stock, took: float, usual: Round, during: Round) -> Sequence[Row]:
    before, answers = latencies(usual.answers), latencies(during.answers)
    wrong = during.unexpected()
    return [
        Row(
            figure=f"depsgraph of {job.count:,} tasks, {_CONNECTIONS} Workers at {during.rate:,.0f} requests/s",
            measured=f"taken in after {in_time(took)}",
            target=f"≤ {in_time(FASTEST)}",
            met=took <= FASTEST,
            numbers={"tasks": job.count, "seconds": took},
        ),
        Row(
            figure="  answers meanwhile",
            measured=f"{answers}" + (f"; {wrong}" if wrong else ""),
            target=f"none later than {in_time(LATEST)} because of it",
            ratio=f"without it: {before}",
            met=answers.worst <= LATEST and not wrong,
            took={"meanwhile": answers, "without": before},
        ),
    ]
