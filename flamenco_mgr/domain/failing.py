"""A task fails on a worker: whether others may try, and what that means for the worker (task-lifecycle.md 8)."""

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve, frozen

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.stamps import log_stamp
from flamenco_mgr.domain.tasks import SCHEDULABLE, FailedBy, Task, TaskStatus
from flamenco_mgr.domain.timeouts import last_heard
from flamenco_mgr.domain.updates import TaskUpdate, Transition, log_tail
from flamenco_mgr.domain.workers import Worker, WorkerStatus

UNSEEN_AFTER = 7 * 24 * 3600.0
"""Seconds after which a worker that was not heard of does not count as left, where workers are never cleaned up."""

Kind = tuple[str, str]
"""A job's id and a task type."""


@frozen(kw_only=True)
class FailureRules:
    """
    When failures have consequences.

    ``blacklist_threshold``: at how many tasks of a kind a worker fails until it gets no more of them;
    ``softfail_count``: how many workers fail at a task until it has failed for good; ``sick_threshold``: in how many
    jobs a worker fails, without a completion between, until it is sick, 0 for never; ``unseen_after``: seconds.
    """

    blacklist_threshold: int = 3
    softfail_count: int = 3
    sick_threshold: int = 5
    unseen_after: float = UNSEEN_AFTER


@frozen(kw_only=True)
class Crew:
    """The farm's workers at an instant: by task type those that may be given tasks, and those that are banned."""

    fit: Mapping[str, frozenset[str]]
    banned: Mapping[Kind, frozenset[str]]
    registered_for: frozenset[str]

    def left(self, job: str, task_type: str) -> frozenset[str]:
        """Return the ids of the workers that may be given tasks of a kind."""
        return self.fit.get(task_type, frozenset()) - self.banned.get((job, task_type), frozenset())

    def has_lost(self, job: str, task_type: str) -> bool:
        """
        Whether there were workers for a kind of tasks, and none is left.

        Where nobody is registered who could ever do such tasks, nobody may have registered yet.
        """
        were_there = task_type in self.registered_for or (job, task_type) in self.banned
        return were_there and not self.left(job, task_type)


def crew(workers: Iterable[Worker], lines: Iterable[BlacklistLine], unseen_before: float) -> Crew:
    """
    Return the crew of these workers, under these lines of the blacklist.

    Those that were not heard of since an instant are not fit for anything (task-lifecycle.md 21.25); one that never was
    heard of counts from its registration. A sick one is fit: it comes back when an operator has looked at it, and when
    the whole farm is sick of something, the queue must still be there after that.
    """
    fit: dict[str, set[str]] = {}
    registered_for: set[str] = set()
    for worker in workers:
        registered_for.update(worker.supported_task_types)
        heard = last_heard(worker)
        if heard is not None and heard <= unseen_before:
            continue
        for task_type in worker.supported_task_types:
            fit.setdefault(task_type, set()).add(worker.id)
    banned: dict[Kind, set[str]] = {}
    for line in lines:
        banned.setdefault((line.job, line.task_type), set()).add(line.worker_id)
    return Crew(
        fit={task_type: frozenset(ids) for task_type, ids in fit.items()},
        banned={kind: frozenset(ids) for kind, ids in banned.items()},
        registered_for=frozenset(registered_for),
    )


def failed_at(task: Task, worker: Worker) -> bool:
    """Whether a worker is among those that failed at a task."""
    return any(failed.id == worker.id for failed in task.failed_by)


def with_failure(task: Task, worker: Worker) -> tuple[FailedBy, ...]:
    """Return the workers that failed at a task, after this one did."""
    if failed_at(task, worker):
        return task.failed_by
    return (*task.failed_by, FailedBy(id=worker.id, identifier=worker.identifier))


def others_left(failed_by: Iterable[FailedBy], left: Collection[str]) -> bool:
    """Whether some of the workers that are left have not failed yet."""
    return bool(frozenset(left) - {failed.id for failed in failed_by})


def status_of(failed_by: Collection[FailedBy], left: Collection[str], softfail_count: int) -> str:
    """Return the status of a task at which these workers have failed, and which others may be left for."""
    final = len(failed_by) >= softfail_count or not others_left(failed_by, left)
    return str(TaskStatus.FAILED if final else TaskStatus.SOFT_FAILED)


def failed(task: Task, worker: Worker, reason: str, status: str, *, now: float, update_id: str) -> Transition:
    """Let a task fail on its worker, that has said nothing itself."""
    return _told(
        task,
        evolve(task, status=status, failed_by=with_failure(task, worker)),
        f"Manager counts task {task.id} as failed by worker {worker.identifier}: {reason}",
        worker=worker.identifier,
        now=now,
        update_id=update_id,
    )


def stranded(task: Task, left: Collection[str], *, now: float, update_id: str) -> Transition | None:
    """
    Let a task fail that nobody is left for, of these who may do others of its kind (task-lifecycle.md 21.24).

    None if somebody is, or if it does not wait for a worker any more.
    """
    if task.status not in SCHEDULABLE or others_left(task.failed_by, left):
        return None
    if left:
        reason = "every worker that is left for it has failed at it"
    else:
        reason = f"no worker is left that may do tasks of type {task.task_type} of this job"
    return _told(
        task,
        evolve(task, status=TaskStatus.FAILED.value),
        f"Manager failed task {task.id}: {reason}",
        now=now,
        update_id=update_id,
    )


def failed_in(worker: Worker, job: str, threshold: int) -> Worker:
    """
    Return the worker after it failed at a task of a job; it is sick if it did so in too many jobs.

    Then it is asked to sleep at once, unless it is asked to shut down.
    """
    if not threshold or worker.sick or job in worker.failed_jobs:
        return worker
    jobs = (*worker.failed_jobs, job)
    if len(jobs) < threshold:
        return evolve(worker, failed_jobs=jobs)
    keeps = worker.status_requested == WorkerStatus.SHUTDOWN
    return evolve(
        worker,
        failed_jobs=jobs,
        sick=f"it failed at tasks of {len(jobs)} jobs, and completed none in between",
        status_requested=worker.status_requested if keeps else WorkerStatus.ASLEEP.value,
        lazy_status_request=False,
    )


def completed_one(worker: Worker) -> Worker:
    """Return the worker after it completed a task; one that is sick stays so."""
    return worker if worker.sick else evolve(worker, failed_jobs=())


def blacklisted(line: BlacklistLine, worker: Worker, failures: int) -> Event:
    """Return what it is in the history that a worker gets no more tasks of a kind."""
    return Event(
        at=line.created,
        kind=EventKind.WORKER.value,
        job=line.job,
        worker=line.worker_id,
        text=f"{worker.identifier} failed at {failures} tasks of type {line.task_type} of the job, and gets no more",
    )


def _told(before: Task, after: Task, activity: str, *, worker: str = "", now: float, update_id: str) -> Transition:
    after = evolve(after, activity=activity, last_updated=now)
    line = f"{log_stamp(now)}: {activity}\n"
    update = TaskUpdate(
        id=update_id,
        task_id=after.id,
        received_at=now,
        status=after.status,
        activity=activity,
        log_tail=log_tail(line),
        worker=worker,
        failed_by=after.failed_by if after.failed_by != before.failed_by else None,
        progress=after.progress,
    )
    return Transition(before=before, after=after, update=None if after.is_local else update, log_text=line)
