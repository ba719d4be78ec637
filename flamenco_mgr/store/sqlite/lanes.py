"""
Lanes: the tasks that may run, sorted so that the best one for a worker is found at once.

Two tasks that differ in nothing but their ids are worth the same to every worker, but for the order of their ids. A
lane holds such tasks: of one type, job, priority and job priority, and failed at by the same workers. So what a worker
may not have (tasks it failed at, kinds of tasks that it is banned from) is passed over a lane at a time, however many
tasks that is, and of a lane only its least id, the head, is ever compared.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from flamenco_mgr.domain.tasks import SCHEDULABLE
from flamenco_mgr.store.sqlite.encoding import to_failed_by

WAITING_COLUMNS = "number, lane, open_parents, held, status, task_type, job_priority, priority, job, failed_by"
"""What `settle` must know of a task."""

_Key = tuple[str, int, int, str, str]

_WALK = """
    SELECT lane, job_priority, priority, head FROM lanes INDEXED BY lanes_in_order
    WHERE task_type = ?1 AND instr(failed_by, ?2) = 0 AND NOT EXISTS (
        SELECT 1 FROM blacklist
        WHERE worker_id = ?3 AND blacklist.job = lanes.job AND blacklist.task_type = ?1 AND created >= ?4)
    ORDER BY job_priority DESC, priority DESC, head
"""
_OF_LANE = "SELECT id FROM tasks INDEXED BY tasks_in_lane WHERE lane = ? ORDER BY id LIMIT ?"
_FIND = "SELECT lane FROM lanes WHERE task_type = ? AND job_priority = ? AND priority = ? AND job = ? AND failed_by = ?"
_FOUND = "INSERT INTO lanes (task_type, job_priority, priority, job, failed_by, head) VALUES (?, ?, ?, ?, ?, '')"
_MOVE = "UPDATE tasks SET lane = ? WHERE number = ?"
_MOVE_ALL = "UPDATE tasks SET lane = ? WHERE number IN (SELECT value FROM json_each(?))"
_LEAD = "UPDATE lanes SET head = ?1 WHERE lane = ?2 AND head <> ?1"
_KEY = "SELECT task_type, job_priority, priority, job, failed_by FROM lanes WHERE lane = ?"
_CLOSE = "DELETE FROM lanes WHERE lane = ?"


def best(
    connection: sqlite3.Connection,
    worker_id: str,
    task_types: Iterable[str],
    skip: Collection[str],
    banned_since: float,
) -> str | None:
    """Return the id of the best task that a worker may have, out of the lanes of these types."""
    found: tuple[int, int, str] | None = None
    for task_type in task_types:
        walk = connection.execute(_WALK, (task_type, _between_line_ends(worker_id), worker_id, banned_since))
        for lane, job_priority, priority, head in walk:
            if found is not None and found <= (-job_priority, -priority, head):
                break
            task_id = _least(connection, lane, head, skip)
            if task_id is not None:
                here = (-job_priority, -priority, task_id)
                found = here if found is None else min(found, here)
        walk.close()
    return None if found is None else found[2]


def settle(connection: sqlite3.Connection, tasks: Sequence[Sequence[Any]]) -> None:
    """Put tasks, given by their `WAITING_COLUMNS`, into the lane where they belong now, or into none."""
    lanes: dict[_Key, int] = {}
    moves: dict[int | None, list[int]] = {}
    touched: set[int] = set()
    for task in tasks:
        number, old = task[0], task[1]
        key = _key(task)
        new = None if key is None else lanes.get(key)
        if new is None and key is not None:
            new = lanes[key] = _lane(connection, key)
        if new != old:
            moves.setdefault(new, []).append(number)
            touched.update(lane for lane in (old, new) if lane is not None)
    for lane, numbers in moves.items():
        if len(numbers) == 1:
            connection.execute(_MOVE, (lane, numbers[0]))
        else:
            connection.execute(_MOVE_ALL, (lane, str(numbers)))
    for lane in touched:
        put_head_right(connection, lane)


def misplaced(connection: sqlite3.Connection, tasks: Iterable[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return those of the tasks, given by their `WAITING_COLUMNS`, that are not in the lane where they belong."""
    keys: dict[int | None, _Key | None] = {None: None}
    wrong = []
    for task in tasks:
        lane = task[1]
        if lane not in keys:
            keys[lane] = connection.execute(_KEY, (lane,)).fetchone()
        if (lane is not None and keys[lane] is None) or keys[lane] != _key(task):
            wrong.append(task)
    return wrong


def put_head_right(connection: sqlite3.Connection, lane: int) -> None:
    """Let a lane be led by its least task, or close it when it is empty."""
    row = connection.execute(_OF_LANE, (lane, 1)).fetchone()
    if row is None:
        connection.execute(_CLOSE, (lane,))
    else:
        connection.execute(_LEAD, (row[0], lane))


def _key(task: Sequence[Any]) -> _Key | None:
    """Return what the lane of a task has in common, or None if no worker may have the task."""
    _, _, open_parents, held, status, task_type, job_priority, priority, job, failed_by = task
    if open_parents or held or status not in SCHEDULABLE:
        return None
    return (task_type, job_priority, priority, job, failed_at(failed_by))


def failed_at(failed_by: str) -> str:
    """Return the workers of a task's column ``failed_by`` as a lane names them."""
    workers = {failed.id for failed in to_failed_by(failed_by)}
    return _between_line_ends("\n".join(sorted(workers))) if workers else ""


def _between_line_ends(text: str) -> str:
    return f"\n{text}\n"


def _lane(connection: sqlite3.Connection, key: _Key) -> int:
    row = connection.execute(_FIND, key).fetchone()
    lane: int | None = row[0] if row else connection.execute(_FOUND, key).lastrowid
    assert lane is not None, "an inserted row has a number"  # noqa: S101 to mypy
    return lane


def _least(connection: sqlite3.Connection, lane: int, head: str, skip: Collection[str]) -> str | None:
    if head not in skip:
        return head
    for (task_id,) in connection.execute(_OF_LANE, (lane, len(skip) + 1)):
        if task_id not in skip:
            return str(task_id)
    return None
