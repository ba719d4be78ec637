"""The history, as operations on the connection."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import EventsAsked, Page, Place, RecordedEvent

MOST_LOOKED_AT = 1000
"""Events for one page."""

_COLUMNS = "at, kind, before, after, task, job, worker, text"
_RECORD = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 from our own constants
_FROM = {
    "": "events NOT INDEXED WHERE",
    "task": "events INDEXED BY events_of_task WHERE task = ? AND",
    "job": "events INDEXED BY events_of_job WHERE job = ? AND",
    "worker": "events INDEXED BY events_of_worker WHERE worker = ? AND",
    "kind": "events INDEXED BY events_of_kind WHERE kind = ? AND kind <> 'task' AND",
}
_FORGET = """
    DELETE FROM events WHERE at < ? AND place IN (SELECT place FROM events WHERE place > 0 ORDER BY place LIMIT ?)
"""
_END = 1 << 62
"""Behind every place."""


def record(connection: sqlite3.Connection, event: Event) -> None:
    """Append an event; it is durable with what else is done in the transaction."""
    connection.execute(_RECORD, _values(event))


def record_all(connection: sqlite3.Connection, recorded: Iterable[Event]) -> None:
    """Append events, in their order."""
    connection.executemany(_RECORD, map(_values, recorded))


def page(
    connection: sqlite3.Connection, asked: EventsAsked, after: Place | None, limit: int, *, newest_first: bool
) -> Page[RecordedEvent]:
    """Return a page of events; ValueError if ``after`` is no place of this list."""
    limit = max(1, min(limit, MOST_LOOKED_AT))
    this_list = (asked, newest_first)
    start = places.event_number(this_list, after, _END if newest_first else 0)
    items: list[RecordedEvent] = []
    reached = after
    for looked_at, row in enumerate(_rows(connection, asked, start, newest_first=newest_first)):
        if len(items) == limit or looked_at == MOST_LOOKED_AT:
            return Page(items=tuple(items), next=reached, reached=None if newest_first else reached)
        event = _event(row)
        if asked.wants(event):
            items.append(RecordedEvent(place=row[0], event=event))
        reached = places.place(this_list, str(row[0]))
    return Page(items=tuple(items), reached=None if newest_first else reached)


def forget(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Look at so many of the oldest events, and forget those from before an instant."""
    return connection.execute(_FORGET, (before, limit)).rowcount


def _rows(connection: sqlite3.Connection, asked: EventsAsked, start: int, *, newest_first: bool) -> sqlite3.Cursor:
    by, value = _way(asked)
    order = "place < ? ORDER BY place DESC" if newest_first else "place > ? ORDER BY place"
    query = f"SELECT place, {_COLUMNS} FROM {_FROM[by]} {order} LIMIT {MOST_LOOKED_AT + 1}"  # noqa: S608
    return connection.execute(query, (start,) if value is None else (value, start))


def _way(asked: EventsAsked) -> tuple[str, str | None]:
    """Return the index that has least to pass over, and the value in it."""
    if asked.task is not None:
        return "task", asked.task
    if asked.job is not None:
        return "job", asked.job
    if asked.worker is not None:
        return "worker", asked.worker
    if asked.kind is not None and asked.kind != EventKind.TASK:
        return "kind", asked.kind
    return "", None


def _values(event: Event) -> tuple[Any, ...]:
    return (event.at, event.kind, event.before, event.after, event.task, event.job, event.worker, event.text)


def _event(row: tuple[Any, ...]) -> Event:
    _, at, kind, before, after, task, job, worker, text = row
    return Event(at=at, kind=kind, before=before, after=after, task=task, job=job, worker=worker, text=text)
