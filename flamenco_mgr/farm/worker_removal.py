"""Workers that are gone for good are forgotten: by themselves where the lease is, or when an operator says so."""

from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.cleanup import REMOVED, WorkerCleanupRules, is_to_be_removed
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.credentials import WorkerCredentials
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.store.interfaces import IWorkerStore, StoreUnavailable

REMOVAL_EVERY = 30.0
"""Seconds between two looks for workers to remove."""

REMOVAL_FIRST = 300.0
"""Seconds after the start until the first one."""


@frozen(eq=False, kw_only=True)
class WorkerRemover:
    """
    Forgets a worker (task-lifecycle.md 12; 21.23).

    The document goes first, if the worker is as it was read; then its tasks come back. If that is interrupted, the
    tasks are found without their worker by the next check for timeouts. Its lines of the blacklist stay, and expire: no
    other worker ever gets its id. Whether somebody is left for the tasks that it could do is up to ``stranded``.
    """

    _log: ClassVar[Logger] = Logger()

    workers: IWorkerStore
    credentials: WorkerCredentials
    returner: TaskReturner
    notifier: INotifier
    stranded: IKickable
    clock: IReactorTime

    async def remove(self, worker: Worker, reason: str, *, by_operator: bool = False) -> bool:
        """
        Forget a worker; False if it has changed since it was read, or is gone.

        By itself that is also not done to a worker that has been heard of since.
        """
        kind = EventKind.OPERATOR if by_operator else EventKind.WORKER
        event = Event(
            at=self.clock.seconds(),
            kind=kind.value,
            before=worker.status,
            worker=worker.id,
            text=f"{worker.identifier} is forgotten: {reason}",
        )
        types = await self.workers.task_types()
        if not await self.workers.remove(worker, event, unheard=not by_operator):
            return False
        self.credentials.forget(worker.id)
        self._log.info("Worker {worker} is forgotten: {reason}", worker=worker.identifier, reason=reason)
        await self.returner.give_back_all(worker, reason)
        if await self.workers.task_types() != types:
            self.notifier.task_types_changed()
        self.stranded.kick()
        return True


@define(eq=False, kw_only=True)
class WorkerCleaner:
    """Removes workers that have not been heard of for very long, if the settings say which (task-lifecycle.md 12)."""

    _log: ClassVar[Logger] = Logger()

    remover: WorkerRemover
    workers: IWorkerStore
    heartbeats: Heartbeats
    slices: Slices
    clock: IReactorTime
    rules: WorkerCleanupRules
    _told: str = field(init=False, default="")

    async def clean_up(self) -> None:
        """Remove those that are to be removed, a few at a time."""
        try:
            now = self.clock.seconds()
            await self.slices.begin()
            old = [worker for worker in await self.workers.all() if is_to_be_removed(worker, self.rules, now)]
            await self.slices.each(old, self._remove)
            self._told = ""
        except StoreUnavailable as e:
            if str(e) != self._told:
                self._told = str(e)
                self._log.info("Old workers are removed another time: {trouble}", trouble=str(e))

    async def _remove(self, worker: Worker) -> None:
        if self.heartbeats.worker_heard(worker.id) is None:
            await self.remover.remove(worker, REMOVED)
