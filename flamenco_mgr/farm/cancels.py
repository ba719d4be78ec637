"""The Server's wishes to cancel tasks are obeyed."""

from collections.abc import Callable, Collection
from typing import ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.domain.cancelling import GRACE, cancelled, confirmed, confirmed_unknown, overdue
from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.server.interfaces import ICancels
from flamenco_mgr.store.interfaces import ILease, IUpdateQueue, Standing, StoreUnavailable

_SLICE = 50

_MOST = 500
"""Tasks that are looked at together; so many more workers would have to be deaf."""


@implementer(ICancels)
@define(eq=False, kw_only=True)
class TaskCanceller:
    """
    Cancels tasks for the Server, after their workers have stopped (server-api.md 5.6).

    How long a worker was waited for it counts by its own clock, from when it heard of the wish itself.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    updates: IUpdateQueue
    lease: ILease
    clock: IReactorTime
    new_id: Callable[[], str]
    _heard: dict[str, float] = field(init=False, factory=dict)

    async def cancel(self, task_ids: Collection[str]) -> None:
        """Do what is to be done now for each task that the Server wants cancelled, in slices."""
        wanted = list(task_ids)
        for start in range(0, len(wanted), _SLICE):
            if start:
                await deferLater(self.clock, 0)  # others have their turn
            await self.lease.confirm()
            standings = await self.changes.tasks.standing(wanted[start : start + _SLICE])
            # Begun together, they are made durable together.
            await gatherResults(
                [Deferred.fromCoroutine(self._obey(task_id, standing)) for task_id, standing in standings.items()],
                consumeErrors=True,
            )

    async def confirm_overdue(self) -> None:
        """Cancel tasks whose workers were asked to stop a minute ago and have not answered, or that have no worker."""
        try:
            await self._confirm_overdue()
        except StoreUnavailable as e:
            self._log.debug("Whether workers have stopped is not known: {trouble}", trouble=str(e))

    async def _confirm_overdue(self) -> None:
        await self.lease.confirm()
        now = self.clock.seconds()
        waiting = await self.changes.tasks.stopping(_MOST)
        self._forget(now, {task.id for task in waiting})
        for task in waiting:
            self._tell(await self.changes.decide(task.id, lambda current: self._confirmed_if_overdue(current, now)))

    async def _obey(self, task_id: str, standing: Standing) -> None:
        now = self.clock.seconds()
        if standing.task is None or standing.task.status != TaskStatus.CANCEL_REQUESTED:
            self._heard.pop(task_id, None)  # of an earlier wish; this one is new to the task
        heard_at = self._heard.setdefault(task_id, now)
        if standing.task is None:
            if not standing.final_waits:
                await self.updates.add(confirmed_unknown(task_id, now=now, update_id=self.new_id()))
            return

        async def standing_now() -> Standing:
            return (await self.changes.tasks.standing([task_id]))[task_id]

        def obey(current: Standing) -> Transition | None:
            if current.task is None:
                return None
            return cancelled(
                current.task, final_waits=current.final_waits, heard_at=heard_at, now=now, update_id=self.new_id()
            )

        self._tell(await self.changes.decide_on(task_id, standing_now, obey, standing))

    def _tell(self, transition: Transition | None) -> None:
        if transition is not None and transition.after.status != transition.before.status:
            self._log.info(
                "Task {task} is {status}: it is to be cancelled",
                task=transition.after.id,
                status=transition.after.status,
            )

    def _confirmed_if_overdue(self, task: Task, now: float) -> Transition | None:
        heard_at = self._heard.setdefault(task.id, now)
        if task.status == TaskStatus.CANCEL_REQUESTED and overdue(task, heard_at, now):
            return confirmed(task, now=now, update_id=self.new_id())
        return None

    def _forget(self, now: float, waiting: Collection[str]) -> None:
        done = [one for one, heard_at in self._heard.items() if one not in waiting and now - heard_at > GRACE]
        for one in done:
            del self._heard[one]
