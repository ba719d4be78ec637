"""What people and programs that watch a large farm ask for, while its Workers work."""

import time
from collections.abc import Mapping, Sequence

from bench.farm import Stock
from bench.http_client import OneConnection, Unexpected
from bench.mix import a_worker
from bench.results import Latencies, Row, in_time, latencies
from bench.steady import Steady, steady
from bench.surroundings import WORKERS, Surroundings

LATEST = 0.05
METRICS_LATEST = 0.02

_METRICS = "/metrics"
_PAUSE = 0.1
"""Seconds between two pages."""


def measure(around: Surroundings) -> Sequence[Row]:
    """Ask for each page again and again, one after the other in turn, so that all meet the same Workers."""
    stock = around.stock(1_000_000, 20_000)
    pages = _pages(stock)
    took: dict[str, list[float]] = {name: [] for name in pages}
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(around.home_with(stock), server.port, "pages") as manager,
        steady(manager.port, around.directory) as workers,
        OneConnection(manager.port) as connection,
    ):
        without = workers.alone(around.pick(20, 5))
        began = time.perf_counter()
        for _ in range(int(around.pick(100, 20))):
            for name, target in pages.items():
                took[name].append(_asked(connection, target))
                time.sleep(_PAUSE)
        during = evolve_window(without, began)
    return []


def _pages(stock: Stock) -> Mapping[str, str]:
    job = stock.job_id(stock.count // 2)
    return {
        "/as-json": "/as-json",
        "jobs": "/api/v1/jobs",
        "tasks": "/api/v1/tasks",
    }
