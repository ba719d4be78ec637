"""The step that every change of a task takes: gather, decide, act, and again if somebody was quicker."""

from collections.abc import Callable

from attrs import frozen

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.store.interfaces import ITaskStore, StoreUnavailable

_TRIES = 50


@frozen(eq=False, kw_only=True)
class TaskChanges:
    """Carries out decided changes of tasks: in the store first, then in the task's log file."""

    tasks: ITaskStore
    logs: TaskLogs

    async def decide(self, task_id: str, decide: Callable[[Task], Transition | None]) -> Transition | None:
        """
        Change a task as ``decide`` says; None if the task is not here, or ``decide`` returns None.

        ``decide`` is asked again with the newest task when the task changed in between. The log text is written when
        the change is durable: a request that is repeated after a crash writes what its first try did not.
        """
        for _ in range(_TRIES):
            task = await self.tasks.get(task_id)
            transition = None if task is None else decide(task)
            if transition is None or await self.act(transition):
                return transition
        raise StoreUnavailable(f"task {task_id} changes too fast to be changed")

    async def act(self, transition: Transition, *, wait_for_log: bool = True) -> bool:
        """Carry out one decided change; False if the task has changed meanwhile."""
        if transition.changes_anything and not await self.tasks.apply(transition):
            return False
        written = self.logs.append(transition.after.job, transition.after.id, transition.log_text)
        if wait_for_log:
            await written
        return True
