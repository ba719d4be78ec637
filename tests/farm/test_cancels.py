"""The Server's wishes to cancel tasks."""

import itertools
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve

from flamenco_mgr.domain.cancelling import GRACE
from flamenco_mgr.farm.cancels import TaskCanceller
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.store.interfaces import IStore, Standing
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import TASK, WORKER, a_task
from tests.store.contract.case import StoreCase, an_id
from tests.threads import at_once


@define(eq=False)
class Overtaken:
    """Tasks that change right after it was asked how they stand."""

    tasks: Any
    meanwhile: Callable[[], Awaitable[object]]

    async def standing(self, task_ids: Collection[str]) -> Mapping[str, Standing]:
        found: Mapping[str, Standing] = await self.tasks.standing(task_ids)
        await self.meanwhile()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)


class CancelTests(StoreCase):
    def make_store(self, clock: Any) -> IStore:
        return SQLiteStore.in_memory(clock)

    def setUp(self) -> None:
        super().setUp()
        self.ids = (an_id(number) for number in itertools.count(0xA00))
        self.canceller = self.a_canceller(self.store.tasks)

    def a_canceller(self, tasks: Any) -> TaskCanceller:
        logs = TaskLogs(directory=Path(self.mktemp()), in_thread=at_once, clock=self.clock)
        return TaskCanceller(
            changes=TaskChanges(tasks=tasks, logs=logs),
            updates=self.store.updates,
            lease=self.store.lease,
            clock=self.clock,
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

    def test_overtaken(self) -> None:
        """A task that is confirmed just while the Server's wish is looked at, is confirmed once."""
        self.add(a_task(status="cancel-requested", worker_id=WORKER, cancel_requested_at=0.0))
        self.assertEqual(self.pass_time(0.0), "cancel-requested")
        late = self.a_canceller(Overtaken(self.store.tasks, self.canceller.confirm_overdue))
        self.result_of(late.confirm_overdue())
        self.clock.advance(GRACE)
        self.result_of(late.cancel([TASK]))
        self.assertEqual([queued.update.status for queued in self.queue()], ["canceled"])
