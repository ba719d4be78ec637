"""What operators do to the farm: each act is one change, and is recorded with it (dashboard.md 4 to 6)."""

from collections.abc import Callable
from typing import ClassVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import requesting
from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.local_time import Offset
from flamenco_mgr.domain.requesting import DoesNotApply
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.test_tasks import TestTaskRefused
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.refusals import NotHere, NotPossible
from flamenco_mgr.farm.test_tasks import TestTaskMaker
from flamenco_mgr.farm.worker_removal import WorkerRemover
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.store.interfaces import EventsAsked, IBlacklist, IHistory, IWorkerStore, StoreUnavailable

_TRIES = 50
_REMOVED = "worker is being deleted"


@frozen(eq=False, kw_only=True)
class Operating:
    """
    Carries out what operators want of workers, the blacklist and the download.

    Whatever names a worker that is not here raises `NotHere`; what makes no sense raises `NotPossible`, or
    `CannotRequest` for a status that no worker can be asked to take, and changes nothing.
    """

    _log: ClassVar[Logger] = Logger()

    workers: IWorkerStore
    blacklist: IBlacklist
    history: IHistory
    remover: WorkerRemover
    test_tasks: TestTaskMaker
    downloads: IKickable
    clock: IReactorTime
    offset: Offset

    async def worker(self, worker_id: str) -> Worker:
        """Return a worker that an operator names."""
        worker = await self.workers.get(worker_id)
        if worker is None:
            raise NotHere("Worker not found")
        return worker

    async def request_status(self, worker_id: str, status: str, *, lazy: bool) -> None:
        """Ask a worker to be asleep, awake or shut down: when its task is done, or at once (task-lifecycle.md 13)."""
        when = "after its task" if lazy else "at once"
        await self._change(
            worker_id, lambda worker: requesting.requested(worker, status, lazy=lazy), f"asked to be {status}, {when}"
        )

    async def acknowledge_timeout(self, worker_id: str) -> None:
        """Note that an operator knows that a worker timed out; it is offline then."""
        await self._change(worker_id, requesting.timeout_acknowledged, "known to have timed out")

    async def set_schedule(self, worker_id: str, schedule: SleepSchedule) -> None:
        """Give a worker a schedule instead of the one that it has; it acts at once."""
        await self._change(
            worker_id,
            lambda worker: requesting.scheduled(worker, schedule, self.clock.seconds(), self.offset),
            f"given the sleep schedule {schedule.text}",
        )

    async def send_test_job(self, worker_id: str) -> str:
        """Have a worker tried out, and return what the operator is told."""
        worker = await self.worker(worker_id)
        try:
            told = await self.test_tasks.queue_for(worker)
        except TestTaskRefused as e:
            raise NotPossible(str(e)) from e
        await self.history.note(self._event(worker, "sent a test job"))
        return told

    async def forget_worker(self, worker_id: str) -> None:
        """Forget a worker: its tasks come back, and its lines of the blacklist go."""
        for _ in range(_TRIES):
            if await self.remover.remove(await self.worker(worker_id), _REMOVED, by_operator=True):
                break
        else:
            raise StoreUnavailable(f"worker {worker_id} changes too fast to be removed")
        for line in await self.blacklist.of_workers([worker_id], self.clock.seconds() - EXPIRES_AFTER):
            await self.blacklist.remove(line.worker_id, line.job, line.task_type)

    async def forget_blacklist_line(self, worker_id: str, job: str, task_type: str) -> None:
        """Let a worker have tasks of a type of a job again; one that may have them already still may."""
        event = Event(
            at=self.clock.seconds(),
            kind=EventKind.OPERATOR.value,
            job=job,
            worker=worker_id,
            text=f"given {task_type} tasks of the job again",
        )
        if await self.blacklist.remove(worker_id, job, task_type, event):
            self._log.info("By an operator, worker {worker} is {act}", worker=worker_id, act=event.text)

    async def kick(self) -> int:
        """
        Have the Server asked for tasks now; who wants that does not wait for the outcome.

        What becomes of it is an event (`EventKind.DOWNLOAD`) behind the place that is returned; there is none if there
        is no Server.
        """
        newest = await self.history.events(EventsAsked(), None, 1, newest_first=True)
        event = Event(at=self.clock.seconds(), kind=EventKind.OPERATOR.value, text="the Server is asked for tasks")
        await self.history.note(event)
        self.downloads.kick()
        return max((one.place for one in newest.items), default=0)

    async def _change(self, worker_id: str, decide: Callable[[Worker], Worker], act: str) -> None:
        for _ in range(_TRIES):
            worker = await self.worker(worker_id)
            try:
                after = decide(worker)
            except DoesNotApply as e:
                raise NotPossible(e.why) from e
            if await self.workers.change(worker, after, self._event(worker, act, after)):
                self._log.info("By an operator, worker {worker} is {act}", worker=worker.identifier, act=act)
                return
        raise StoreUnavailable(f"worker {worker_id} changes too fast to be changed")

    def _event(self, worker: Worker, act: str, after: Worker | None = None) -> Event:
        return Event(
            at=self.clock.seconds(),
            kind=EventKind.OPERATOR.value,
            before=worker.status,
            after=(after or worker).status,
            worker=worker.id,
            text=f"{worker.identifier} is {act}",
        )
