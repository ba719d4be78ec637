"""Many seeds, on all cores, for as long as there is time."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Final

from attrs import define, field
from twisted.logger import ILogObserver, LogEvent, globalLogBeginner
from zope.interface import provider

from tests.simulation.coverage import table
from tests.simulation.running import Result, simulate

_TELL_EVERY: Final = 10.0


@provider(ILogObserver)
def _unheard(event: LogEvent) -> None:
    """Tell nobody."""


def be_silent() -> None:
    """Let nobody log anything to the terminal: what is to be known is in the trace."""
    globalLogBeginner.beginLoggingTo([_unheard], redirectStandardIO=False, discardBuffer=True)


def cores() -> int:
    """Return how many cores there are for this process."""
    return len(os.sched_getaffinity(0))


@define(eq=False)
class ManySeeds:
    """Simulates seeds from ``first`` on; ``say`` tells people how it goes."""

    first: int
    processes: int
    say: Callable[[str], None]
    done: int = field(init=False, default=0)
    steps: int = field(init=False, default=0)
    biggest: int = field(init=False, default=0)
    failed: list[Result] = field(init=False, factory=list)
    hits: Counter[tuple[str, str]] = field(init=False, factory=Counter)
    _began: float = field(init=False, factory=time.monotonic)

    def go_on(self, seconds: float | None, count: int | None) -> None:
        """Simulate for so many seconds, or so many seeds; none is begun after that."""
        seeds = self._seeds(seconds, count)
        told = time.monotonic()
        with ProcessPoolExecutor(self.processes, get_context("spawn"), be_silent) as pool:
            under_way: set[Future[Result]] = set()
            for seed in seeds:
                under_way.add(pool.submit(simulate, seed))
                if len(under_way) >= self.processes:
                    under_way = self._collect(under_way)
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    self.say(self._progress())
            while under_way:
                under_way = self._collect(under_way)
        self.say(self._progress())

    def report(self) -> Iterator[str]:
        """Yield what there is to say at the end."""
        yield from table(self.hits)
        for result in sorted(self.failed, key=lambda one: one.seed):
            yield f"seed {result.seed} fails: {result.violations[0]}"
            yield f"    python -m tests.simulation --seed {result.seed} --shrink"

    def _seeds(self, seconds: float | None, count: int | None) -> Iterator[int]:
        seed = self.first
        while (count is None or seed < self.first + count) and (
            seconds is None or time.monotonic() - self._began < seconds
        ):
            yield seed
            seed += 1

    def _collect(self, under_way: "set[Future[Result]]") -> "set[Future[Result]]":
        ready, rest = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ready:
            result = future.result()
            self.done += 1
            self.steps += result.steps
            self.biggest = max(self.biggest, result.workers)
            self.hits.update(result.hits)
            if result.violations:
                self.failed.append(result)
                self.say(f"seed {result.seed}: {result.violations[0]}")
        return rest

    def _progress(self) -> str:
        return (
            f"{self.done} seeds, {self.steps / 3600:.1f} hours of farms of up to {self.biggest} Workers, "
            f"{len(self.failed)} failed"
        )
