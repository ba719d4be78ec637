"""An operator requeues a task, or cancels one that only this Manager knows."""

from collections.abc import Callable
from typing import ClassVar

from attrs import evolve, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import steering
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.farm.refusals import NotHere, NotPossible
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.store.interfaces import IWorkerStore


@frozen(eq=False, kw_only=True)
class TaskSteering:
    """Does with tasks what an operator wants, where the protocol leaves it to the Manager."""

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    workers: IWorkerStore
    clock: IReactorTime
    new_id: Callable[[], str]

    async def requeue(self, task_id: str) -> None:
        """Let workers have a task again; raises `NotHere`, or `NotPossible` if it is not for us to do."""
        update_id, now = self.new_id(), self.clock.seconds()
        holder = await self._holder(task_id)

        def decide(task: Task) -> Transition | None:
            return steering.requeued(task, holder, now=now, update_id=update_id)

        await self._act(task_id, decide, steering.why_not_requeued, "requeued")

    async def cancel(self, task_id: str) -> None:
        """Cancel a local task; raises `NotHere`, or `NotPossible` if it is the Server's or over."""
        now = self.clock.seconds()

        def decide(task: Task) -> Transition | None:
            return steering.cancelled_by_operator(task, now=now)

        await self._act(task_id, decide, steering.why_not_cancelled, "cancelled")

    async def _act(
        self, task_id: str, decide: Callable[[Task], Transition | None], why_not: Callable[[Task], str], done: str
    ) -> None:
        refusals: list[str] = []

        def decide_or_say(task: Task) -> Transition | None:
            refusals[:] = [why_not(task)]
            transition = decide(task)
            return None if transition is None else evolve(transition, said=self._event(transition, f"task {done}"))

        transition = await self.changes.decide(task_id, decide_or_say)
        if not refusals:
            raise NotHere(f"task {task_id} is not here")
        if refusals[0]:
            raise NotPossible(refusals[0])
        if transition is None:  # what is wanted is under way
            return
        task = transition.after
        self._log.info("Task {task} ({name}) was {done} by an operator", task=task.id, name=task.name, done=done)

    def _event(self, transition: Transition, text: str) -> Event:
        task = transition.after
        return Event(
            at=self.clock.seconds(),
            kind=EventKind.OPERATOR.value,
            before=transition.before.status,
            after=task.status,
            task=task.id,
            job=task.job,
            worker=task.worker_id,
            text=text,
        )

    async def _holder(self, task_id: str) -> str:
        task = await self.changes.tasks.get(task_id)
        if task is None or task.worker_id is None:
            return "nobody"
        worker = await self.workers.get(task.worker_id)
        return f"worker {task.worker or task.worker_id}" if worker is None else f"worker {worker.identifier}"
