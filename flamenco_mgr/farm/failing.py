"""Tasks fail on workers, and workers that fail too often are given less to do."""

from collections.abc import Callable
from typing import ClassVar

from attrs import define, evolve, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import failing
from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.failing import FailureRules
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.crews import Crews
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.store.interfaces import IBlacklist, IWorkerStore


@frozen(kw_only=True)
class FailureGround:
    """What a failure is decided on: the task as it stands, and the status that it gets if its worker fails at it."""

    task: Task
    status: str


@define(eq=False, kw_only=True)
class TaskFailures:
    """
    Decides on failures (task-lifecycle.md 8).

    The task changes first; what follows for its worker is found out from what is stored then (`follow_up`), so that a
    report that is repeated finishes what an interrupted one began. That nobody is left for other tasks, now that the
    worker is banned, is up to ``stranded``.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    workers: IWorkerStore
    blacklist: IBlacklist
    returner: TaskReturner
    crews: Crews
    stranded: IKickable
    rules: FailureRules
    clock: IReactorTime
    new_id: Callable[[], str]

    async def gather(self, task_id: str, worker: Worker) -> FailureGround | None:
        """Return what is decided on if a worker fails at a task; None if the task is not here."""
        task = await self.changes.tasks.get(task_id)
        return None if task is None else await self.ground(task, worker)

    async def ground(self, task: Task, worker: Worker) -> FailureGround:
        """Return the same for a task that was just read."""
        failed_by = failing.with_failure(task, worker)
        left = (await self.crews.lately()).left(task.job, task.task_type)
        if not failing.others_left(failed_by, left):
            left = (await self.crews.now()).left(task.job, task.task_type)
        return FailureGround(task=task, status=failing.status_of(failed_by, left, self.rules.softfail_count))

    async def timed_out(self, worker: Worker, task: Task, reason: str, still: Callable[[Task], bool]) -> None:
        """
        Count it as a failure by a worker that nothing is heard of its task (design.md 7).

        Only if what is asked of the newest task is ``still`` true, and it is not pinged meanwhile.
        """
        update_id = self.new_id()

        def decide(ground: FailureGround) -> Transition | None:
            if not still(ground.task):
                return None
            now = self.clock.seconds()
            transition = failing.failed(ground.task, worker, reason, ground.status, now=now, update_id=update_id)
            return evolve(transition, unless_pinged=True)

        seen = await self.ground(task, worker)
        transition = await self.changes.decide_on(task.id, lambda: self.gather(task.id, worker), decide, seen)
        if transition is None:
            return
        self._log.warn(
            "Task {task} is {status}: worker {worker}: {reason}",
            task=task.id,
            status=transition.after.status,
            worker=worker.identifier,
            reason=reason,
        )
        await self.follow_up(worker, transition.after)

    async def follow_up(self, worker: Worker, task: Task) -> None:
        """Do what follows for a worker from its failure at a task; nothing if it did not fail, or all is done."""
        if not failing.failed_at(task, worker):
            return
        failures = await self.changes.tasks.failures(worker.id, task.job, task.task_type)
        if failures >= self.rules.blacklist_threshold:
            await self._ban(worker, task, failures)
        if self.rules.sick_threshold:
            await self._note_job(worker, task.job)

    async def completed(self, worker: Worker) -> None:
        """Note that a worker completed a task; costs nothing for one that has not failed lately."""
        if worker.failed_jobs and not worker.sick:
            await self._change(worker, failing.completed_one)

    async def _ban(self, worker: Worker, task: Task, failures: int) -> None:
        line = BlacklistLine(worker_id=worker.id, job=task.job, task_type=task.task_type, created=self.clock.seconds())
        if await self.blacklist.add(line, failing.blacklisted(line, worker, failures)):
            self._log.warn(
                "Worker {worker} failed at {failures} tasks of type {type} of job {job}, and gets no more of them",
                worker=worker.identifier,
                failures=failures,
                type=task.task_type,
                job=task.job,
            )
            self.crews.changed()
            self.stranded.kick()

    async def _note_job(self, worker: Worker, job: str) -> None:
        threshold = self.rules.sick_threshold
        after = await self._change(worker, lambda current: failing.failed_in(current, job, threshold))
        if after is not None and after.sick:
            self._log.warn(
                "Worker {worker} is sick: {reason}; it gets no task before an operator wakes it",
                worker=after.identifier,
                reason=after.sick,
            )
            await self.returner.give_back_all(after, "the worker is sick")

    async def _change(self, worker: Worker, decide: Callable[[Worker], Worker]) -> Worker | None:
        """Change a worker as it stands; return it if that changed anything."""
        while (current := await self.workers.get(worker.id)) is not None:
            after = decide(current)
            if after == current:
                return None
            if await self.workers.change(current, after, self._event(current, after)):
                return after
        return None

    def _event(self, before: Worker, after: Worker) -> Event | None:
        if after.sick == before.sick:
            return None
        return Event(
            at=self.clock.seconds(),
            kind=EventKind.WORKER.value,
            before=before.status,
            after=after.status,
            worker=after.id,
            text=f"{after.identifier} is sick: {after.sick}",
        )
