"""The blacklist, in SQLite."""

import sqlite3

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import IBlacklist
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
    return tuple(
        BlacklistLine(worker_id=worker_id, job=job, task_type=task_type, created=created)
        for worker_id, job, task_type, created in connection.execute(_LINES, (since,))
    )


def _expire(connection: sqlite3.Connection, before: float) -> int:
    return connection.execute(_EXPIRE, (before,)).rowcount
