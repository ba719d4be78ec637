"""Whether a worker may go on with its task."""

from attrs import frozen

from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.domain.workers import WORKING, Worker, WorkerStatus


@frozen(kw_only=True)
class Verdict:
    """The answer to a worker that asks whether to go on; ``status_requested`` is what it is asked to become."""

    may_keep_running: bool
    reason: str = ""
    status_requested: str | None = None


def may_i_run(task: Task | None, task_id: str, worker: Worker) -> Verdict:
    """
    Decide whether a worker may go on with a task (worker-api.md 4.6).

    A worker that is told no must never be asked to be awake in the same breath: it would start a second loop.
    """
    requested = worker.status_requested
    reason = _why_not(task, task_id, worker)
    if not reason:
        return Verdict(may_keep_running=True, status_requested=requested)
    told = None if requested == WorkerStatus.AWAKE else requested
    return Verdict(may_keep_running=False, reason=reason, status_requested=told)


def _why_not(task: Task | None, task_id: str, worker: Worker) -> str:
    if task is None:
        return f"task {task_id} is not known here"
    if task.belongs_to_another(worker.id):
        return f"task {task_id} is assigned to another worker"
    if task.status != TaskStatus.ACTIVE:
        return f"task {task_id} in non-runnable status {task.status}"
    if worker.status_requested and not worker.lazy_status_request and worker.status_requested not in WORKING:
        return f"worker status change to {worker.status_requested} requested"
    return ""


def wakes(worker: Worker, verdict: Verdict) -> bool:
    """
    Whether the question itself shows that the worker is awake.

    A sleeper that gets a no has only been overtaken by its own "I am asleep".
    """
    if worker.status in WORKING:
        return False
    return verdict.may_keep_running or worker.status != WorkerStatus.ASLEEP
