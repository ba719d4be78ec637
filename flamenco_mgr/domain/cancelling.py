"""The Server wants a task cancelled (server-api.md 5.6)."""

from attrs import evolve

from flamenco_mgr.domain.stamps import log_stamp
from flamenco_mgr.domain.tasks import FINISHED, Task, TaskStatus
from flamenco_mgr.domain.updates import TaskUpdate, Transition, log_tail

GRACE = 60.0
"""Seconds that the worker of a task is given to stop before the cancellation is confirmed without it."""

ACTIVITY = "Manager cancelled task by request of Flamenco Server"

LOCAL_ACTIVITY = "Manager cancelled task by request of an operator"
"""Of a task that the Server does not know."""


def cancelled(task: Task, *, final_waits: bool, heard_at: float, now: float, update_id: str) -> Transition | None:
    """
    Obey the Server's wish, or return None if there is nothing to do now.

    ``final_waits`` says that an update with a final status of the task is in the queue already: the Server will hear
    it. ``heard_at`` is when this Manager heard of the wish (see `overdue`). An active task is asked back from its
    worker first; a task that had ended says so again.
    """
    if task.status == TaskStatus.ACTIVE:
        after = evolve(task, status=TaskStatus.CANCEL_REQUESTED.value, cancel_requested_at=now, last_updated=now)
        return Transition(before=task, after=after)
    if task.status == TaskStatus.CANCEL_REQUESTED:
        return confirmed(task, now=now, update_id=update_id) if overdue(task, heard_at, now) else None
    if task.status in FINISHED:
        if final_waits or task.is_local:
            return None
        again = TaskUpdate(id=update_id, task_id=task.id, received_at=now, status=task.status, progress=task.progress)
        return Transition(before=task, after=task, update=again)
    return confirmed(task, now=now, update_id=update_id)


def confirmed(task: Task, *, now: float, update_id: str) -> Transition:
    """Cancel a task that no worker is on any more, and tell the Server so in one update."""
    activity = LOCAL_ACTIVITY if task.is_local else ACTIVITY
    line = f"{log_stamp(now)}: {activity}\n"
    after = evolve(
        task, status=TaskStatus.CANCELED.value, activity=activity, last_updated=now, cancel_requested_at=None
    )
    update = TaskUpdate(
        id=update_id,
        task_id=task.id,
        received_at=now,
        status=TaskStatus.CANCELED.value,
        activity=activity,
        log_tail=log_tail(line),
        progress=task.progress,
    )
    return Transition(before=task, after=after, update=None if task.is_local else update, log_text=line)


def confirmed_unknown(task_id: str, *, now: float, update_id: str) -> TaskUpdate:
    """Confirm the cancellation of a task that is not here."""
    return TaskUpdate(
        id=update_id,
        task_id=task_id,
        received_at=now,
        status=TaskStatus.CANCELED.value,
        activity=ACTIVITY,
        log_tail=f"{log_stamp(now)}: {ACTIVITY}\n",
    )


def overdue(task: Task, heard_at: float, now: float) -> bool:
    """
    Whether a task that waits to be cancelled has waited long enough for its worker, or has none.

    The wait is counted from when this Manager heard of it: before, no worker could hear of it here, and when another
    Manager did is by another clock.
    """
    return task.worker_id is None or task.cancel_requested_at is None or now - heard_at >= GRACE
