"""The queue of what the Server has yet to hear, as operations on the connection."""

import sqlite3

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.updates import TaskUpdate, merged, only_words
from flamenco_mgr.store.sqlite import events
from flamenco_mgr.store.sqlite.tally import Tally
from flamenco_mgr.store.sqlite.update_rows import COLUMNS, row, size, update

_LAST_OF_TASK = f"""
    SELECT {COLUMNS}, seq FROM updates INDEXED BY updates_of_task WHERE task_id = ? ORDER BY seq DESC LIMIT 1
"""  # noqa: S608
_APPEND = f"""
    INSERT OR IGNORE INTO updates ({COLUMNS}, version, unhandled, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?)
"""  # noqa: S608
# Not the columns that merging leaves alone: naming them, SQLite would write their indexes anew.
_REPLACE = """
    UPDATE updates SET
        received_at = ?, activity = ?, log_tail = ?, worker = ?, timing = ?, progress = ?, bytes = ?,
        version = version + 1
    WHERE seq = ?
"""


def append(connection: sqlite3.Connection, tally: Tally, later: TaskUpdate, event: Event | None = None) -> None:
    """Put an update at the end of the queue, and record an event with it; the same id twice is once."""
    values = row(later)
    added = connection.execute(_APPEND, (*values, size(values))).rowcount
    tally.value += added
    if added and event is not None:
        events.record(connection, event)


def tell(connection: sqlite3.Connection, tally: Tally, later: TaskUpdate) -> None:
    """Queue what happened to a task, within the last update that waits for it if that says no less."""
    last = connection.execute(_LAST_OF_TASK, (later.task_id,)).fetchone() if only_words(later) else None
    both = None if last is None else merged(update(last), later)
    if last is None or both is None:
        append(connection, tally, later)
        return
    _, _, received_at, _, activity, log_tail, worker, _, timing, progress = values = row(both)
    words = (received_at, activity, log_tail, worker, timing, progress, size(values))
    connection.execute(_REPLACE, (*words, last[-1]))
