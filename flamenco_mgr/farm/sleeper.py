"""Workers go to sleep and wake up by their schedules, where the lease is (task-lifecycle.md 14)."""

from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import events, requesting
from flamenco_mgr.domain.local_time import Offset
from flamenco_mgr.domain.sleeping import is_due
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import IWorkerStore, StoreUnavailable

LOOK_EVERY = 60.0
"""Seconds between two looks at the schedules."""

LOOK_FIRST = 10.0
"""Seconds after the start until the first one."""

_TRIES = 5


@define(eq=False, kw_only=True)
class Sleeper:
    """
    Asks workers what their schedules want, whenever these are due.

    Each change is made of the worker as it was just read, and only if it is still so: what an operator or the worker
    itself changed meanwhile is read again, and never undone. ``offset`` is the time zone of this machine.
    """

    _log: ClassVar[Logger] = Logger()

    workers: IWorkerStore
    slices: Slices
    clock: IReactorTime
    offset: Offset
    _trouble: str = field(init=False, default="")

    async def look(self) -> None:
        """Look at all schedules, and obey those that are due."""
        try:
            await self.slices.begin()
            now = self.clock.seconds()
            due = [worker for worker in await self.workers.all() if is_due(worker.sleep_schedule, now)]
            await self.slices.each(due, self._obey)
            self._trouble = ""
        except StoreUnavailable as e:
            if str(e) != self._trouble:
                self._trouble = str(e)
                self._log.info("Sleep schedules are looked at another time: {trouble}", trouble=str(e))

    async def _obey(self, worker: Worker) -> None:
        current: Worker | None = worker
        for _ in range(_TRIES):
            if current is None:
                return
            now = self.clock.seconds()
            after = requesting.checked(current, now, self.offset)
            if after == current:
                return
            if await self.workers.change(current, after, events.of_worker(current, after, now)):
                self._tell(current, after)
                return
            current = await self.workers.get(worker.id)
        # It changes too fast; its schedule is due still, and looked at again in a minute.

    def _tell(self, before: Worker, after: Worker) -> None:
        if after.status_requested and after.status_requested != before.status_requested:
            self._log.info(
                "Worker {worker} is asked to be {status}, by its schedule",
                worker=after.identifier,
                status=after.status_requested,
            )
