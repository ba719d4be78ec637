"""Workers report about their tasks."""

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.reporting import Report, ignored_status, reported
from flamenco_mgr.domain.tasks import FINISHED, Task, TaskStatus
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.failing import FailureGround, TaskFailures
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.single_flight import SingleFlight
from flamenco_mgr.farm.task_changes import TaskChanges

_ENDS = FINISHED | {TaskStatus.SOFT_FAILED}
"""Statuses that a report brings, and that people want to hear of."""

_REMEMBERED = 5000
"""Reports; a farm of so many workers has one each that may come again."""


class Outcome(Enum):
    """What became of a report."""

    ACCEPTED = auto()
    UNKNOWN_TASK = auto()
    ANOTHERS_TASK = auto()


@define(eq=False, kw_only=True)
class UpdateReceiver:
    """
    Takes what workers report: the task, the update for the Server and the log in one go (task-lifecycle.md 7).

    A worker repeats a report until it is answered, and has no id for it; so the last one about each task is remembered.
    The same again, while nothing else has happened to the task, is its repetition, and changes nothing.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    failures: TaskFailures
    heartbeats: Heartbeats
    clock: IReactorTime
    new_id: Callable[[], str]
    _accepted: "OrderedDict[tuple[str, str], tuple[bytes, int]]" = field(init=False, factory=OrderedDict)
    _arriving: SingleFlight[tuple[str, str, bytes], Outcome] = field(init=False, factory=SingleFlight)

    async def receive(self, worker: Worker, task_id: str, report: Report, digest: bytes) -> Outcome:
        """Apply a report; ``digest`` tells its body from others. An accepted one is durable."""
        if report.log:
            self.changes.logs.check_room()
        task = await self.changes.tasks.get(task_id)
        if task is None:
            return Outcome.UNKNOWN_TASK
        if self._accepted.get((worker.id, task_id)) == (digest, task.revision):
            self.heartbeats.pinged(worker, task_id)
            await self._follow_up(worker, report, task)  # which may be what the first try did not get to
            return Outcome.ACCEPTED
        return await self._arriving.run((worker.id, task_id, digest), lambda: self._apply(worker, task, report, digest))

    async def _apply(self, worker: Worker, seen: Task, report: Report, digest: bytes) -> Outcome:
        task_id = seen.id
        if report.status == TaskStatus.FAILED:
            transition = await self._failed(worker, seen, report)
        else:
            transition = await self._reported(worker, seen, report)
        if transition is None:
            return Outcome.ANOTHERS_TASK
        self._remember((worker.id, task_id), digest, transition.before.revision + transition.changes_anything)
        self.heartbeats.pinged(worker, task_id, report.status or "")
        self._tell(worker, report, transition)
        await self._follow_up(worker, report, transition.after)
        return Outcome.ACCEPTED

    async def _reported(self, worker: Worker, seen: Task, report: Report) -> Transition | None:
        update_id = self.new_id()

        def decide(task: Task) -> Transition | None:
            return reported(task, worker, report, now=self.clock.seconds(), update_id=update_id)

        return await self.changes.decide(seen.id, decide, seen)

    async def _failed(self, worker: Worker, seen: Task, report: Report) -> Transition | None:
        update_id = self.new_id()

        def decide(ground: FailureGround) -> Transition | None:
            return reported(
                ground.task, worker, report, failure=ground.status, now=self.clock.seconds(), update_id=update_id
            )

        ground = await self.failures.ground(seen, worker)
        return await self.changes.decide_on(seen.id, lambda: self.failures.gather(seen.id, worker), decide, ground)

    async def _follow_up(self, worker: Worker, report: Report, task: Task) -> None:
        """Do what follows for the worker; costs nothing unless it fails, or completes a task after it failed."""
        if report.status == TaskStatus.FAILED:
            await self.failures.follow_up(worker, task)
        elif task.status == TaskStatus.COMPLETED:
            await self.failures.completed(worker)

    def _tell(self, worker: Worker, report: Report, transition: Transition) -> None:
        before, after = transition.before, transition.after
        if after.status != before.status and after.status in _ENDS:
            self._log.info(
                "Task {task} ({name}) {status} on worker {worker}",
                task=after.id,
                name=after.name,
                status=after.status,
                worker=worker.identifier,
            )
        elif ignored_status(before, report):
            self._log.info(
                "Status {status!r} of worker {worker} for task {task} ignored: the task is {now}",
                status=report.status,
                worker=worker.identifier,
                task=after.id,
                now=before.status,
            )

    def _remember(self, who: tuple[str, str], digest: bytes, revision: int) -> None:
        self._accepted[who] = (digest, revision)
        self._accepted.move_to_end(who)
        if len(self._accepted) > _REMEMBERED:
            self._accepted.popitem(last=False)
