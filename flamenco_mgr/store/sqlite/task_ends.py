"""Tasks that run, and those that are over and are forgotten, as operations on the connection."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.store.interfaces import Page, Place
from flamenco_mgr.store.sqlite import counts
from flamenco_mgr.store.sqlite.task_reads import FINAL
from flamenco_mgr.store.sqlite.task_rows import COLUMNS, LAST, task

_NEVER = -1.0
"""What the index ``tasks_over`` has of tasks of which nobody knows when they changed."""

_ACTIVE = f"""
    SELECT {COLUMNS} FROM tasks INDEXED BY tasks_active WHERE status = 'active' AND id > ? ORDER BY id LIMIT ?
"""  # noqa: S608 from our own constants
_OVER = f"""
    SELECT {COLUMNS}, coalesce(last_updated, -1) FROM tasks INDEXED BY tasks_over
    WHERE status IN ({FINAL}) AND (coalesce(last_updated, -1), id) > (?, ?) AND coalesce(last_updated, -1) <= ?
    ORDER BY coalesce(last_updated, -1), id LIMIT ?
"""  # noqa: S608
_REMOVE = f"""
    DELETE FROM tasks
    WHERE id = ?1 AND revision = ?2 AND last_worker_ping IS ?3 AND status IN ({FINAL}) AND NOT held
        AND NOT EXISTS (SELECT 1 FROM set_aside WHERE task_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM updates INDEXED BY updates_of_task WHERE task_id = ?1)
        AND NOT EXISTS (
            SELECT 1 FROM parents INDEXED BY parents_children JOIN tasks AS child ON child.number = parents.task
            WHERE parents.parent = ?1
                AND (tasks.status <> '{TaskStatus.COMPLETED.value}' OR child.status NOT IN ({FINAL})))
"""  # noqa: S608
_FAILED_NO_MORE = "DELETE FROM failures WHERE worker_id = ? AND job = ? AND task_type = ? AND task = ?"


def active(connection: sqlite3.Connection, after: str, limit: int) -> tuple[Task, ...]:
    """Return active tasks after this id."""
    return tuple(map(task, connection.execute(_ACTIVE, (after, limit))))


def over(connection: sqlite3.Connection, before: float, after: Place | None, limit: int) -> Page[Task]:
    """Return a page of finished tasks."""
    time, last = (_NEVER, "") if after is None else (float(after[0]), after[1])
    rows = connection.execute(_OVER, (time, last, before, limit + 1)).fetchall()
    tasks = tuple(map(task, rows[:limit]))
    more = len(rows) > limit
    return Page(items=tasks, next=(repr(rows[limit - 1][LAST]), tasks[-1].id) if more else None)


def remove(connection: sqlite3.Connection, tasks: Sequence[Task]) -> frozenset[str]:
    """Forget finished tasks that nothing waits for; return the ids of those that are gone."""
    gone = [one for one in tasks if _is_removed(connection, one)]
    counts.book(connection, {kind: -number for kind, number in Counter(map(counts.kind, gone)).items()})
    failures = [(failed.id, one.job, one.task_type, one.id) for one in gone for failed in one.failed_by]
    connection.executemany(_FAILED_NO_MORE, failures)
    return frozenset(one.id for one in gone)


def _is_removed(connection: sqlite3.Connection, one: Task) -> bool:
    return connection.execute(_REMOVE, (one.id, one.revision, one.last_worker_ping)).rowcount == 1
