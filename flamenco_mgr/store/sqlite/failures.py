"""Which workers failed at which tasks: the table ``failures`` follows what the tasks themselves say."""

import sqlite3
from collections.abc import Sequence

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.interfaces import FailedBefore
from flamenco_mgr.store.sqlite.encoding import to_failed_by
from flamenco_mgr.store.sqlite.task_rows import COLUMNS, task

Group = tuple[str, str, str]
"""A job, a task type, and who failed, as a column."""

FIRST: Group = ("", "", "")
"""What is before every group."""

_ENTER = "INSERT OR IGNORE INTO failures (worker_id, job, task_type, task) VALUES (?, ?, ?, ?)"
_REMOVE = "DELETE FROM failures WHERE worker_id = ? AND job = ? AND task_type = ? AND task = ?"
_COUNT = "SELECT count(*) FROM failures WHERE worker_id = ? AND job = ? AND task_type = ?"

# From one group of tasks to the next, so that it does not matter how many there are of each.
_NEXT = """
    SELECT job, task_type, failed_by FROM tasks INDEXED BY tasks_failed_before
    WHERE failed_by <> '' AND status IN ('claimed-by-manager', 'queued', 'soft-failed')
        AND (job, task_type, failed_by) > (?, ?, ?)
    ORDER BY job, task_type, failed_by LIMIT 1
"""
_WAITING = f"""
    SELECT {COLUMNS} FROM tasks INDEXED BY tasks_waiting
    WHERE job = ? AND task_type = ? AND id > ? AND status IN ('claimed-by-manager', 'queued', 'soft-failed')
    ORDER BY id LIMIT ?
"""  # noqa: S608 from our own constants


def added(connection: sqlite3.Connection, task: Task) -> None:
    """Follow a task that is new."""
    if task.failed_by:
        connection.executemany(_ENTER, _rows(task))


def changed(connection: sqlite3.Connection, before: Task, after: Task) -> None:
    """Follow a task whose job, type or failed workers are others now."""
    if before.failed_by:
        connection.executemany(_REMOVE, _rows(before))
    added(connection, after)


def count(connection: sqlite3.Connection, worker_id: str, job: str, task_type: str) -> int:
    """Return at how many tasks of a job and type a worker failed."""
    return int(connection.execute(_COUNT, (worker_id, job, task_type)).fetchone()[0])


def failed_before(connection: sqlite3.Connection, after: Group, limit: int) -> Sequence[Group]:
    """Return which schedulable tasks were failed at: up to so many groups, behind the last one of those before."""
    found: list[Group] = []
    while len(found) < limit and (after := connection.execute(_NEXT, after).fetchone()) is not None:
        found.append(after)
    return found


def group(group: Group) -> FailedBefore:
    """Return what a group is."""
    job, task_type, failed_by = group
    workers = frozenset(failed.id for failed in to_failed_by(failed_by))
    return FailedBefore(job=job, task_type=task_type, failed_by=workers)


def waiting(connection: sqlite3.Connection, job: str, task_type: str, after: str, limit: int) -> tuple[Task, ...]:
    """Return a page of the schedulable tasks of a job and type, by their ids."""
    return tuple(task(row) for row in connection.execute(_WAITING, (job, task_type, after, limit)))


def _rows(task: Task) -> Sequence[tuple[str, str, str, str]]:
    return [(failed.id, task.job, task.task_type, task.id) for failed in task.failed_by]
