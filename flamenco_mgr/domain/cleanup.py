"""What is forgotten when it has not been of use for long (task-lifecycle.md 12; 21.23, 21.31)."""

from attrs import frozen

from flamenco_mgr.domain.tasks import FINISHED, Task
from flamenco_mgr.domain.timeouts import last_heard
from flamenco_mgr.domain.workers import Worker, WorkerStatus

REMOVED = "worker is being auto-removed"
"""What is said of the tasks that a worker has when it is removed (task-lifecycle.md 6)."""


@frozen(kw_only=True)
class WorkerCleanupRules:
    """Which workers are removed: not heard of for ``max_age`` seconds, and in one of these statuses."""

    max_age: float
    statuses: frozenset[str]

    @property
    def off(self) -> bool:
        """Whether none is removed ever."""
        return not self.max_age or not self.statuses


def is_over(task: Task, before: float) -> bool:
    """
    Whether a task has ended, and nothing has been heard of it since.

    The last word of a worker counts, and the last change; a task without either is old.
    """
    known = [time for time in (task.last_worker_ping, task.last_updated) if time is not None]
    return task.status in FINISHED and all(time <= before for time in known)


def is_to_be_removed(worker: Worker, rules: WorkerCleanupRules, now: float) -> bool:
    """
    Whether a worker is removed without anybody having asked for it.

    One that only registered, and has no status, is as good as offline; it counts from its registration.
    """
    if rules.off:
        return False
    heard = last_heard(worker)
    status = worker.status or WorkerStatus.OFFLINE.value
    return status in rules.statuses and heard is not None and heard < now - rules.max_age
