"""
Checkpoints: what was committed moves from the write-ahead log into the database file, and no request waits for it.

The work is done in a thread, on a connection of its own, while requests go on writing. Therefore it never gets quite to
the end of the log, and only from there SQLite begins the log anew. So, when the log has become long, the little that
is left is moved in the reactor's thread, between two transactions.
"""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from attrs import define, field

from flamenco_mgr.store.sqlite import opening
from flamenco_mgr.store.sqlite.database import Database
from flamenco_mgr.store.sqlite.trouble import Trouble
from flamenco_mgr.threads import InThread

_PAGE = 4096

_LONG = (4 << 20) // _PAGE
"""Pages in the log that are enough to begin it anew: to write over it is twice as quick as to let it grow."""

_LITTLE = 256
"""Pages that may be left for the reactor's thread: some microseconds each, and then the time of an fsync."""

_ROUNDS = 4


@define(eq=False, kw_only=True)
class Checkpoints:
    """Keeps the log of a store short."""

    path: Path
    database: Database
    in_thread: InThread
    trouble: Trouble
    _moved: int = field(init=False, default=-2)

    async def run(self) -> None:
        """Move what there is to move; trouble with the disk is told once, and the next run tries again."""
        changes = self.database.changes
        if changes == self._moved:
            return
        try:
            long = await self._shorten()
        except sqlite3.Error as e:
            self.trouble.met(e)
            return
        self.trouble.worked()
        self._moved = changes
        if long:
            self.database.between_groups(self._begin_anew)

    async def _shorten(self) -> bool:
        """Move what can be moved beside the requests; return whether the log is long."""
        for _ in range(_ROUNDS):
            in_log, moved = await self.in_thread(partial(_moved_in_thread, self.path))
            if in_log < _LONG:
                return False
            if in_log - moved <= _LITTLE:
                break
        return True

    def _begin_anew(self) -> None:
        try:
            _move(self.database.open())
        except sqlite3.Error as e:
            self.trouble.met(e)


def _moved_in_thread(path: Path) -> tuple[int, int]:
    with closing(opening.connect(path)) as connection:
        return _move(connection)


def _move(connection: sqlite3.Connection) -> tuple[int, int]:
    """Move pages without waiting for anybody; return how many are in the log, and how many of them have moved."""
    _, in_log, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return in_log, moved
