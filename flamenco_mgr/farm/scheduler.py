"""A worker asks for a task."""

from collections.abc import Callable
from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.assigning import assigned
from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.tasks import Command, Task, TaskStatus
from flamenco_mgr.domain.variables import Audience, Variables
from flamenco_mgr.domain.workers import Worker, WorkerStatus
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.interfaces import ITaskChecker

ASKING_TIME = 1.5
"""Seconds that the Server is given for everything it is asked while one worker waits (server-api.md 17.6)."""

CHANGED_TRIES = 3
"""How many tasks may turn out to have changed on the Server before the worker is sent away (task-lifecycle.md 5)."""

_LOST_RACES = 20


@frozen(kw_only=True)
class Run:
    """
    The worker has this task now; the variables in its commands are replaced for the worker's platform.

    ``task`` still has the revision that it was claimed at. ``again``: the worker was on it before it asked.
    """

    task: Task
    commands: tuple[Command, ...]
    again: bool = False


@frozen(kw_only=True)
class ChangeStatus:
    """The worker is to change its status first."""

    status: str


@frozen
class NoTaskTypes:
    """The worker supports no task types, so there is nothing to look for."""


@frozen
class Idle:
    """There is nothing for the worker now."""


@define(eq=False, kw_only=True)
class TaskScheduler:
    """
    Gives each worker the best task that it can do (task-lifecycle.md 4 to 6); ``claims`` counts those given out.

    No lock is held while the Server is asked. What one request is about to hand out, others of this process leave
    alone; that a task goes to one worker only is the store's promise: the claim counts if nothing has changed since the
    task was looked at. Two requests of one worker at the same time get one and the same task.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    registry: WorkerRegistry
    heartbeats: Heartbeats
    returner: TaskReturner
    checker: ITaskChecker
    downloads: IKickable
    pushes: IKickable
    variables: Variables
    clock: IReactorTime
    new_id: Callable[[], str]
    claims: int = field(init=False, default=0)
    _in_hand: set[str] = field(init=False, factory=set)
    _asking: dict[str, DeferredLock] = field(init=False, factory=dict)

    async def schedule(self, worker: Worker) -> "Run | ChangeStatus | NoTaskTypes | Idle":
        """Answer a worker that asks for a task within two seconds."""
        deadline = self.clock.seconds() + ASKING_TIME
        worker = await self.registry.awaken(worker)
        if worker.status_requested:
            return ChangeStatus(status=worker.status_requested)
        if worker.sick:  # it has heard that it is to sleep, and asks all the same
            return ChangeStatus(status=WorkerStatus.ASLEEP.value)
        if not worker.supported_task_types:
            return NoTaskTypes()
        lock = self._asking.setdefault(worker.id, DeferredLock())
        await lock.acquire()
        try:
            return await self._find(worker, deadline)
        finally:
            if not lock.waiting:
                self._asking.pop(worker.id, None)
            lock.release()

    async def take_back(self, run: Run, worker: Worker, reason: str) -> None:
        """
        Take a task back whose worker never heard that it was given it; if it was given it once more, leave it.

        One that the worker was on before stays with it: what it did meanwhile may be about to be reported.
        """
        if not run.again:
            await self.returner.give_back(worker, run.task.id, reason, revision=run.task.revision + 1)

    async def _find(self, worker: Worker, deadline: float) -> "Run | Idle":
        fresh: dict[str, str] = {}
        changed = 0
        for _ in range(_LOST_RACES):
            task = await self.changes.tasks.candidate(
                worker.id, worker.supported_task_types, self._in_hand, self.clock.seconds() - EXPIRES_AFTER
            )
            if task is None:
                self.downloads.kick()
                return Idle()
            self._in_hand.add(task.id)
            try:
                if fresh.get(task.id) != task.etag or not task.etag:
                    checked = await self.checker.check(task, deadline)
                    if checked.changed:
                        fresh[task.id] = checked.etag
                        changed += 1
                        if changed == CHANGED_TRIES:
                            break
                        continue
                run = await self._claim(task, worker)
            finally:
                self._in_hand.discard(task.id)
            if run is not None:
                return run
        self.pushes.kick()
        self.downloads.kick()
        return Idle()

    async def _claim(self, task: Task, worker: Worker) -> Run | None:
        transition = assigned(task, worker, now=self.clock.seconds(), update_id=self.new_id())
        if transition is None:
            return None
        commands = await self.changes.tasks.commands(task.id)
        again = task.status == TaskStatus.ACTIVE
        if not await self.changes.begin(transition, anew=not again):
            return None
        self.claims += not again
        self.heartbeats.assigned(worker, task.id)
        self._log.info(
            "Task {task} ({name}) assigned to worker {worker}", task=task.id, name=task.name, worker=worker.identifier
        )
        return Run(
            task=transition.after,
            commands=tuple(self._for_platform(command, worker) for command in commands),
            again=again,
        )

    def _for_platform(self, command: Command, worker: Worker) -> Command:
        settings = self.variables.replace_settings(command.settings, Audience.WORKERS, worker.platform)
        return Command(name=command.name, settings=settings)
