"""Lists of what waits for the Server and of what is parked, as operations on the connection."""

import sqlite3
from typing import Any

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.updates import QueuedUpdate
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import Backlog, Page, ParkedUpdate, Place
from flamenco_mgr.store.sqlite import events
from flamenco_mgr.store.sqlite.update_rows import COLUMNS, WIDTH, update

_QUEUED = f"{COLUMNS}, seq, version, unhandled, (SELECT status FROM tasks WHERE id = updates.task_id)"  # noqa: S608 our own constants
_WAITING = f"SELECT {_QUEUED} FROM updates WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
_WAITING_OF = f"""
    SELECT {_QUEUED} FROM updates INDEXED BY updates_of_task WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?
"""  # noqa: S608
_PARKED = f"SELECT {COLUMNS}, reason, since, seq FROM parked_updates WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
_PARKED_ONE = f"SELECT {COLUMNS}, reason, since FROM parked_updates WHERE id = ?"  # noqa: S608
_DROP = "DELETE FROM parked_updates WHERE id = ?"
_OLDEST = "SELECT received_at FROM updates ORDER BY seq LIMIT 1"
_MANY_PARKED = "SELECT count(*) FROM parked_updates"


def backlog(connection: sqlite3.Connection, waiting: int) -> Backlog:
    """Return how much waits; how many that are is counted elsewhere."""
    oldest = connection.execute(_OLDEST).fetchone()
    (parked,) = connection.execute(_MANY_PARKED).fetchone()
    return Backlog(waiting=waiting, oldest=oldest and oldest[0], parked=parked)


def waiting_page(
    connection: sqlite3.Connection, task_id: str | None, after: Place | None, limit: int
) -> Page[QueuedUpdate]:
    """Return a page of what waits."""
    this_list = ("updates", task_id)
    begin = places.number(places.position(this_list, after, 1))
    if task_id is None:
        rows = connection.execute(_WAITING, (begin, limit + 1)).fetchall()
    else:
        rows = connection.execute(_WAITING_OF, (task_id, begin, limit + 1)).fetchall()
    return _page(this_list, rows, limit, [_queued(row) for row in rows[:limit]], WIDTH)


def parked_page(connection: sqlite3.Connection, after: Place | None, limit: int) -> Page[ParkedUpdate]:
    """Return a page of what is parked."""
    begin = places.number(places.position("parked", after, 1))
    rows = connection.execute(_PARKED, (begin, limit + 1)).fetchall()
    return _page("parked", rows, limit, [parked(row) for row in rows[:limit]], WIDTH + 2)


def parked_one(connection: sqlite3.Connection, update_id: str) -> ParkedUpdate | None:
    """Return a parked update."""
    row = connection.execute(_PARKED_ONE, (update_id,)).fetchone()
    return None if row is None else parked(row)


def drop_parked(connection: sqlite3.Connection, update_id: str, event: Event | None) -> bool:
    """Forget a parked update, and record an event with that."""
    dropped = connection.execute(_DROP, (update_id,)).rowcount > 0
    if dropped and event is not None:
        events.record(connection, event)
    return dropped


def parked(row: tuple[Any, ...]) -> ParkedUpdate:
    """Return the parked update of a row: `COLUMNS`, and then why and since when."""
    return ParkedUpdate(update=update(row), reason=row[WIDTH], since=row[WIDTH + 1])


def _queued(row: tuple[Any, ...]) -> QueuedUpdate:
    sequence, version, unhandled, local_status = row[WIDTH:]
    return QueuedUpdate(
        sequence=sequence, version=version, update=update(row), unhandled=unhandled, local_status=local_status
    )


def _page(this_list: object, rows: list[Any], limit: int, items: list[Any], column: int) -> Page[Any]:
    more = len(rows) > limit
    return Page(items=tuple(items), next=places.place(this_list, str(rows[limit - 1][column])) if more else None)
