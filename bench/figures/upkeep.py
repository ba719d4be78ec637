"""What a Manager finds minutes after its start: a thousand Workers that are gone, tasks that ended long ago."""

import time
from collections.abc import Sequence

from attrs import evolve

from bench.farm import Stock
from bench.log_lines import LogLines
from bench.processes import Broken
from bench.results import Row, in_time
from bench.steady import WORKERS as AT_WORK
from bench.steady import Window, steady
from bench.surroundings import Surroundings
from flamenco_mgr.domain.timeouts import GRACE
from flamenco_mgr.farm.cleanup import CLEANUP_FIRST

_BEFORE = 10.0
"""Seconds before something is to happen from which on it is waited for."""

_LOOK = 0.5
"""Seconds that count to a check before the first that it finds is told: it looks at everybody first."""

_PATIENCE = 300.0


def measure(around: Surroundings) -> Sequence[Row]:
    """
    Wait for the first check after the five minutes of grace, and then for the first clean-up.

    Workers at work come shortly before the check, and work on until the clean-up is done.
    """
    stock = around.stock(100_000, 20_000)
    silent = Stock(family="6", count=around.count(1_000, 200), status="active", first_holder=AT_WORK, flat=True)
    over = Stock(family="2", count=around.count(100_000, 10_000), status="completed")
    filled = around.home_with(stock, silent, over, workers=AT_WORK + silent.count)
    home = evolve(filled, settings={**filled.settings, "active_worker_timeout_interval": "1m"})
    with (
        around.server([around.hot(stock), silent]) as server,
        around.manager(home, server.port, "upkeep") as manager,
    ):
        log, alone = LogLines(manager.log), around.pick(20, 5)
        _sleep_until(manager.served_at + GRACE - _BEFORE - alone)
        with steady(manager.port, around.directory) as workers:
            without = workers.alone(alone)
            first, last = log.wait_for("the worker timed out", count=silent.count, patience=_PATIENCE)
            timed_out = Window(begin=first - _LOOK, end=last)
            began = _sleep_until(manager.served_at + CLEANUP_FIRST)
            log.wait_for("finished tasks of job", patience=_PATIENCE)
            cleaned = Window.since(began)
    return [
        _row(f"{silent.count:,} Workers time out with their tasks", silent.count, timed_out),
        workers.row("timeouts", timed_out, without),
        _row(f"{over.count:,} tasks are cleaned up", over.count, cleaned),
        workers.row("clean-up", cleaned, without),
    ]


def _sleep_until(instant: float) -> float:
    """Sleep until an instant of the steady clock, and return when that is over."""
    if instant < time.perf_counter():
        raise Broken("the Manager took too long to come to rest: what is to be measured may have begun")
    time.sleep(instant - time.perf_counter())
    return time.perf_counter()


def _row(figure: str, count: int, window: Window) -> Row:
    return Row(
        figure=figure,
        measured=f"{in_time(window.seconds)}, {count / window.seconds:,.0f}/s",
        numbers={"count": count, "seconds": window.seconds},
    )
