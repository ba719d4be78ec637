"""What people and programs ask for that watch a large farm, while its Workers work."""

import json
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.mix import a_worker
from bench.results import Latencies, Row, in_time, latencies
from bench.steady import WORKERS as AT_WORK
from bench.steady import Window, steady
from bench.surroundings import WORKERS, Surroundings

LATEST = 0.05
METRICS_LATEST = 0.02

_METRICS = "/metrics"
_FAR = 5
"""Pages that are turned before one in the midst of a list is measured."""

_PAUSE = 0.05
"""Seconds between two pages."""


def measure(around: Surroundings) -> Sequence[Row]:
    """Ask for each page in turn, again and again, so that all meet the same Workers; first with no Workers at all."""
    stock = around.stock(1_000_000, 20_000)
    rounds = int(around.pick(100, 20))
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(around.home_with(stock), server.port, "pages") as manager,
        OneConnection(manager.port) as connection,
    ):
        pages = _pages(connection, stock)
        undisturbed = _asked(connection, pages, rounds // 5)
        with steady(manager.port, around.directory) as workers:
            without = workers.alone(around.pick(20, 5))
            began = time.perf_counter()
            took = _asked(connection, pages, rounds)
            during = Window.since(began)
    farm = f"{WORKERS:,} Workers, {stock.count:,} tasks"
    rows = [_row(name, farm, latencies(took[name]), latencies(undisturbed[name])) for name in pages]
    return [*rows, workers.row("pages", during, without)]


def _pages(connection: OneConnection, stock: Stock) -> Mapping[str, str]:
    """Return what is asked for, by name: the pages that look for most, and some in the midst of long lists."""
    job, task = stock.job_id(stock.count // 2), stock.task_id(stock.count // 2)
    return {
        "/as-json": "/as-json",
        "status": "/api/v1/status",
        "jobs": "/api/v1/jobs",
        "jobs, further on": _further(connection, "/api/v1/jobs?limit=100"),
        "one job": f"/api/v1/jobs/{job}",
        "tasks": "/api/v1/tasks",
        "tasks, further on": _further(connection, "/api/v1/tasks?limit=100"),
        "tasks of a job": f"/api/v1/tasks?job={job}",
        "tasks by status": "/api/v1/tasks?status=claimed-by-manager",
        "tasks of a Worker": f"/api/v1/tasks?worker={a_worker(AT_WORK - 1).id}",
        "tasks by name": "/api/v1/tasks?begins=blender-render-5",
        "tasks by all of it": f"/api/v1/tasks?job={job}&status=claimed-by-manager&begins=blender-render-5",
        "one task": f"/api/v1/tasks/{task}",
        "Workers": "/api/v1/workers",
        "events": "/api/v1/events",
        _METRICS: _METRICS,
    }


def _further(connection: OneConnection, path: str) -> str:
    """Return the path of a page in the midst of a list."""
    target = path
    for _ in range(_FAR):
        following = json.loads(_page(connection, target))["next"]
        if following is None:
            break
        target = f"{path}&cursor={quote(following)}"
    return target


def _asked(connection: OneConnection, pages: Mapping[str, str], rounds: int) -> Mapping[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(rounds):
        for name, target in pages.items():
            began = time.perf_counter()
            _page(connection, target)
            took[name].append(time.perf_counter() - began)
            time.sleep(_PAUSE)
    return took


def _page(connection: OneConnection, target: str) -> bytes:
    answer, _ = connection.ask(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    if answer.status != 200:
        raise Unexpected(f"{target}: {answer.status} {answer.body[:200]!r}")
    return answer.body


def _row(name: str, farm: str, took: Latencies, undisturbed: Latencies) -> Row:
    target = METRICS_LATEST if name == _METRICS else LATEST
    return Row(
        figure=f"{name}, {farm}",
        measured=str(took),
        target=f"p99 ≤ {in_time(target)}",
        ratio=f"with no Worker at work: {undisturbed}",
        met=took.p99 <= target,
        at={"page": name},
        took={"at work": took, "alone": undisturbed},
    )
