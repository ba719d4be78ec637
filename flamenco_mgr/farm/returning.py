"""Tasks come back from workers unfinished."""

from collections.abc import Callable
from typing import ClassVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.assigning import returned
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.task_changes import TaskChanges


@frozen(eq=False, kw_only=True)
class TaskReturner:
    """Takes tasks back from their workers, so that others may have them (task-lifecycle.md 6)."""

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    clock: IReactorTime
    new_id: Callable[[], str]

    async def give_back(
        self, worker: Worker, task_id: str, reason: str = "returned by worker", revision: int | None = None
    ) -> None:
        """
        Take a task back; nothing happens if the worker does not have it, or it is unknown.

        With a ``revision``, nothing happens either if the task has changed since then.
        """
        update_id = self.new_id()

        def decide(task: Task) -> Transition | None:
            if revision is not None and task.revision != revision:
                return None
            return returned(task, worker, reason, now=self.clock.seconds(), update_id=update_id)

        transition = await self.changes.decide(task_id, decide)
        if transition is not None:
            self._log.info(
                "Task {task} came back from worker {worker}: {reason}",
                task=task_id,
                worker=worker.identifier,
                reason=reason,
            )

    async def give_back_all(self, worker: Worker, reason: str) -> None:
        """Take back every task that a worker is on."""
        for task in await self.changes.tasks.held_by(worker.id):
            await self.give_back(worker, task.id, reason)
