"""Parents and children: how many of its parents a task still waits for."""

import sqlite3
from collections.abc import Sequence

from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.store.sqlite import lanes

_IS_OPEN = f"""
    SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND status <> '{TaskStatus.COMPLETED.value}')
        OR EXISTS (SELECT 1 FROM set_aside WHERE task_id = ?1)
"""  # noqa: S608 from our own constants
OPEN_PARENTS = f"""(
    SELECT count(*) FROM parents
    WHERE parents.task = tasks.number AND (
        EXISTS (SELECT 1 FROM tasks AS other WHERE other.id = parents.parent
                AND other.status <> '{TaskStatus.COMPLETED.value}')
        OR EXISTS (SELECT 1 FROM set_aside WHERE set_aside.task_id = parents.parent))
)"""  # noqa: S608
"""How many parents of a row of ``tasks`` are open: here and not completed, or set aside."""

_CHILDREN = "SELECT task FROM parents INDEXED BY parents_children WHERE parent = ?1"
_HAS_CHILDREN = f"SELECT EXISTS ({_CHILDREN})"
_CONCERNS_CHILDREN = f"""
    SELECT EXISTS ({_CHILDREN}) AND NOT EXISTS (SELECT 1 FROM set_aside WHERE task_id = ?1)
"""  # noqa: S608
_COUNT_IN_CHILDREN = f"UPDATE tasks SET open_parents = open_parents + ?2 WHERE number IN ({_CHILDREN})"  # noqa: S608
_TURNED = f"""
    SELECT {lanes.WAITING_COLUMNS} FROM tasks
    WHERE number IN ({_CHILDREN}) AND (lane IS NOT NULL OR open_parents = 0)
"""  # noqa: S608
_NUMBER = "SELECT number FROM tasks WHERE id = ?"
_FORGET = "DELETE FROM parents WHERE task = ?"
_ENTER = "INSERT OR IGNORE INTO parents (task, parent) VALUES (?, ?)"
_COUNT = f"UPDATE tasks SET open_parents = {OPEN_PARENTS} WHERE number = ?"  # noqa: S608


def is_waited_for(connection: sqlite3.Connection, task_id: str) -> bool:
    """Whether tasks that name this one as a parent wait for it."""
    return bool(connection.execute(_IS_OPEN, (task_id,)).fetchone()[0])


def tell_children(connection: sqlite3.Connection, task_id: str, *, opened: bool) -> None:
    """Let the children of a task know that they must wait for it, or need not any more."""
    if connection.execute(_HAS_CHILDREN, (task_id,)).fetchone()[0]:
        _tell(connection, task_id, opened=opened)


def tell_children_of_changed(connection: sqlite3.Connection, task_id: str, *, opened: bool) -> None:
    """Let the children of a task know that its status is another; of one that is set aside they need not know."""
    if connection.execute(_CONCERNS_CHILDREN, (task_id,)).fetchone()[0]:
        _tell(connection, task_id, opened=opened)


def _tell(connection: sqlite3.Connection, task_id: str, *, opened: bool) -> None:
    connection.execute(_COUNT_IN_CHILDREN, (task_id, 1 if opened else -1))
    lanes.settle(connection, connection.execute(_TURNED, (task_id,)).fetchall())


def have_parents(connection: sqlite3.Connection, number: int, parents: Sequence[str]) -> None:
    """Give a task, by its number, its parents, and count the open ones."""
    connection.executemany(_ENTER, [(number, parent) for parent in parents])
    connection.execute(_COUNT, (number,))


def change_parents(connection: sqlite3.Connection, task_id: str, parents: Sequence[str]) -> None:
    """Give a task other parents."""
    number = connection.execute(_NUMBER, (task_id,)).fetchone()[0]
    connection.execute(_FORGET, (number,))
    have_parents(connection, number, parents)
