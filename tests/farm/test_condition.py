"""How the farm is, in a few numbers."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.condition import FarmCondition
from flamenco_mgr.farm.disk_space import DiskSpace
from flamenco_mgr.farm.lag import LOOK_EVERY, ReactorLag
from flamenco_mgr.server.no_server import NoServer
from flamenco_mgr.store.interfaces import StoreUnavailable, WorkerCounts
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import a_task
from tests.harness import FarmTestCase
from tests.threads import at_once


@define(eq=False)
class SlowWorkers:
    """Workers that are counted when the test says so."""

    waiting: "list[Deferred[WorkerCounts]]" = field(factory=list)

    def counts(self) -> "Deferred[WorkerCounts]":
        self.waiting.append(Deferred())
        return self.waiting[-1]


@define(eq=False)
class SlowStore:
    """A store whose workers are slow."""

    store: Any
    workers: SlowWorkers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def begun(awaitable: Awaitable[Any]) -> "Deferred[Any]":
    """Begin something."""

    async def awaited() -> Any:
        return await awaitable

    return Deferred.fromCoroutine(awaited())


class ConditionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.workers = SlowWorkers()
        store: Any = SlowStore(SQLiteStore.in_memory(self.clock), self.workers)
        self.condition = FarmCondition(store=store, server=NoServer(), clock=self.clock)

    def test_asked_once(self) -> None:
        """Those who want to know at the same time, or soon after, cost the store one question."""
        first, second = (begun(self.condition.look(5.0)) for _ in range(2))
        (asked,) = self.workers.waiting
        asked.callback(WorkerCounts(by_status={"awake": 1}))
        found = self.successResultOf(first)
        self.assertIs(self.successResultOf(second), found)
        self.assertEqual(found.workers.by_status, {"awake": 1})
        self.clock.advance(4.9)
        self.assertIs(self.successResultOf(begun(self.condition.look(5.0))), found)
        self.assertEqual(len(self.workers.waiting), 1)
        self.clock.advance(0.1)
        _ = begun(self.condition.look(5.0))
        self.assertEqual(len(self.workers.waiting), 2)

    def test_clock_set_back(self) -> None:
        """What was known in the future of a clock that was set back is asked for anew."""
        self.clock.advance(100)
        for now in (100.0, 50.0):
            self.clock.rightNow = now
            looking = begun(self.condition.look(5.0))
            self.workers.waiting[-1].callback(WorkerCounts())
            self.assertEqual(self.successResultOf(looking).at, now)

    def test_away(self) -> None:
        """If the store cannot be asked, what was known last is told, and that it is the last."""
        unknown = begun(self.condition.latest(5.0))
        self.workers.waiting[0].errback(StoreUnavailable("away"))
        self.assertEqual(self.successResultOf(unknown), (None, False))


class LagTests(SynchronousTestCase):
    def test_worst(self) -> None:
        """The longest delay is told for half a minute at the most, and a quarter of one at the least."""
        clock = Clock()
        lag = ReactorLag(clock=clock)

        def look(after: float) -> float:
            clock.advance(after)
            self.successResultOf(begun(lag.look()))
            return lag.worst

        self.assertEqual(look(100.0), 0.0)
        self.assertEqual(look(LOOK_EVERY + 0.5), 0.5)
        self.assertEqual(look(LOOK_EVERY), 0.5)
        told = [look(LOOK_EVERY) for _ in range(150)]
        self.assertEqual((told[55], told[-1]), (0.5, 0.0))


class DiskSpaceTests(SynchronousTestCase):
    def test_rooms(self) -> None:
        """Of a directory that is not made yet it is the disk where it will be; of what is none, nothing is known."""
        here = Path(self.mktemp())
        here.write_text("no directory")
        disks = DiskSpace(
            directories={"logs": Path(self.mktemp()) / "a" / "b", "odd": here / "below a file"}, in_thread=at_once
        )
        self.successResultOf(begun(disks.look()))
        self.assertEqual(list(disks.rooms), ["logs"])
        self.assertGreater(disks.rooms["logs"].size, disks.rooms["logs"].free)


class StoreAwayTests(FarmTestCase):
    def test_ready(self) -> None:
        """While the store cannot be asked the Manager is alive, and not ready, with the reason."""
        self.result_of(self.store.close())
        answer = self.request("GET", "/readyz")
        self.assertEqual((answer.code, answer.json["ready"]), (503, False))
        self.assertIn("closed", answer.json["reason"])
        self.assertEqual(self.request("GET", "/healthz").code, 200)
        self.assertEqual(self.request("GET", "/api/v1/status").code, 503)

    def test_metrics(self) -> None:
        """Metrics are told then as well, with what was known last of the farm."""
        self.add(a_task())
        wanted = b'flamenco_tasks{status="claimed-by-manager"} 1.0'
        self.assertIn(wanted, self.request("GET", "/metrics").body)
        self.result_of(self.store.close())
        self.clock.advance(6)
        body = self.request("GET", "/metrics").body
        self.assertIn(b"flamenco_store_reachable 0.0", body)
        self.assertIn(wanted, body)
