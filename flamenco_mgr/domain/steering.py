"""What an operator may do with a task here, and what only the Server may (server-api.md 5, 17; task-lifecycle.md 2)."""

from attrs import evolve

from flamenco_mgr.domain.assigning import taken_back
from flamenco_mgr.domain.cancelling import LOCAL_ACTIVITY
from flamenco_mgr.domain.stamps import log_stamp
from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.updates import TaskUpdate, Transition

BY_OPERATOR = "requeued by an operator"


def why_not_requeued(task: Task) -> str:
    """
    Return why a task cannot be requeued here, the empty text if it can.

    The Server decides about its jobs by what becomes of their tasks: one that has ended is requeued there. Taking a
    task back from its worker is up to the Manager, as when the worker is gone.
    """
    if task.status == TaskStatus.ACTIVE or (task.is_local and task.status in SCHEDULABLE | FINISHED):
        return ""
    if task.status in SCHEDULABLE:
        return f"the task is {task.status}: it waits for a worker already"
    if task.status in FINISHED:
        return f"the task is {task.status}, and only the Flamenco Server can requeue it, where its job is known"
    if task.status == TaskStatus.CANCEL_REQUESTED:
        return "the task is being cancelled"
    return f"the task is {task.status}: the Flamenco Server holds it back"


def requeued(task: Task, holder: str, *, now: float, update_id: str) -> Transition | None:
    """
    Let workers have a task again, or return None if that is not for us to do.

    ``holder`` is a name of the worker that has it, for people. A local task forgets who failed at it.
    """
    if why_not_requeued(task):
        return None
    if task.status == TaskStatus.ACTIVE:
        return taken_back(task, holder, BY_OPERATOR, now=now, update_id=update_id)
    activity = f"Manager has this task {BY_OPERATOR}"
    after = evolve(
        task,
        status=TaskStatus.QUEUED.value,
        activity=activity,
        failed_by=(),
        timing={},
        progress=None,
        last_updated=now,
    )
    return Transition(before=task, after=after, log_text=f"{log_stamp(now)}: {activity}\n")


def why_not_cancelled(task: Task) -> str:
    """Return why a task cannot be cancelled here, the empty text if it can, or is being cancelled."""
    if not task.is_local:
        return "the task is the Flamenco Server's: cancel it there, the Manager hears of it within seconds"
    if task.status in FINISHED:
        return f"the task is over: it is {task.status}"
    return ""


def cancelled_by_operator(task: Task, *, now: float) -> Transition | None:
    """
    Cancel a local task, or return None if there is nothing to do.

    One that runs is asked back from its worker first; the cancellation is confirmed when that has stopped.
    """
    if why_not_cancelled(task) or task.status == TaskStatus.CANCEL_REQUESTED:
        return None
    if task.status == TaskStatus.ACTIVE:
        after = evolve(task, status=TaskStatus.CANCEL_REQUESTED.value, cancel_requested_at=now, last_updated=now)
        return Transition(before=task, after=after)
    after = evolve(task, status=TaskStatus.CANCELED.value, activity=LOCAL_ACTIVITY, last_updated=now)
    return Transition(before=task, after=after, log_text=f"{log_stamp(now)}: {LOCAL_ACTIVITY}\n")


def why_not_told(update: TaskUpdate, task: Task | None) -> str:
    """
    Return why an update that was parked must not be told to the Server any more, the empty text if it may.

    The Server takes what comes last for the newest (server-api.md 5.3): a status that the task no longer has would
    move it back there.
    """
    if task is None or update.status is None or update.status == task.status:
        return ""
    return f"the task is {task.status} now, and {update.status} would be told after that"


def told_again(update: TaskUpdate, task: Task, *, now: float, update_id: str) -> Transition | None:
    """
    Tell the Server what was parked, as its newest word of the task, or None if that must not be.

    Who failed and how far the task is, is told as it is now.
    """
    if why_not_told(update, task):
        return None
    again = evolve(
        update,
        id=update_id,
        received_at=now,
        failed_by=None if update.failed_by is None else task.failed_by,
        progress=task.progress or update.progress,
    )
    return Transition(before=task, after=task, update=again)
