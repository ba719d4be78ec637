"""The step that every change of a task takes: gather, decide, act, and again if somebody was quicker."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.store.interfaces import ITaskStore, StoreUnavailable

_TRIES = 50

T = TypeVar("T")


@frozen(eq=False, kw_only=True)
class TaskChanges:
    """Carries out decided changes of tasks: in the store first, then in the task's log file."""

    tasks: ITaskStore
    logs: TaskLogs

    async def decide(
        self, task_id: str, decide: Callable[[Task], Transition | None], seen: Task | None = None
    ) -> Transition | None:
        """
        Change a task as ``decide`` says; None if the task is not here, or ``decide`` returns None.

        ``seen`` is the task as it was just read, if it was. ``decide`` is asked again with the newest task when the
        task changed in between. The log text is written when the change is durable: a request that is repeated after a
        crash writes what its first try did not.
        """
        return await self.decide_on(task_id, lambda: self.tasks.get(task_id), decide, seen)

    async def decide_on(
        self,
        task_id: str,
        gather: Callable[[], Awaitable[T | None]],
        decide: Callable[[T], Transition | None],
        seen: T | None = None,
    ) -> Transition | None:
        """Change a task in the same way, but on the ground of what ``gather`` returns, None if there is none."""
        for _ in range(_TRIES):
            ground = await gather() if seen is None else seen
            transition = None if ground is None else decide(ground)
            if transition is None or await self.act(transition):
                return transition
            seen = None
        raise StoreUnavailable(f"task {task_id} changes too fast to be changed")

    async def act(self, transition: Transition) -> bool:
        """Carry out one decided change; False if the task has changed meanwhile."""
        if not await self._store(transition):
            return False
        await self._log(transition)
        return True

    async def begin(self, transition: Transition, *, anew: bool) -> bool:
        """
        Give a task out; False if the task has changed meanwhile.

        Its log is moved out of the way if it begins ``anew``. The worker does not wait for the log's disk.
        """
        if not await self._store(transition):
            return False
        if anew:
            _ = self.logs.rotate(transition.after.job, transition.after.id)
        _ = self._log(transition, awaited=False)
        return True

    async def _store(self, transition: Transition) -> bool:
        return not transition.changes_anything or await self.tasks.apply(transition)

    def _log(self, transition: Transition, *, awaited: bool = True) -> "Deferred[None]":
        return self.logs.append(transition.after.job, transition.after.id, transition.log_text, awaited=awaited)
