"""Tasks that nobody is left for fail, so that their jobs come to an end; where the lease is."""

from collections.abc import Callable, Collection
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.failing import Crew, others_left, stranded
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.farm.crews import Crews
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.store.interfaces import FailedBefore, IBlacklist, StoreUnavailable

LOOK_EVERY = 60.0
"""Seconds between two looks."""

_PAGE = 100


@define(eq=False, kw_only=True)
class StrandedTasks:
    """
    Looks where failures had a part, and the last capable worker is gone (task-lifecycle.md 21.24; design.md 7).

    Each look finds out anew what there is to do, so one that was interrupted is finished by the next. A worker that
    comes meanwhile ends it.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    blacklist: IBlacklist
    crews: Crews
    slices: Slices
    clock: IReactorTime
    new_id: Callable[[], str]
    _told: str = field(init=False, default="")

    async def look(self) -> None:
        """Let tasks fail that nobody is left for, a few at a time."""
        try:
            await self.slices.begin()
            await self._look()
            self._told = ""
        except StoreUnavailable as e:
            if str(e) != self._told:
                self._told = str(e)
                self._log.info("Tasks that nobody is left for wait: {trouble}", trouble=str(e))

    async def _look(self) -> None:
        since = self.clock.seconds() - EXPIRES_AFTER
        await self.blacklist.expire(since)
        crew = await self.crews.now()
        groups = await self.changes.tasks.failed_before()
        lost = {kind for kind in crew.banned if crew.has_lost(*kind)}
        lost.update((group.job, group.task_type) for group in groups if _is_lost(crew, group))
        for job, task_type in sorted(lost):
            await self._decide(job, task_type)

    async def _decide(self, job: str, task_type: str) -> None:
        await self.slices.begin()
        count, last = 0, ""
        while tasks := await self.changes.tasks.waiting(job, task_type, last, _PAGE):
            last = tasks[-1].id
            crew = await self.crews.lately()
            left = crew.left(job, task_type)
            if left or crew.has_lost(job, task_type):
                doomed = [task for task in tasks if not others_left(task.failed_by, left)]
                await self.slices.each(doomed, lambda task, left=left: self._fail(task, left))  # type: ignore[misc]
                count += len(doomed)
            await self.slices.begin()
        if count:
            self._log.warn(
                "{count} tasks of type {type} of job {job} failed: no worker is left for them",
                count=count,
                type=task_type,
                job=job,
            )

    async def _fail(self, task: Task, left: Collection[str]) -> None:
        update_id = self.new_id()
        await self.changes.decide(
            task.id, lambda newest: stranded(newest, left, now=self.clock.seconds(), update_id=update_id), task
        )


def _is_lost(crew: Crew, group: FailedBefore) -> bool:
    """Whether nobody is left for a kind of tasks, or for some of it that all who are left have failed at."""
    left = crew.left(group.job, group.task_type)
    return left <= group.failed_by if left else crew.has_lost(group.job, group.task_type)
