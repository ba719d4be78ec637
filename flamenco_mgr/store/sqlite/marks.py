"""Single facts, as operations on the connection, and the mark of the last download."""

import sqlite3

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.store.interfaces import IDownloadMark
from flamenco_mgr.store.sqlite.database import Database

_FACT = "SELECT value FROM state WHERE key = ?"
_STATE = "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_FORGET = "DELETE FROM state WHERE key = ?"
_MARK = "depsgraph_last_modified"
_RECEIPTS = "receipts"
_CHECKED = """
    INSERT INTO state (key, value) VALUES ('checks', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1
"""


def mark(connection: sqlite3.Connection) -> str | None:
    """Return the mark of the last download."""
    row = connection.execute(_FACT, (_MARK,)).fetchone()
    return None if row is None else str(row[0])


def set_mark(connection: sqlite3.Connection, value: str | None) -> None:
    """Set the mark of the last download, or remove it."""
    if value is None:
        connection.execute(_FORGET, (_MARK,))
    else:
        connection.execute(_STATE, (_MARK, value))


def count_check(connection: sqlite3.Connection) -> None:
    """Write something that is new each time, to see whether that is possible."""
    connection.execute(_CHECKED)


def receipts(connection: sqlite3.Connection) -> int:
    """Return the number of the latest receipt."""
    row = connection.execute(_FACT, (_RECEIPTS,)).fetchone()
    return 0 if row is None else int(row[0])


def new_receipt(connection: sqlite3.Connection) -> int:
    """Count one more receipt, and return its number."""
    number = receipts(connection) + 1
    set_receipts(connection, number)
    return number


def set_receipts(connection: sqlite3.Connection, number: int) -> None:
    """Let receipts be counted from this number on."""
    connection.execute(_STATE, (_RECEIPTS, number))


@implementer(IDownloadMark)
@frozen(eq=False)
class SQLiteDownloadMark:
    """Provides `IDownloadMark`."""

    _database: Database

    def get(self) -> "Deferred[str | None]":
        """See `IDownloadMark.get`."""
        return self._database.read(mark)

    def set(self, mark: str | None) -> "Deferred[None]":
        """See `IDownloadMark.set`."""
        return self._database.write(set_mark, mark)
