"""What becomes of a worker's report about a task."""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from flamenco_mgr.domain.failing import with_failure
from flamenco_mgr.domain.tasks import FINISHED, REPORTABLE, Progress, Task, TaskStatus
from flamenco_mgr.domain.updates import TaskUpdate, Transition, log_tail
from flamenco_mgr.domain.workers import Worker


@frozen(kw_only=True)
class Report:
    """What a worker says about a task (worker-api.md 4.4); ``progress`` is None in a report of log lines alone."""

    status: str | None = None
    activity: str = ""
    progress: Progress | None = None
    timing: Mapping[str, float] = field(factory=dict, hash=False)
    log: str = ""


def reported(
    task: Task,
    worker: Worker,
    report: Report,
    *,
    failure: str = TaskStatus.FAILED.value,
    now: float,
    update_id: str,
) -> Transition | None:
    """
    Apply a worker's report to a task, or return None if another worker has the task (task-lifecycle.md 7).

    ``failure`` is the status that the task gets if the worker says that it failed (`failing.status_of`).

    Status and activity count only while the task is active; its log lines always do. An active task without a worker
    becomes the sender's. A task that waits to be cancelled is confirmed as cancelled by its worker's final word. A
    status that tells the Server nothing new, and an update that says nothing at all, are not sent.
    """
    if task.belongs_to_another(worker.id):
        return None
    if task.status == TaskStatus.ACTIVE:
        after = _active(task, worker, report, failure, now)
    elif task.status == TaskStatus.CANCEL_REQUESTED and report.status in FINISHED:
        after = evolve(task, status=TaskStatus.CANCELED.value, last_updated=now, cancel_requested_at=None)
    else:
        after = task
    return Transition(
        before=task,
        after=after,
        update=None if task.is_local else _update(task, after, worker, report, now=now, update_id=update_id),
        log_text=report.log,
    )


def ignored_status(task: Task, report: Report) -> bool:
    """Whether the report's status is not obeyed: unknown, or for a task that this worker is not running."""
    return report.status is not None and (report.status not in REPORTABLE or task.status != TaskStatus.ACTIVE)


def _active(task: Task, worker: Worker, report: Report, failure: str, now: float) -> Task:
    status = report.status if report.status in REPORTABLE else None
    fails = status == TaskStatus.FAILED
    # The first report after an assignment carries the timing of the worker's previous task.
    timing = {} if status == TaskStatus.ACTIVE and task.progress is None else report.timing
    return evolve(
        task,
        status=failure if fails else status or task.status,
        activity=report.activity or task.activity,
        worker_id=worker.id,
        failed_by=with_failure(task, worker) if fails else task.failed_by,
        timing=dict(timing) if timing else task.timing,
        progress=report.progress or task.progress,
        last_worker_ping=now,
        last_updated=now,
    )


def _update(
    task: Task, after: Task, worker: Worker, report: Report, *, now: float, update_id: str
) -> TaskUpdate | None:
    tail = log_tail(report.log)
    if after is task:
        # A finished or returned task: only its log goes upstream.
        if not tail:
            return None
        return TaskUpdate(
            id=update_id,
            task_id=task.id,
            received_at=now,
            log_tail=tail,
            worker=worker.identifier,
            progress=task.progress,
        )
    update = TaskUpdate(
        id=update_id,
        task_id=task.id,
        received_at=now,
        status=after.status if after.status != task.status else None,
        activity=after.activity if report.activity and task.status == TaskStatus.ACTIVE else "",
        log_tail=tail,
        worker=worker.identifier,
        failed_by=after.failed_by if after.failed_by != task.failed_by else None,
        timing=after.timing if after.timing != task.timing else {},
        progress=after.progress,
    )
    says_nothing = (
        update.status is None
        and not tail
        and not update.timing
        and update.progress == task.progress
        and after.activity == task.activity
        and after.worker_id == task.worker_id
    )
    return None if says_nothing else update
