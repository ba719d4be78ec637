"""Tasks and workers that are not heard of any more time out, where the lease is."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import events, timeouts
from flamenco_mgr.domain.assigning import taken_back
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.timeouts import Fate, TimeoutRules
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.grace import Grace
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.silences import Silences
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.store.interfaces import IWorkerStore, LeaseLost, StoreUnavailable

CHECK_EVERY = 60.0
"""Seconds between two checks."""

LOOK_EVERY = 5.0
"""Seconds between two looks whether the store, the clock or the process was disturbed."""

_PAGE = 100


class FailsSilent(Protocol):
    """Lets a task fail of which its worker, that lives, says nothing."""

    async def __call__(self, worker: Worker, task: Task, reason: str, still: Callable[[Task], bool], /) -> None:
        """Count it as a failure by the worker, if what is asked of the newest task is ``still`` true."""


@define(eq=False, kw_only=True)
class TimeoutChecker(Service):
    """
    Checks tasks first, then workers, every minute (task-lifecycle.md 12).

    What is done is conditional on what was read: whoever is heard of in between is left alone. What another Manager
    heard within the last second or so may not be in the store yet, and comes too late.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    workers: IWorkerStore
    heartbeats: Heartbeats
    returner: TaskReturner
    fails: FailsSilent
    slices: Slices
    grace: Grace
    rules: TimeoutRules
    clock: IReactorTime
    new_id: Callable[[], str]
    _silences: Silences = field(init=False)
    _loop: Periodic = field(init=False)
    _next: float = field(init=False, default=0.0)
    _acted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the loop."""
        self._silences = Silences(self.grace.steady)
        self._loop = Periodic(action=self._look, interval=LOOK_EVERY, first=LOOK_EVERY, clock=self.clock)

    def startService(self) -> None:
        """Begin with five minutes of grace."""
        super().startService()
        self.grace.begin()
        self._silences = Silences(self.grace.steady)
        self._next, self._acted = self.grace.steady() + CHECK_EVERY, False
        self._loop.startService()

    def stopService(self) -> "Deferred[None]":
        """Stop, after the check in progress."""
        super().stopService()
        return self._loop.stopService()

    async def _look(self) -> None:
        self.grace.look(expected=LOOK_EVERY)
        try:
            await self.slices.lease.confirm()
            await self.heartbeats.flush()
            await self.workers.count()
            if self.heartbeats.behind:
                self.grace.disturbed("signs of life cannot be stored")
            elif self._is_time():
                await self._check()
        except LeaseLost:
            return  # where it is, five minutes have begun
        except StoreUnavailable as e:
            self.grace.disturbed(str(e))
        self.grace.look(expected=0.0)

    def _is_time(self) -> bool:
        """Whether a minute is over, or the time of grace is, since the last check."""
        now, over = self.grace.steady(), self.grace.over
        if now < self._next and over == self._acted:
            return False
        self._next, self._acted = now + CHECK_EVERY, over
        return True

    async def _check(self) -> None:
        """Look at everybody, also in the time of grace, to know who was heard since the last look; then act."""
        now = self.clock.seconds()
        self._silences.begin()
        workers = {worker.id: worker for worker in await self.workers.all()}
        await self._check_tasks(workers, now)
        silent = [worker for worker in workers.values() if self._is_silent(worker, now)]
        if self.grace.over:
            self.grace.calm()
            await self.slices.each(silent, lambda worker: self._time_out(worker, now))

    async def _check_tasks(self, workers: Mapping[str, Worker], now: float) -> None:
        tasks = await self.changes.tasks.active("", _PAGE)
        while tasks:
            doomed = [task for task in tasks if self._fate(task, workers, now) is not Fate.KEEP]
            if self.grace.over:
                await self.slices.each(doomed, lambda task: self._end(task, workers, now))
            await self.slices.begin()
            tasks = await self.changes.tasks.active(tasks[-1].id, _PAGE) if len(tasks) == _PAGE else ()

    async def _end(self, task: Task, workers: Mapping[str, Worker], now: float) -> None:
        worker = workers.get(task.worker_id or "")
        reason = timeouts.task_reason(task)
        if worker is not None and self._fate(task, workers, now) is Fate.FAIL:
            await self.fails(worker, task, reason, lambda newest: self._fate(newest, workers, now) is Fate.FAIL)
            return
        holder = f"worker {worker.identifier if worker else task.worker}" if task.worker_id else "nobody"
        update_id = self.new_id()

        def decide(newest: Task) -> Transition | None:
            if self._fate(newest, workers, now) is not Fate.RETURN:
                return None
            back = taken_back(newest, holder, reason, now=now, update_id=update_id)
            return None if back is None else evolve(back, unless_pinged=True)

        if await self.changes.decide(task.id, decide, task) is not None:
            self._log.warn("Task {task} came back from {holder}: {reason}", task=task.id, holder=holder, reason=reason)

    async def _time_out(self, worker: Worker, now: float) -> None:
        if not self._is_silent(worker, now):  # heard while others were dealt with
            return
        after, reason = timeouts.timed_out(worker), timeouts.worker_reason(worker)
        if not await self.workers.change(worker, after, events.of_worker(worker, after, now), unheard=True):
            return
        self._log.warn(
            "Worker {worker}, which was {status}: {reason}",
            worker=worker.identifier,
            status=worker.status,
            reason=reason,
        )
        await self.returner.give_back_all(after, reason)

    def _is_silent(self, worker: Worker, now: float) -> bool:
        return timeouts.is_silent(self._as_heard(worker, now), self.rules, now)

    def _as_heard(self, worker: Worker, now: float) -> Worker:
        stored = timeouts.last_heard(worker)
        if self.heartbeats.worker_heard(worker.id) is not None:
            return evolve(worker, last_activity=now)
        if stored is None:
            return worker
        return evolve(worker, last_activity=self._silences.heard_at(worker.id, stored, now))

    def _fate(self, task: Task, workers: Mapping[str, Worker], now: float) -> Fate:
        heard = self._silences.heard_at(f"task {task.id}", timeouts.last_sign(task), now)
        if self.heartbeats.task_pinged(task.id) is not None:
            return Fate.KEEP
        worker = workers.get(task.worker_id or "")
        return timeouts.fate(
            evolve(task, last_worker_ping=heard, last_updated=heard),
            None if worker is None else self._as_heard(worker, now),
            self.rules,
            now,
        )
