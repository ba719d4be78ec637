"""Workers that work on at an even pace while something else happens, and what they feel of it."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from attrs import define, field, frozen

from bench.load import Plan, Round
from bench.processes import result, start
from bench.results import Latencies, Row, in_time, latencies

WORKERS = 8
PACE = 0.04
"""Seconds between two requests of each Worker: about two hundred a second altogether, as of a farm of four hundred."""

P99 = 0.05
"""Seconds in which nearly every request of a Worker has to be answered, whatever else the Manager does."""


@frozen(kw_only=True)
class Window:
    """A time in which something was done, in seconds of the machine's steady clock."""

    begin: float
    end: float

    @classmethod
    def since(cls, begin: float) -> "Window":
        """Return the window from an instant until now."""
        return cls(begin=begin, end=time.perf_counter())

    @property
    def seconds(self) -> float:
        """How long that was."""
        return self.end - self.begin


@define(eq=False)
class Steady:
    """Workers at work, and afterwards what came of it."""

    round: Round = field(factory=Round)

    def alone(self, seconds: float) -> Window:
        """Let them work for so many seconds while nothing else is done."""
        begin = time.perf_counter()
        time.sleep(seconds)
        return Window.since(begin)

    def felt(self, window: Window) -> Latencies:
        """Summarize how long every request took that was on its way within a window, when they have ended."""
        return latencies(
            [
                took
                for kind, sent in self.round.sent.items()
                for at, took in zip(sent, self.round.took[kind], strict=True)
                if at <= window.end and at + took >= window.begin
            ]
        )

    def row(self, figure: str, during: Window, without: Window, *, worst: float | None = None) -> Row:
        """Return what they felt of something, next to what they felt without it; ``worst`` is a target as well."""
        felt, usual, wrong = self.felt(during), self.felt(without), self.round.unexpected()
        in_vain = f"; {wrong}" if wrong else ""
        return Row(
            figure=f"  Workers meanwhile, {figure}",
            measured=f"{felt}, of {felt.count:,} requests{in_vain}",
            target=f"p99 < {in_time(P99)}" if worst is None else f"none waits more than {in_time(worst)}",
            ratio=f"without: {usual}",
            met=bool(felt.count) and (felt.p99 < P99 if worst is None else felt.worst <= worst) and not wrong,
            took={"meanwhile": felt, "without": usual},
        )


@contextmanager
def steady(port: int, directory: Path, seed: int = 1) -> Iterator[Steady]:
    """Let Workers work for a Manager until the end of the block."""
    plan = Plan(port=port, workers=WORKERS, seconds=float("inf"), pace=PACE, seed=seed)
    found = Steady()
    child = start(
        "bench.load", [sys.executable, "-m", "bench.load", json.dumps(attrs.asdict(plan))], directory=directory
    )
    try:
        time.sleep(2 * plan.warm_up)
        yield found
    except BaseException:
        child.stop()
        raise
    found.round = Round(**result(child, directory))
