"""What a task is, and what its statuses mean."""

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

MANAGER_LOCAL = "manager-local"
"""The job type of tasks that the Server does not know (task-lifecycle.md 15)."""

UNKNOWN_TYPE = "unknown"
"""The task type of a task that came without one."""


class TaskStatus(str, Enum):
    """The statuses that have a meaning here; any other text is kept, and is neither schedulable nor runnable."""

    QUEUED = "queued"
    CLAIMED = "claimed-by-manager"
    SOFT_FAILED = "soft-failed"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    CANCEL_REQUESTED = "cancel-requested"
    PAUSED = "paused"
    UNDER_CONSTRUCTION = "under-construction"

    __str__ = str.__str__


SCHEDULABLE: frozenset[str] = frozenset({TaskStatus.QUEUED, TaskStatus.CLAIMED, TaskStatus.SOFT_FAILED})
"""A worker may be given the task."""

FINISHED: frozenset[str] = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED})
"""Nothing more happens to the task unless the Server requeues it."""

KNOWN: frozenset[str] = frozenset(status.value for status in TaskStatus)

REPORTABLE: frozenset[str] = frozenset(
    {TaskStatus.ACTIVE, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED}
)
"""What a worker may say of its task (worker-api.md 4.4)."""


@frozen(kw_only=True)
class FailedBy:
    """A worker that failed at the task."""

    id: str
    identifier: str = ""


@frozen(kw_only=True)
class Progress:
    """How far a worker says it is: percentages 0–100, and the command's index from 0."""

    task_percentage: int = 0
    command_index: int = 0
    command_percentage: int = 0


@frozen(kw_only=True)
class Command:
    """One step of a task, as the Server wrote it: ``{name}`` in its settings are variables."""

    name: str
    settings: Mapping[str, object] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class Task:
    """
    A task without its commands, which only the worker needs that is given it.

    Times are seconds since 1970, UTC. ``worker`` is a name for people, ``worker_id`` the worker that has the task or
    had it last. ``progress`` is None until the worker that has the task reports for the first time.
    ``cancel_requested_at`` is when the Server's wish to cancel a running task was heard. ``revision`` grows with
    every change and is what conditional changes compare.
    """

    id: str
    job: str
    status: str
    name: str = ""
    priority: int = 0
    job_priority: int = 0
    job_type: str = ""
    task_type: str = UNKNOWN_TYPE
    parents: tuple[str, ...] = ()
    etag: str = ""
    manager: str = ""
    project: str = ""
    user: str = ""
    log: str = ""
    activity: str = ""
    worker: str = ""
    worker_id: str | None = None
    failed_by: tuple[FailedBy, ...] = ()
    timing: Mapping[str, float] = field(factory=dict, hash=False)
    progress: Progress | None = None
    last_worker_ping: float | None = None
    last_updated: float | None = None
    cancel_requested_at: float | None = None
    revision: int = 0

    @property
    def is_local(self) -> bool:
        """Whether only this Manager knows the task, so that the Server is neither asked nor told about it."""
        return self.job_type == MANAGER_LOCAL

    def belongs_to_another(self, worker_id: str) -> bool:
        """Whether another worker than this one has the task, or had it last."""
        return self.worker_id is not None and self.worker_id != worker_id


@frozen(kw_only=True)
class ServerTask:
    """A task as the Server describes it: what it is now, and its commands."""

    task: Task
    commands: tuple[Command, ...] = ()
