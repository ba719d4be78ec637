"""How long the duties that one Manager does for all are left undone when that Manager is killed."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from attrs import define, field

from bench.manager import Home, Manager, running_manager
from bench.mongodb import on_test_server
from bench.processes import Broken
from bench.results import Row, in_time, latencies
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

LATEST = 5.0

_FARMS = 4
_PATIENCE = 30.0
_LOOK = 0.02
_REST = 1.0

Term = dict[str, Any]


@define(eq=False, kw_only=True)
class Farm:
    """Managers on one database: ``homes`` are those that are yet to start."""

    server: "StandIn"
    server_port: int
    database: str
    homes: Iterator[Home]
    _running: ExitStack = field(init=False, factory=ExitStack)
    _managers: list[Manager] = field(init=False, factory=list)

    def takeovers(self, rounds: int) -> list[float]:
        """Kill the Manager that has the lease so many times; return the seconds until another one had it."""
        with self._running:
            self._join()
            self._term_when(lambda term: term["holder"] is not None)
            return [self._takeover() for _ in range(rounds)]

    def _takeover(self) -> float:
        self._join()
        time.sleep(_REST)
        before = self._term_when(lambda term: term["holder"] is not None)
        holder = next(one for one in self._managers if before["name"].endswith(f"process {one.pid}"))
        self._managers.remove(holder)
        holder.send(signal.SIGKILL)
        killed = time.monotonic()
        self._term_when(lambda term: term["fence"] > before["fence"])
        return time.monotonic() - killed

    def _join(self) -> None:
        manager = running_manager(next(self.homes), self.server_port)
        self._managers.append(self._running.enter_context(manager))

    def _term_when(self, condition: Callable[[Term], bool]) -> Term:
        """Return the lease's document as soon as it is so."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            question = {"find": "settings", "filter": {"_id": "lease"}}
            found: list[Term] = self.server.command(question, self.database)["cursor"]["firstBatch"]
            if found and condition(found[0]):
                return found[0]
            time.sleep(_LOOK)
        raise Broken(f"nobody takes the lease of {self.database}")


def measure(around: Surroundings) -> Sequence[Row]:
    """Kill Managers of several farms, each time with another one at hand."""
    return on_test_server("MongoDB: takeover of the lease", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    rounds = int(around.pick(5, 1))
    with around.server([]) as flamenco, ThreadPoolExecutor(_FARMS) as at_once:
        farms = [_farm(around, server, flamenco.port, number, rounds) for number in range(_FARMS)]
        times = [seconds for some in at_once.map(lambda farm: farm.takeovers(rounds), farms) for seconds in some]
    found = latencies(times)
    return [
        Row(
            figure=f"MongoDB: takeover of the lease after SIGKILL, {found.count} times",
            measured=f"p50 {in_time(found.p50)}, max {in_time(found.worst)}",
            target=f"≤ {in_time(LATEST)}",
            met=found.worst <= LATEST,
            took={"takeover": found},
        )
    ]


def _farm(around: Surroundings, server: "StandIn", server_port: int, number: int, rounds: int) -> Farm:
    database = f"takeover_{number}"
    logs = str(around.directory / f"logs-of-farm-{number}")
    homes = [around.home_on(server.url(database), task_logs_path=logs) for _ in range(rounds + 1)]
    return Farm(server=server, server_port=server_port, database=database, homes=iter(homes))
