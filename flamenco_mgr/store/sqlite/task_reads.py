"""What is asked about tasks, as operations on the connection."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from flamenco_mgr.domain.tasks import FINISHED, Command, Task
from flamenco_mgr.store.interfaces import SetAside, Standing
from flamenco_mgr.store.sqlite import lanes
from flamenco_mgr.store.sqlite.encoding import to_commands
from flamenco_mgr.store.sqlite.task_rows import COLUMNS, LAST, task

FINAL = ", ".join(f"'{status}'" for status in sorted(str(status) for status in FINISHED))

_TASK = f"SELECT {COLUMNS}, acked FROM tasks WHERE id = ?"  # noqa: S608 from our own constants
_COMMANDS = "SELECT json FROM tasks JOIN commands ON commands.task = tasks.number WHERE id = ?"
_JOBS_OF = "SELECT id, job FROM tasks WHERE id IN (SELECT value FROM json_each(?))"
_HELD_BY = f"""
    SELECT {COLUMNS} FROM tasks INDEXED BY tasks_of_worker
    WHERE worker_id = ? AND status IN ('active', 'cancel-requested') ORDER BY id
"""  # noqa: S608
_ACTIVE_FOR = f"""
    SELECT {COLUMNS} FROM tasks INDEXED BY tasks_of_worker
    WHERE worker_id = ? AND status IN ('active', 'cancel-requested') AND status = 'active' ORDER BY id LIMIT 1
"""  # noqa: S608
_WAITING = f"SELECT max(status IN ({FINAL})), count(*) FROM updates INDEXED BY updates_of_task WHERE task_id = ?"  # noqa: S608
_ASIDE = "SELECT task_id, reason, document, since FROM set_aside ORDER BY since, task_id LIMIT 100"
_HERE = "SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ?1) OR EXISTS (SELECT 1 FROM set_aside WHERE task_id = ?1)"
_STOPPING = f"""
    SELECT {COLUMNS} FROM tasks INDEXED BY tasks_to_cancel
    WHERE status = 'cancel-requested' ORDER BY cancel_requested_at, id LIMIT ?
"""  # noqa: S608


def get(connection: sqlite3.Connection, task_id: str) -> Task | None:
    """Return a task, or None."""
    row = connection.execute(_TASK, (task_id,)).fetchone()
    return None if row is None else task(row)


def commands(connection: sqlite3.Connection, task_id: str) -> tuple[Command, ...]:
    """Return the commands of a task."""
    row = connection.execute(_COMMANDS, (task_id,)).fetchone()
    return () if row is None else to_commands(row[0])


def jobs_of(connection: sqlite3.Connection, task_ids: Collection[str]) -> Mapping[str, str]:
    """Return the job of each of these tasks that is here."""
    return dict(connection.execute(_JOBS_OF, (json.dumps(list(task_ids)),)).fetchall())


def held_by(connection: sqlite3.Connection, worker_id: str) -> tuple[Task, ...]:
    """Return the tasks that a worker is on."""
    return tuple(task(row) for row in connection.execute(_HELD_BY, (worker_id,)))


def candidate(
    connection: sqlite3.Connection,
    worker_id: str,
    task_types: Sequence[str],
    skip: Collection[str],
    banned_since: float,
) -> Task | None:
    """Return the task that is active for the worker, or the best that it may start."""
    active = connection.execute(_ACTIVE_FOR, (worker_id,)).fetchone()
    if active is not None:
        return task(active)
    task_id = lanes.best(connection, worker_id, task_types, skip, banned_since)
    return None if task_id is None else get(connection, task_id)


def standing(connection: sqlite3.Connection, task_ids: Collection[str]) -> Mapping[str, Standing]:
    """Return how each of these tasks stands."""
    return {task_id: _standing(connection, task_id) for task_id in task_ids}


def _standing(connection: sqlite3.Connection, task_id: str) -> Standing:
    row = connection.execute(_TASK, (task_id,)).fetchone()
    final_waits, waiting = connection.execute(_WAITING, (task_id,)).fetchone()
    return Standing(
        task=None if row is None else task(row),
        waiting=bool(waiting),
        final_waits=bool(final_waits),
        acked=0 if row is None else row[LAST],
    )


def aside(connection: sqlite3.Connection) -> tuple[SetAside, ...]:
    """Return tasks that are set aside, the oldest first."""
    return tuple(
        SetAside(task_id=task_id, reason=reason, document=document, since=since)
        for task_id, reason, document, since in connection.execute(_ASIDE)
    )


def missing(connection: sqlite3.Connection, task_ids: Collection[str]) -> frozenset[str]:
    """Return which of these are neither here nor set aside."""
    return frozenset(task_id for task_id in task_ids if not connection.execute(_HERE, (task_id,)).fetchone()[0])


def stopping(connection: sqlite3.Connection, limit: int) -> tuple[Task, ...]:
    """Return tasks that are to be cancelled, those that wait longest first."""
    return tuple(task(row) for row in connection.execute(_STOPPING, (limit,)))
