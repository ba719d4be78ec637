"""What is worth remembering of what happens: changes of status, who was given a task, and what operators did."""

from enum import Enum

from attrs import frozen

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.workers import Worker

COMPLETED, FAILED = "completed", "failed"
"""What became of a download that somebody has asked for."""

LONGEST_TEXT = 1000
"""Characters of what a task says that are remembered."""


class EventKind(str, Enum):
    """What an event is about."""

    TASK = "task"
    WORKER = "worker"
    OPERATOR = "operator"
    FARM = "farm"
    DOWNLOAD = "download"

    __str__ = str.__str__


@frozen(kw_only=True)
class Event:
    """
    Something that happened at an instant (seconds since 1970, UTC, by this Manager's clock).

    ``before`` and ``after`` are statuses, where one changed; a download is `COMPLETED` or `FAILED` after it. ``task``,
    ``job`` and ``worker`` are ids. ``text`` is for people.
    """

    at: float
    kind: str
    before: str = ""
    after: str = ""
    task: str | None = None
    job: str | None = None
    worker: str | None = None
    text: str = ""


def of_task(before: Task, after: Task) -> Event | None:
    """Return what a change of a task is in the history: another status or another worker, else None."""
    if before.status == after.status and before.worker_id == after.worker_id:
        return None
    return Event(
        at=after.last_updated or 0.0,
        kind=EventKind.TASK.value,
        before=before.status,
        after=after.status,
        task=after.id,
        job=after.job,
        worker=after.worker_id,
        text=after.activity[:LONGEST_TEXT],
    )


def of_download(now: float, text: str, *, failed: bool) -> Event:
    """Return what became of a download that somebody has asked for (dashboard.md W17)."""
    return Event(at=now, kind=EventKind.DOWNLOAD.value, after=FAILED if failed else COMPLETED, text=text[:LONGEST_TEXT])


def of_worker(before: Worker, after: Worker, now: float) -> Event | None:
    """Return what a change of a worker is in the history: another status, or something else asked of it, else None."""
    if before.status == after.status and before.status_requested == after.status_requested:
        return None
    return Event(
        at=now,
        kind=EventKind.WORKER.value,
        before=before.status,
        after=after.status,
        worker=after.id,
        text=f"asked to be {after.status_requested}" if after.status_requested else "",
    )
