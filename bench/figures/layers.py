"""
What each layer costs for a request, in processor time: of the bare app, and of the Manager on either store.

All run at the same time and are loaded in turn, each once as it is and once while samples are taken of it. The samples
say how the time is shared, the rounds without say how much it is.
"""

import json
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from bench.figures.mix import WARM_UP, mixed
from bench.layers import LAYERS
from bench.load import Plan
from bench.mongodb import on_test_server
from bench.processes import Broken, Child
from bench.results import Row, middle
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

BARE = "bare app"
EMBEDDED = "Manager, SQLite"
MONGODB = "Manager, MongoDB"

_TASKS_ON_MONGODB = 1000
_WORKERS = 100
_PATIENCE = 10.0


@define(eq=False, kw_only=True)
class Subject:
    """Who is loaded: ``samples`` is the file for its samples. Processor seconds for a request, with sampling or not."""

    child: Child
    samples: Path
    plain: list[float] = field(init=False, factory=list)
    sampled: list[float] = field(init=False, factory=list)
    counts: Counter[str] = field(init=False, factory=Counter)

    def round(self, around: Surroundings, number: int, seconds: float) -> None:
        """Load it for one round as it is, and for another one while samples are taken."""
        self.plain.append(mixed(around, self.child, 2 * number, seconds).cost)
        self.child.send(signal.SIGUSR2)
        self.sampled.append(mixed(around, self.child, 2 * number + 1, seconds).cost)
        self.samples.unlink(missing_ok=True)
        self.child.send(signal.SIGUSR2)
        self.counts.update(self._read())

    def _read(self) -> Mapping[str, int]:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if self.samples.exists():
                found: Mapping[str, int] = json.loads(self.samples.read_text())
                return found
            time.sleep(0.01)
        raise Broken(f"{self.child.name} does not tell its samples")


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure with both stores where there is a MongoDB for tests, else with the embedded one."""
    found: list[Row] = []

    def with_mongodb(server: "StandIn") -> Sequence[Row]:
        found.extend(_measured(around, server))
        return []

    missing = on_test_server(MONGODB, with_mongodb)
    return [*(found or _measured(around, None)), *missing]


def _measured(around: Surroundings, server: "StandIn | None") -> Sequence[Row]:
    rounds, seconds = int(around.pick(2, 1)), around.pick(4, 2)
    stock = around.stock(100_000, 20_000)
    few = evolve(stock, count=_TASKS_ON_MONGODB)
    with ExitStack() as running:
        flamenco = running.enter_context(around.server([around.hot(stock)], [few]))
        samples = {
            name: around.directory / f"samples-{number}" for number, name in enumerate((BARE, EMBEDDED, MONGODB))
        }
        bare = around.bare(flamenco.port, around.hot(stock), samples[BARE])
        subjects = {BARE: Subject(child=running.enter_context(bare), samples=samples[BARE])}
        homes = {EMBEDDED: around.home_with(stock)}
        if server is not None:
            homes[MONGODB] = around.home_in(server.url("layers"), few, workers=_WORKERS)
        for number, (name, home) in enumerate(homes.items()):
            manager = around.manager(home, flamenco.port + number, f"layers-{number}", samples=samples[name])
            subjects[name] = Subject(child=running.enter_context(manager), samples=samples[name])
        _log_in(around, subjects)
        for number in range(rounds):
            for subject in subjects.values():
                subject.round(around, number, seconds)
    return [row for name, subject in subjects.items() for row in _rows(name, subject)]


def _log_in(around: Surroundings, subjects: Mapping[str, Subject]) -> None:
    for subject in subjects.values():
        around.load(Plan(port=subject.child.port, workers=32, seconds=0.5, warm_up=WARM_UP, pace=1, seed=99))


def _rows(name: str, subject: Subject) -> Sequence[Row]:
    cost, count = middle(subject.plain), sum(subject.counts.values())
    with_sampling = middle(subject.sampled)
    return [
        Row(
            figure=f"{name}: processor time for a request of the mix",
            measured=f"{cost * 1e6:.0f} µs",
            ratio=f"{with_sampling * 1e6:.0f} µs while {count:,} samples were taken",
            at={"who": name},
            numbers={"seconds": cost, "samples": count},
            rounds={"seconds": subject.plain, "seconds, sampled": subject.sampled},
        ),
        *[
            Row(
                figure=f"  of it {layer}",
                measured=f"{cost * subject.counts[layer] / count * 1e6:.0f} µs",
                at={"who": name, "layer": layer},
                numbers={"seconds": cost * subject.counts[layer] / count},
            )
            for layer in LAYERS
            if subject.counts[layer]
        ],
    ]
