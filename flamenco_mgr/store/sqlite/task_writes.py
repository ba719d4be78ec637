"""What happens to tasks, as operations on the connection."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from flamenco_mgr.domain.tasks import SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import, SetAside
from flamenco_mgr.store.sqlite import counts, failures, families, lanes, marks, queue
from flamenco_mgr.store.sqlite.encoding import from_commands
from flamenco_mgr.store.sqlite.ledger import Ledger
from flamenco_mgr.store.sqlite.tally import Tally
from flamenco_mgr.store.sqlite.task_rows import FIELDS, change_query, changes, row

_TOLD = frozenset({"status", "job", "task_type", "worker_id"})
"""The columns that counts or events follow."""

_FAILED = frozenset({"failed_by", "job", "task_type"})

_DECIDES_WHO_WAITS = frozenset({"status", "task_type", "job_priority", "priority", "job", "failed_by", "parents"})
"""The columns that decide where the task, or its children, wait."""

_LANE = "SELECT lane FROM tasks WHERE id = ?"
_REVISION = "SELECT revision FROM tasks WHERE id = ?"
_UNPINGED = "SELECT 1 FROM tasks WHERE id = ? AND last_worker_ping IS ?"
_TOUCH = "UPDATE tasks SET revision = revision + 1 WHERE id = ? AND revision = ?"
_PLACE = f"SELECT {lanes.WAITING_COLUMNS} FROM tasks WHERE id = ?"  # noqa: S608 from our own constants
_ADD = f"""
    INSERT INTO tasks ({", ".join(FIELDS)}, revision, open_parents, held, acked)
    VALUES ({", ".join("?" for _ in FIELDS)}, ?, 0, ?, 0)
    ON CONFLICT (id) DO NOTHING
"""  # noqa: S608
_ADD_COMMANDS = "INSERT INTO commands (task, json) VALUES (?, ?)"
_CHANGE_COMMANDS = """
    UPDATE commands SET json = ?2 WHERE task = (SELECT number FROM tasks WHERE id = ?1) AND json <> ?2
"""
_UNDERSTOOD = "DELETE FROM set_aside WHERE task_id = ?"
_SET_ASIDE = """
    INSERT INTO set_aside (task_id, reason, document, since) VALUES (?, ?, ?, ?)
    ON CONFLICT (task_id) DO UPDATE SET reason = excluded.reason, document = excluded.document
"""
_HELD = f"SELECT {lanes.WAITING_COLUMNS} FROM tasks INDEXED BY tasks_held WHERE held ORDER BY number LIMIT ?"  # noqa: S608
_HOLD = "UPDATE tasks SET held = 1 WHERE id = ?"
_RELEASE = "UPDATE tasks SET held = 0 WHERE number = ?"


def apply(connection: sqlite3.Connection, tally: Tally, ledger: Ledger, transition: Transition) -> bool:
    """Change a task as decided and queue its update, or do nothing and return False; the ledger has the rest."""
    before, after = transition.before, transition.after
    if transition.unless_pinged and _is_pinged(connection, before):
        return False
    changed = _change(connection, ledger, before, after)
    if not changed or (after == before and connection.execute(_TOUCH, (before.id, before.revision)).rowcount != 1):
        return False
    if transition.update is not None:
        queue.tell(connection, tally, transition.update)
    if transition.said is not None:
        ledger.say(transition.said)
    return True


def take_in(connection: sqlite3.Connection, imports: Sequence[Import]) -> frozenset[str]:
    """Store tasks of the Server's; return the ids of those that were left alone."""
    ledger = Ledger()
    left = [one for one in imports if not _take_in(connection, ledger, one)]
    new = Counter(counts.kind(one.after) for one in imports if one.before is None)
    new.subtract(counts.kind(one.after) for one in left if one.before is None)
    counts.book(connection, new)
    ledger.write(connection)
    return frozenset(one.after.id for one in left)


def release(connection: sqlite3.Connection, limit: int) -> int:
    """Let held tasks go, and return how many."""
    tasks = [list(held) for held in connection.execute(_HELD, (limit,))]
    connection.executemany(_RELEASE, [(task[0],) for task in tasks])
    for task in tasks:
        task[3] = 0
    lanes.settle(connection, tasks)
    return len(tasks)


def set_aside(connection: sqlite3.Connection, tasks: Sequence[SetAside]) -> None:
    """Remember tasks that could not be understood; since when stays what it was."""
    for task in tasks:
        if not families.is_waited_for(connection, task.task_id):
            families.tell_children(connection, task.task_id, opened=True)
        connection.execute(_SET_ASIDE, (task.task_id, task.reason, task.document, task.since))


def erase(connection: sqlite3.Connection) -> int:
    """Remove all tasks, what belongs to them, and the mark of the last download."""
    marks.set_mark(connection, None)
    for table in ("lanes", "parents", "commands", "set_aside", "counts", "failures"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    return connection.execute("DELETE FROM tasks").rowcount


def _is_pinged(connection: sqlite3.Connection, before: Task) -> bool:
    return connection.execute(_UNPINGED, (before.id, before.last_worker_ping)).fetchone() is None


def _take_in(connection: sqlite3.Connection, ledger: Ledger, new: Import) -> bool:
    return _add(connection, new) if new.before is None else _merge(connection, ledger, new.before, new)


def _add(connection: sqlite3.Connection, new: Import) -> bool:
    added = connection.execute(_ADD, (*row(new.after), new.after.revision, new.held))
    if added.rowcount != 1:
        return False
    number = added.lastrowid
    assert number is not None, "an inserted row has a number"  # noqa: S101 to mypy
    connection.execute(_ADD_COMMANDS, (number, from_commands(new.commands)))
    failures.added(connection, new.after)
    was_aside = connection.execute(_UNDERSTOOD, (new.after.id,)).rowcount > 0
    is_open = new.after.status != TaskStatus.COMPLETED
    if is_open != was_aside:
        families.tell_children(connection, new.after.id, opened=is_open)
    if new.after.parents:  # after its children were told: a task may be its own parent
        families.have_parents(connection, number, new.after.parents)
    if not new.held:
        lanes.settle(connection, connection.execute(_PLACE, (new.after.id,)).fetchall())
    return True


def _merge(connection: sqlite3.Connection, ledger: Ledger, before: Task, new: Import) -> bool:
    if not _change(connection, ledger, before, new.after):
        return False
    if new.held:
        connection.execute(_HOLD, (before.id,))
        lanes.settle(connection, connection.execute(_PLACE, (before.id,)).fetchall())
    connection.execute(_CHANGE_COMMANDS, (before.id, from_commands(new.commands)))
    was_aside = connection.execute(_UNDERSTOOD, (before.id,)).rowcount > 0
    if was_aside and not families.is_waited_for(connection, before.id):
        families.tell_children(connection, before.id, opened=False)
    return True


def _change(connection: sqlite3.Connection, ledger: Ledger, before: Task, after: Task) -> bool:
    """Change a task whose revision is still that of ``before``; the columns that differ, and what follows from them."""
    changed = changes(before, after)
    if not changed:
        found = connection.execute(_REVISION, (before.id,)).fetchone()
        return found is not None and found[0] == before.revision
    lane = None
    if before.status in SCHEDULABLE and after.status not in SCHEDULABLE:
        (lane,) = connection.execute(_LANE, (before.id,)).fetchone() or (None,)
        changed["lane"] = None
    query = change_query(tuple(changed))
    if connection.execute(query, (*changed.values(), before.id, before.revision)).rowcount != 1:
        return False
    if not _TOLD.isdisjoint(changed):
        ledger.note(before, after)
    if not _FAILED.isdisjoint(changed):
        failures.changed(connection, before, after)
    if lane is not None:
        lanes.put_head_right(connection, lane)
    if not _DECIDES_WHO_WAITS.isdisjoint(changed):
        _rearrange(connection, before, after)
    return True


def _rearrange(connection: sqlite3.Connection, before: Task, after: Task) -> None:
    is_open = after.status != TaskStatus.COMPLETED
    was_open = before.status != TaskStatus.COMPLETED
    if is_open != was_open:
        families.tell_children_of_changed(connection, after.id, opened=is_open)
    if after.parents != before.parents:
        families.change_parents(connection, after.id, after.parents)
    if after.status in SCHEDULABLE:  # else it is in no lane any more
        lanes.settle(connection, connection.execute(_PLACE, (after.id,)).fetchall())
