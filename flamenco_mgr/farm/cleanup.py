"""Tasks that ended long ago are forgotten, where the lease is."""

from collections import Counter
from typing import ClassVar

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.cleanup import is_over
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import ITaskStore, StoreUnavailable

CLEANUP_EVERY = 600.0
"""Seconds between two clean-ups."""

CLEANUP_FIRST = 360.0
"""Seconds after the start until the first one."""

_PAGE = 25
"""Tasks that are looked at, and removed, together."""

_MOST_JOBS = 20
"""Jobs that the log names; more are counted."""


@define(eq=False, kw_only=True)
class TaskCleaner:
    """
    Forgets tasks that ended ``max_age`` seconds ago or earlier (task-lifecycle.md 12; 21.31).

    Whatever may still be needed stays: see `ITaskStore.remove`. Parents that stay because of tasks that are about to go
    themselves go with the next clean-up. The logs of tasks stay.
    """

    _log: ClassVar[Logger] = Logger()

    tasks: ITaskStore
    heartbeats: Heartbeats
    slices: Slices
    clock: IReactorTime
    max_age: float

    async def clean_up(self) -> None:
        """Forget what is to be forgotten, a few at a time, and let people know how many of which job these were."""
        gone: Counter[str] = Counter()
        try:
            await self._clean_up(self.clock.seconds() - self.max_age, gone)
        except StoreUnavailable as e:
            self._log.info("The clean-up of tasks goes on another time: {trouble}", trouble=str(e))
        finally:
            self._tell(gone)

    async def _clean_up(self, before: float, gone: "Counter[str]") -> None:
        place, more = None, True
        while more:
            await self.slices.begin()
            page = await self.tasks.over(before, place, _PAGE)
            old = {task.id: task for task in page.items if self._is_over(task, before)}
            removed = await self.tasks.remove(list(old.values())) if old else ()
            gone.update(old[task_id].job for task_id in removed)
            place, more = page.next, page.next is not None

    def _is_over(self, task: Task, before: float) -> bool:
        return is_over(task, before) and self.heartbeats.task_pinged(task.id) is None

    def _tell(self, gone: "Counter[str]") -> None:
        for job, count in gone.most_common(_MOST_JOBS):
            self._log.info("{count} finished tasks of job {job} were old, and are forgotten", count=count, job=job)
        others = len(gone) - _MOST_JOBS
        if others > 0:
            self._log.info(
                "{total} finished tasks were forgotten altogether, those of {others} more jobs with them",
                total=gone.total(),
                others=others,
            )
