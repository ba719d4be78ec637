"""Tasks that nobody is left for are decided a few at a time, by whoever has the lease."""

import itertools
from pathlib import Path

from attrs import define
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.failing import FailureRules
from flamenco_mgr.farm.crews import GOOD_FOR, Crews
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.stranded import StrandedTasks
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import JOB, WORKER, a_task, a_worker
from tests.harness import NOW
from tests.leases import ScriptedLease
from tests.store.contract.case import StoreCase, an_id
from tests.threads import at_once

COUNT = 300


@define(eq=False)
class LostLater(ScriptedLease):
    """Is lost after so many more questions whether it is held, if that is said."""

    last: int | None = None

    async def confirm(self) -> None:
        """Be lost in time."""
        if self.last is not None:
            self.last -= 1
            self.held = self.last > 0
        await super().confirm()


class StrandedSlicesTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        return SQLiteStore.in_memory(clock)

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(NOW)
        self.lease = LostLater(held=True)
        store, rules = self.store, FailureRules()
        logs = TaskLogs(directory=Path(self.mktemp()), in_thread=at_once, clock=self.clock)
        numbers = itertools.count(10_000)
        self.stranded = StrandedTasks(
            changes=TaskChanges(tasks=store.tasks, logs=logs),
            blacklist=store.blacklist,
            crews=Crews(workers=store.workers, blacklist=store.blacklist, rules=rules, clock=self.clock),
            slices=Slices(lease=self.lease, clock=self.clock),
            clock=self.clock,
            new_id=lambda: an_id(next(numbers)),
        )
        self.result_of(store.workers.add(a_worker()))
        line = BlacklistLine(worker_id=WORKER, job=JOB, task_type="blender-render", created=NOW)
        self.result_of(store.blacklist.add(line))
        self.add(*(a_task(id=an_id(number)) for number in range(COUNT)))

    def failed(self) -> int:
        """Return how many tasks have failed."""
        return self.result_of(self.store.tasks.counts()).get("failed", 0)

    def test_lease_lost(self) -> None:
        """Who loses the lease stops; who has it next finishes."""
        self.lease.last = 5
        self.result_of(self.stranded.look())
        self.assertTrue(0 < self.failed() < COUNT, self.failed())
        self.lease.last = None
        self.lease.obtain()
        self.result_of(self.stranded.look())
        self.assertEqual(self.failed(), COUNT)

    def test_a_worker_comes(self) -> None:
        """A worker that registers ends it: what has not failed yet is for that one."""
        self.result_of(self.store.workers.add(a_worker(id=an_id(0xFF))))
        self.result_of(self.stranded.look())
        self.assertEqual(self.failed(), 0)

    def test_store_away(self) -> None:
        """A store that cannot be used is asked again by the next look."""
        self.lease.unavailable = True
        self.result_of(self.stranded.look())
        self.assertEqual(self.failed(), 0)
        self.lease.unavailable = False
        self.clock.advance(GOOD_FOR)
        self.result_of(self.stranded.look())
        self.assertEqual(self.failed(), COUNT)

    def test_old_lines_are_forgotten(self) -> None:
        """Lines that have expired are removed on the way."""
        self.clock.advance(8 * 24 * 3600.0)
        self.result_of(self.stranded.look())
        self.assertEqual((self.result_of(self.store.blacklist.lines(0.0)), self.failed()), ((), 0))
