"""The blacklist, in SQLite."""

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.store import line_places
from flamenco_mgr.store.interfaces import IBlacklist, Page, Place
from flamenco_mgr.store.sqlite import events
from flamenco_mgr.store.sqlite.database import Database

_ADD = """
    INSERT INTO blacklist (worker_id, job, task_type, created) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET created = excluded.created WHERE created < ?4 - ?5
"""
_REMOVE = "DELETE FROM blacklist WHERE worker_id = ? AND job = ? AND task_type = ?"
_LINES = """
    SELECT worker_id, job, task_type, created FROM blacklist INDEXED BY blacklist_by_age
    WHERE created >= ? ORDER BY created, worker_id, job, task_type
"""
_FIRST_PAGE = f"{_LINES} LIMIT ?"
_NEXT_PAGE = """
    SELECT worker_id, job, task_type, created FROM blacklist INDEXED BY blacklist_by_age
    WHERE (created, worker_id, job) > (?, ?, ?) ORDER BY created, worker_id, job, task_type LIMIT ?
"""
_OF_KEY = """
    SELECT worker_id, job, task_type, created FROM blacklist INDEXED BY blacklist_by_age
    WHERE created = ? AND worker_id = ? AND job = ? ORDER BY task_type
"""
_OF_WORKERS = """
    SELECT worker_id, job, task_type, created FROM blacklist
    WHERE worker_id IN (SELECT value FROM json_each(?)) AND created >= ?
"""
_EXPIRE = "DELETE FROM blacklist WHERE created < ?"


@implementer(IBlacklist)
@frozen(eq=False)
class SQLiteBlacklist:
    """Provides `IBlacklist`."""

    _database: Database

    def add(self, line: BlacklistLine, event: Event | None = None) -> "Deferred[bool]":
        """See `IBlacklist.add`."""
        return self._database.write_some((), _add, line, event)

    def remove(self, worker_id: str, job: str, task_type: str, event: Event | None = None) -> "Deferred[bool]":
        """See `IBlacklist.remove`."""
        return self._database.write_some((), _remove, worker_id, job, task_type, event)

    def lines(self, since: float) -> "Deferred[tuple[BlacklistLine, ...]]":
        """See `IBlacklist.lines`."""
        return self._database.read(_lines, since)

    def page(self, since: float, after: Place | None, limit: int) -> "Deferred[Page[BlacklistLine]]":
        """See `IBlacklist.page`."""
        return self._database.read(_page, since, after, limit)

    def of_workers(self, worker_ids: Collection[str], since: float) -> "Deferred[tuple[BlacklistLine, ...]]":
        """See `IBlacklist.of_workers`."""
        return self._database.read(_of_workers, worker_ids, since)

    def expire(self, before: float) -> "Deferred[int]":
        """See `IBlacklist.expire`."""
        return self._database.write_some((), _expire, before)


def _add(connection: sqlite3.Connection, line: BlacklistLine, event: Event | None) -> bool:
    values = (line.worker_id, line.job, line.task_type, line.created, EXPIRES_AFTER)
    return _recorded(connection, event, connection.execute(_ADD, values).rowcount)


def _remove(connection: sqlite3.Connection, worker_id: str, job: str, task_type: str, event: Event | None) -> bool:
    return _recorded(connection, event, connection.execute(_REMOVE, (worker_id, job, task_type)).rowcount)


def _recorded(connection: sqlite3.Connection, event: Event | None, changed: int) -> bool:
    if changed and event is not None:
        events.record(connection, event)
    return changed > 0


def _lines(connection: sqlite3.Connection, since: float) -> tuple[BlacklistLine, ...]:
    return tuple(_line(row) for row in connection.execute(_LINES, (since,)))


def _page(connection: sqlite3.Connection, since: float, after: Place | None, limit: int) -> Page[BlacklistLine]:
    behind = line_places.line_place(after)
    if behind is None or behind.key[0] < since:
        rows = connection.execute(_FIRST_PAGE, (since, limit + 1))
        return line_places.page([_line(row) for row in rows], limit)
    again = [_line(row) for row in connection.execute(_OF_KEY, behind.key)]
    rows = connection.execute(_NEXT_PAGE, (*behind.key, limit + 1))
    return line_places.page([*line_places.rest(again, behind.digest), *map(_line, rows)], limit)


def _of_workers(connection: sqlite3.Connection, worker_ids: Collection[str], since: float) -> tuple[BlacklistLine, ...]:
    found = connection.execute(_OF_WORKERS, (json.dumps(list(worker_ids)), since))
    return tuple(sorted(map(_line, found), key=line_places.order))


def _line(row: tuple[Any, ...]) -> BlacklistLine:
    worker_id, job, task_type, created = row
    return BlacklistLine(worker_id=worker_id, job=job, task_type=task_type, created=created)


def _expire(connection: sqlite3.Connection, before: float) -> int:
    return connection.execute(_EXPIRE, (before,)).rowcount
