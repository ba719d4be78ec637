"""How a transaction becomes durable: by the reactor's own thread on a quick disk, in another one on a slow one."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.durations import Durations
from flamenco_mgr.threads import InThread

_QUICK = 0.002
"""Seconds; a COMMIT that takes no longer is not worth a trip to a thread, nor that a lone change waits for company."""


def commit(connection: sqlite3.Connection) -> None:
    """Make what the transaction has changed durable; raises sqlite3.Error."""
    connection.execute("COMMIT")


@define(eq=False, kw_only=True)
class Commits:
    """
    Carries out COMMITs.

    One that is not ``in_place``, because the files were removed or moved while in use, fails: what was committed
    earlier is saved then, if the store itself still is. On a slow disk the reactor goes on meanwhile, so that what
    needs no database is not held up by it. ``took`` tells how long they took.
    """

    clock: IReactorTime
    in_place: Callable[[], bool]
    in_thread: InThread | None = None
    commit: Callable[[sqlite3.Connection], None] = commit
    took: Durations = field(init=False, factory=Durations)
    _latest: float = field(init=False, default=0.0)
    _running: "_Commit | None" = field(init=False, default=None)

    @property
    def are_quick(self) -> bool:
        """Whether the latest one was quick."""
        return self._latest <= _QUICK

    @property
    def may_wait(self) -> bool:
        """Whether the next one is better done in a thread."""
        return self.in_thread is not None and not self.are_quick

    def now(self, connection: sqlite3.Connection) -> None:
        """Commit; raises sqlite3.Error."""
        self._commit(connection)

    def aside(self, connection: sqlite3.Connection, done: "Callable[[sqlite3.Error | None], None]") -> None:
        """Commit in a thread, and call ``done`` with what went wrong; nobody else may use the connection meanwhile."""
        assert self.in_thread is not None, "there is a thread if a COMMIT may wait"  # noqa: S101 to mypy
        self._running = commit = _Commit(work=lambda: self._commit(connection), done=done)
        _ = self.in_thread(commit.run).addBoth(lambda _: self._end(commit))

    def wait(self) -> None:
        """Wait without the reactor for the COMMIT that is on its way, if one is, and for what it is followed by."""
        if self._running is not None:
            self._running.over.wait()
            self._end(self._running)

    def _end(self, commit: "_Commit") -> None:
        if self._running is commit:
            self._running = None
            commit.done(commit.error)

    def _commit(self, connection: sqlite3.Connection) -> None:
        if not self.in_place():
            _rescue(connection)
            raise sqlite3.OperationalError("unable to open its files: they were removed or moved while in use")
        began = self.clock.seconds()
        self.commit(connection)
        self._latest = self.clock.seconds() - began
        self.took.note(self._latest)


@define(eq=False, kw_only=True)
class _Commit:
    work: Callable[[], None]
    done: "Callable[[sqlite3.Error | None], None]"
    error: sqlite3.Error | None = None
    over: Event = field(init=False, factory=Event)

    def run(self) -> None:
        try:
            self.work()
        except sqlite3.Error as e:
            self.error = e
        finally:
            self.over.set()


def _rescue(connection: sqlite3.Connection) -> None:
    """Move what was committed earlier out of a log that is no longer in its place, if the store still is."""
    with suppress(sqlite3.Error):
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
