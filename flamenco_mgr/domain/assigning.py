"""A task is given to a worker, and comes back from it."""

from attrs import evolve

from flamenco_mgr.domain.stamps import log_stamp
from flamenco_mgr.domain.tasks import SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.updates import TaskUpdate, Transition, log_tail
from flamenco_mgr.domain.workers import Worker

NOBODY = "-"
"""How the Server is told that a task was taken from its worker."""


def assigned(task: Task, worker: Worker, *, now: float, update_id: str) -> Transition | None:
    """
    Give a task to a worker, or None if the worker may not have it (task-lifecycle.md 6).

    The same task again, to the worker that has it, is right: it lost the first answer.
    """
    again = task.status == TaskStatus.ACTIVE
    if again and task.worker_id != worker.id:
        return None
    if not again and (task.status not in SCHEDULABLE or any(failed.id == worker.id for failed in task.failed_by)):
        return None
    activity = f"Manager assigned task {task.id} to worker {worker.identifier}"
    after = evolve(
        task,
        status=TaskStatus.ACTIVE.value,
        worker=worker.nickname,
        worker_id=worker.id,
        activity=activity,
        progress=None,
        last_worker_ping=now,
        last_updated=now,
    )
    return _told(task, after, activity, now=now, update_id=update_id)


def returned(task: Task, worker: Worker, reason: str, *, now: float, update_id: str) -> Transition | None:
    """
    Take a task back from a worker, or None if the worker does not have it (task-lifecycle.md 6, "Returning").

    A task that the Server wants cancelled is cancelled by this: it has been waiting for its worker to stop.
    """
    if task.belongs_to_another(worker.id):
        return None
    return taken_back(task, f"worker {worker.identifier}", reason, now=now, update_id=update_id)


def taken_back(task: Task, holder: str, reason: str, *, now: float, update_id: str) -> Transition | None:
    """Take a task back from whoever has it, of whom ``holder`` tells people; None if nobody is on it."""
    activity = f"Manager took task {task.id} back from {holder}: {reason}"
    if task.status == TaskStatus.CANCEL_REQUESTED:
        status = TaskStatus.CANCELED.value
    elif task.status == TaskStatus.ACTIVE:
        status = TaskStatus.CLAIMED.value
    else:
        return None
    after = evolve(task, status=status, activity=activity, last_updated=now, cancel_requested_at=None)
    return _told(task, after, activity, now=now, update_id=update_id, worker=NOBODY)


def _told(before: Task, after: Task, activity: str, *, now: float, update_id: str, worker: str = "") -> Transition:
    line = f"{log_stamp(now)}: {activity}\n"
    update = TaskUpdate(
        id=update_id,
        task_id=after.id,
        received_at=now,
        status=after.status if after.status != before.status else None,
        activity=activity,
        log_tail=log_tail(line),
        worker=worker,
        progress=after.progress,
    )
    return Transition(before=before, after=after, update=None if after.is_local else update, log_text=line)
