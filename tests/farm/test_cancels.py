"""The Server's wishes to cancel tasks."""

import itertools
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from flamenco_mgr.domain.cancelling import GRACE
from flamenco_mgr.farm.cancels import TaskCanceller
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import TASK, WORKER, a_task
from tests.store.contract.case import StoreCase, an_id
from tests.threads import at_once


class CancelTests(StoreCase):
    def make_store(self, clock: Any) -> IStore:
        return SQLiteStore.in_memory(clock)

    def setUp(self) -> None:
        super().setUp()
        self.ids = (an_id(number) for number in itertools.count(0xA00))
        self.canceller = self.a_canceller(self.clock)

    def a_canceller(self, clock: Clock) -> TaskCanceller:
        logs = TaskLogs(directory=Path(self.mktemp()), in_thread=at_once, clock=clock)
        return TaskCanceller(
            changes=TaskChanges(tasks=self.store.tasks, logs=logs),
            updates=self.store.updates,
            lease=self.store.lease,
            clock=clock,
            new_id=lambda: next(self.ids),
        )

    def pass_time(self, seconds: float) -> str:
        """Let time pass, look for what is overdue, and return the task's status."""
        self.clock.advance(seconds)
        self.result_of(self.canceller.confirm_overdue())
        return self.task(TASK).status

    def test_grace(self) -> None:
        """A worker that runs the task has a minute to stop; however often the Server says it, that is one minute."""
        self.add(a_task(status="active", worker_id=WORKER))
        self.result_of(self.canceller.cancel([TASK]))
        self.assertEqual(self.pass_time(GRACE / 2), "cancel-requested")
        self.result_of(self.canceller.cancel([TASK]))
        self.assertEqual(self.pass_time(GRACE / 2 - 1), "cancel-requested")
        self.assertEqual(self.pass_time(1.0), "canceled")

    def test_again(self) -> None:
        """A task that was cancelled, requeued, and is to be cancelled once more, has a whole minute again."""
        self.add(a_task(status="active", worker_id=WORKER))
        self.result_of(self.canceller.cancel([TASK]))
        self.clock.advance(GRACE - 10)
        self.change(TASK, status="active", cancel_requested_at=None)
        self.result_of(self.canceller.cancel([TASK]))
        self.assertEqual(self.pass_time(GRACE - 1), "cancel-requested")
        self.assertEqual(self.pass_time(1.0), "canceled")

    def test_another_clock(self) -> None:
        """What a Manager noted whose clock is days ahead is waited for as long as anything else."""
        self.add(evolve(a_task(status="cancel-requested", worker_id=WORKER), cancel_requested_at=1e6))
        self.assertEqual(self.pass_time(0.0), "cancel-requested")
        self.assertEqual(self.pass_time(GRACE), "canceled")
