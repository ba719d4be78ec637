"""Sleep schedules are obeyed where the lease is, and undo nothing."""

from collections.abc import Awaitable
from typing import Any

from attrs import define, evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.local_time import utc
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.sleeper import Sleeper
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import EventsAsked
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import WORKER, a_worker
from tests.leases import ScriptedLease
from tests.store.contract.case import an_id, pumped

NOON = 12 * 3600.0
SLEEPS = SleepSchedule(active=True, start="09:00", end="18:00")


@define(eq=False)
class OvertakenWorkers:
    """Is overtaken: before each of the first changes somebody else makes one of theirs."""

    workers: Any
    theirs: list[dict[str, Any]]

    async def change(self, before: Worker, after: Worker, event: Event | None = None) -> bool:
        if self.theirs:
            newest = await self.workers.get(before.id)
            assert await self.workers.change(newest, evolve(newest, **self.theirs.pop(0)))
        changed: bool = await self.workers.change(before, after, event)
        return changed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.workers, name)


class SleeperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.store = SQLiteStore.in_memory(self.clock)
        self.lease = ScriptedLease(held=True)
        self.theirs: list[dict[str, Any]] = []
        slices = Slices(lease=self.lease, clock=self.clock)
        self.sleeper = Sleeper(workers=self.overtaken(), slices=slices, clock=self.clock, offset=utc)

    def overtaken(self) -> Any:
        """Return the store's workers, which others change as ``theirs`` says."""
        return OvertakenWorkers(self.store.workers, self.theirs)

    def result_of(self, awaitable: Awaitable[Any]) -> Any:
        result: Deferred[Any] = pumped(self.clock, awaitable)
        return self.successResultOf(result)

    def add(self, *workers: Worker) -> None:
        for worker in workers:
            self.result_of(self.store.workers.add(worker))

    def worker(self, worker_id: str = WORKER) -> Worker:
        worker: Worker = self.result_of(self.store.workers.get(worker_id))
        return worker

    def test_obeyed(self) -> None:
        """Who is due is asked for what the schedule wants; who is not, and who has none, is left as it is."""
        later = evolve(SLEEPS, next_check=NOON + 1)
        resting = evolve(SLEEPS, active=False)
        others = [a_worker(id=an_id(number), sleep_schedule=one) for number, one in enumerate((later, resting))]
        self.add(a_worker(sleep_schedule=SLEEPS), *others)
        self.result_of(self.sleeper.look())
        worker = self.worker()
        self.assertEqual((worker.status_requested, worker.sleep_schedule.next_check), ("asleep", 18 * 3600.0))
        for other in others:
            self.assertEqual(self.worker(other.id), other)

    def test_recorded(self) -> None:
        """What is asked of a worker is in the history; that a schedule was looked at is not."""
        awake = a_worker(sleep_schedule=SLEEPS)
        asleep = a_worker(id=an_id(1), status="asleep", sleep_schedule=SLEEPS)
        self.add(awake, asleep)
        self.result_of(self.sleeper.look())
        page = self.result_of(self.store.history.events(EventsAsked(), None, 10, newest_first=True))
        told = [(recorded.event.worker, recorded.event.text) for recorded in page.items]
        self.assertEqual(told, [(WORKER, "asked to be asleep")])

    def test_many(self) -> None:
        """However many are due, all are asked, in slices."""
        self.add(*(a_worker(id=an_id(number), sleep_schedule=SLEEPS) for number in range(110)))
        self.result_of(self.sleeper.look())
        asked = {worker.status_requested for worker in self.result_of(self.store.workers.all())}
        self.assertEqual(asked, {"asleep"})
        self.assertGreater(self.lease.confirmed, 4)

    def test_changed_meanwhile(self) -> None:
        """What somebody else changes meanwhile is read again and not undone: a schedule, a shutdown, a status."""
        given = SleepSchedule(active=True, days=("mo",), start="06:00", next_check=NOON + 60)
        for theirs, request in (
            ({"sleep_schedule": given}, None),
            ({"sleep_schedule": evolve(SLEEPS, active=False)}, None),
            ({"status_requested": "shutdown"}, "shutdown"),
            ({"status": "asleep"}, None),
            ({"nickname": "other"}, "asleep"),
        ):
            with self.subTest(theirs=theirs):
                self.setUp()
                self.add(a_worker(sleep_schedule=SLEEPS))
                self.theirs.append(theirs)
                self.result_of(self.sleeper.look())
                worker = self.worker()
                self.assertEqual(worker.status_requested, request)
                kept = {name: getattr(worker, name) for name in theirs if name != "sleep_schedule"}
                self.assertEqual(kept, {name: value for name, value in theirs.items() if name != "sleep_schedule"})
                if "sleep_schedule" in theirs:
                    self.assertEqual(worker.sleep_schedule, theirs["sleep_schedule"])

    def test_too_fast(self) -> None:
        """A worker that changes all the time is left for the next look."""
        self.add(a_worker(sleep_schedule=SLEEPS))
        self.theirs += [{"nickname": f"n{number}"} for number in range(8)]
        self.result_of(self.sleeper.look())
        self.assertIsNone(self.worker().status_requested)
        self.result_of(self.sleeper.look())
        self.assertEqual(self.worker().status_requested, "asleep")

    def test_lease_lost(self) -> None:
        """Without the lease nothing is done, and nothing fails."""
        self.add(a_worker(sleep_schedule=SLEEPS))
        self.lease.asleep = True
        self.result_of(self.sleeper.look())
        self.assertEqual(self.worker(), a_worker(sleep_schedule=SLEEPS))
