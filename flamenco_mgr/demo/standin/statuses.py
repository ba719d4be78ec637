"""What the Server's statuses mean, and what a task's change does to its job (server-api.md 11)."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class TaskStatus(str, Enum):
    """The statuses that the Server takes for a task; it ignores an update with any other (server-api.md 11.1)."""

    UNDER_CONSTRUCTION = "under-construction"
    PAUSED = "paused"
    QUEUED = "queued"
    CLAIMED = "claimed-by-manager"
    ACTIVE = "active"
    SOFT_FAILED = "soft-failed"
    CANCEL_REQUESTED = "cancel-requested"
    CANCELED = "canceled"
    FAILED = "failed"
    COMPLETED = "completed"

    __str__ = str.__str__


class JobStatus(str, Enum):
    """The statuses of a job."""

    WAITING_FOR_FILES = "waiting-for-files"
    UNDER_CONSTRUCTION = "under-construction"
    CONSTRUCTION_FAILED = "construction-failed"
    PAUSED = "paused"
    QUEUED = "queued"
    REQUEUED = "requeued"
    ACTIVE = "active"
    CANCEL_REQUESTED = "cancel-requested"
    CANCELED = "canceled"
    FAIL_REQUESTED = "fail-requested"
    FAILED = "failed"
    COMPLETED = "completed"
    ARCHIVING = "archiving"
    ARCHIVED = "archived"

    __str__ = str.__str__


KNOWN: Final[frozenset[str]] = frozenset(TaskStatus)

FINAL: Final[frozenset[str]] = frozenset({TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.COMPLETED})
"""All that the Server hears about a task that is to be canceled."""

HANDED_OUT_JOBS: Final[frozenset[str]] = frozenset({JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.CANCEL_REQUESTED})
"""Only tasks of these jobs are in the depsgraph (server-api.md 3.2)."""

ON_CLEAN_SLATE: Final[frozenset[str]] = frozenset(
    {
        TaskStatus.QUEUED,
        TaskStatus.CLAIMED,
        TaskStatus.ACTIVE,
        TaskStatus.CANCEL_REQUESTED,
        TaskStatus.SOFT_FAILED,
    }
)
"""What a Manager gets that says nothing of what it has."""

WHEN_NEWER: Final[frozenset[str]] = frozenset({TaskStatus.QUEUED, TaskStatus.CLAIMED, TaskStatus.SOFT_FAILED})
"""What a Manager gets that says from when its newest task is."""

STOPPED: Final[Mapping[str, TaskStatus]] = {
    TaskStatus.QUEUED: TaskStatus.CANCELED,
    TaskStatus.ACTIVE: TaskStatus.CANCEL_REQUESTED,
    TaskStatus.CLAIMED: TaskStatus.CANCEL_REQUESTED,
    TaskStatus.SOFT_FAILED: TaskStatus.CANCEL_REQUESTED,
}
"""What becomes of a job's tasks when the job is stopped; all others stay as they are."""

STOPPING: Final[Mapping[str, JobStatus]] = {
    JobStatus.CANCEL_REQUESTED: JobStatus.CANCELED,
    JobStatus.FAIL_REQUESTED: JobStatus.FAILED,
}
"""What such a job becomes when none of its tasks is to be canceled any more."""

LOG_CAN_BE_ASKED_FOR: Final[frozenset[str]] = frozenset(
    {
        TaskStatus.CANCELED,
        TaskStatus.CANCEL_REQUESTED,
        TaskStatus.FAILED,
        TaskStatus.COMPLETED,
        TaskStatus.CLAIMED,
        TaskStatus.SOFT_FAILED,
    }
)
"""A user may ask for the log of such a task (server-api.md 7)."""

_FAILING_PERCENTAGE: Final = 10
_KEPT_WHEN_ACTIVE: Final = frozenset({JobStatus.FAIL_REQUESTED, JobStatus.CANCEL_REQUESTED})


def status_taken(current: str, wanted: object) -> bool:
    """Whether an update's status changes a task that has the status ``current`` (server-api.md 11.2)."""
    if not isinstance(wanted, str) or wanted == current or wanted not in KNOWN:
        return False
    return current != TaskStatus.CANCEL_REQUESTED or wanted in FINAL


def job_status_after(task_status: str, job_status: JobStatus, counts: Mapping[str, int], total: int) -> JobStatus:
    """
    Return what a job is after one of its tasks has become ``task_status`` (server-api.md 11.3).

    ``counts`` has how many of its ``total`` tasks are in each status, the changed one included.
    """
    after = job_status
    if task_status in (TaskStatus.ACTIVE, TaskStatus.SOFT_FAILED):
        after = job_status if job_status in _KEPT_WHEN_ACTIVE else JobStatus.ACTIVE
    elif task_status == TaskStatus.QUEUED:
        after = JobStatus.QUEUED if job_status is JobStatus.COMPLETED else job_status
    elif task_status == TaskStatus.CLAIMED and job_status is JobStatus.ACTIVE and not counts[TaskStatus.ACTIVE]:
        after = JobStatus.QUEUED
    elif task_status == TaskStatus.CANCELED and not counts[TaskStatus.CANCEL_REQUESTED]:
        after = STOPPING.get(job_status, job_status)
    elif task_status == TaskStatus.FAILED and counts[TaskStatus.FAILED] * 100 >= total * _FAILING_PERCENTAGE:
        after = JobStatus.FAILED
    elif task_status == TaskStatus.COMPLETED and counts[TaskStatus.COMPLETED] == total:
        after = JobStatus.COMPLETED
    elif task_status in (TaskStatus.FAILED, TaskStatus.COMPLETED) and job_status is JobStatus.QUEUED:
        after = JobStatus.ACTIVE
    return after
