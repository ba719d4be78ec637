"""Tasks as rows of the table ``tasks``."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.sqlite.encoding import (
    from_failed_by,
    from_progress,
    from_texts,
    from_timing,
    to_failed_by,
    to_progress,
    to_texts,
    to_timing,
)

Row = tuple[Any, ...]

FIELDS = (
    "id",
    "status",
    "job",
    "name",
    "priority",
    "job_priority",
    "job_type",
    "task_type",
    "etag",
    "manager",
    "project",
    "user",
    "worker",
    "worker_id",
    "progress",
    "last_worker_ping",
    "last_updated",
    "cancel_requested_at",
    "timing",
    "failed_by",
    "activity",
    "log",
    "parents",
)
"""The fields of `Task` but its revision, which the store counts itself; each is a column of the same name."""

COLUMNS = ", ".join((*FIELDS, "revision"))
"""What `task` reads."""

LAST = len(FIELDS) + 1
"""Where the columns begin that a query adds."""

_ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "progress": from_progress,
    "timing": from_timing,
    "failed_by": from_failed_by,
    "parents": from_texts,
}

_values = attrgetter(*FIELDS)


def task(row: Row) -> Task:
    """Return the task of a row that begins with `COLUMNS`."""
    return Task(
        id=row[0],
        status=row[1],
        job=row[2],
        name=row[3],
        priority=row[4],
        job_priority=row[5],
        job_type=row[6],
        task_type=row[7],
        etag=row[8],
        manager=row[9],
        project=row[10],
        user=row[11],
        worker=row[12],
        worker_id=row[13],
        progress=to_progress(row[14]),
        last_worker_ping=row[15],
        last_updated=row[16],
        cancel_requested_at=row[17],
        timing=to_timing(row[18]),
        failed_by=to_failed_by(row[19]),
        activity=row[20],
        log=row[21],
        parents=to_texts(row[22]),
        revision=row[23],
    )


def row(task: Task) -> Row:
    """Return a task's values in the order of `FIELDS`."""
    return (
        task.id,
        task.status,
        task.job,
        task.name,
        task.priority,
        task.job_priority,
        task.job_type,
        task.task_type,
        task.etag,
        task.manager,
        task.project,
        task.user,
        task.worker,
        task.worker_id,
        from_progress(task.progress),
        task.last_worker_ping,
        task.last_updated,
        task.cancel_requested_at,
        from_timing(task.timing),
        from_failed_by(task.failed_by),
        task.activity,
        task.log,
        from_texts(task.parents),
    )


def changes(before: Task, after: Task) -> dict[str, Any]:
    """Return the columns that differ, with what they become."""
    return {
        name: _ENCODERS[name](new) if name in _ENCODERS else new
        for name, old, new in zip(FIELDS, _values(before), _values(after), strict=True)
        if old != new
    }


@lru_cache(maxsize=256)
def change_query(names: tuple[str, ...]) -> str:
    """Return the statement that changes these columns of a task if its revision is the one expected."""
    assignments = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE tasks SET {assignments}, revision = revision + 1 WHERE id = ? AND revision = ?"  # noqa: S608
