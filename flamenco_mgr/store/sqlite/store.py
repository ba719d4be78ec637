"""The embedded store: opened, repaired, checkpointed, closed."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import Factory, field, frozen
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.durations import Durations
from flamenco_mgr.store.interfaces import IStore, StoreRefused
from flamenco_mgr.store.sqlite import marks, schema, update_queue
from flamenco_mgr.store.sqlite.blacklist import SQLiteBlacklist
from flamenco_mgr.store.sqlite.checkpoints import Checkpoints
from flamenco_mgr.store.sqlite.commits import Commits, commit
from flamenco_mgr.store.sqlite.database import Database
from flamenco_mgr.store.sqlite.history import SQLiteHistory
from flamenco_mgr.store.sqlite.lease import OwnLease
from flamenco_mgr.store.sqlite.lock import DirectoryLock
from flamenco_mgr.store.sqlite.marks import SQLiteDownloadMark
from flamenco_mgr.store.sqlite.opening import FILE, Files, locked, prepare
from flamenco_mgr.store.sqlite.overview import SQLiteOverview
from flamenco_mgr.store.sqlite.repair import repair
from flamenco_mgr.store.sqlite.task_store import SQLiteTaskStore
from flamenco_mgr.store.sqlite.trouble import Trouble
from flamenco_mgr.store.sqlite.update_queue import SQLiteUpdateQueue
from flamenco_mgr.store.sqlite.worker_store import SQLiteWorkerStore
from flamenco_mgr.threads import InThread


@implementer(IStore)
@frozen(eq=False)
class SQLiteStore:
    """Provides `IStore`: in a directory, or in memory."""

    _database: Database
    _checkpoints: Checkpoints | None = None
    _lock: DirectoryLock | None = None
    tasks: SQLiteTaskStore = field(init=False, default=Factory(lambda self: SQLiteTaskStore(self._database), True))
    workers: SQLiteWorkerStore = field(
        init=False, default=Factory(lambda self: SQLiteWorkerStore(self._database), True)
    )
    updates: SQLiteUpdateQueue = field(
        init=False, default=Factory(lambda self: SQLiteUpdateQueue(self._database), True)
    )
    blacklist: SQLiteBlacklist = field(init=False, default=Factory(lambda self: SQLiteBlacklist(self._database), True))
    history: SQLiteHistory = field(init=False, default=Factory(lambda self: SQLiteHistory(self._database), True))
    overview: SQLiteOverview = field(init=False, default=Factory(lambda self: SQLiteOverview(self._database), True))
    mark: SQLiteDownloadMark = field(init=False, default=Factory(lambda self: SQLiteDownloadMark(self._database), True))
    lease: OwnLease = field(init=False, factory=OwnLease)
    commits: Durations = field(init=False, default=Factory(lambda self: self._database.commits.took, True))
    farm_mark: None = field(init=False, default=None)

    @classmethod
    def in_memory(cls, clock: IReactorTime) -> "SQLiteStore":
        """Return a new, empty store that goes with the process."""
        connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
        connection.execute("PRAGMA foreign_keys = ON")
        schema.upgrade(connection, schema.steps())
        return cls.on(connection, clock)

    @classmethod
    def on(cls, connection: sqlite3.Connection, clock: IReactorTime) -> "SQLiteStore":
        """Return the store on a connection, whose tables are up to date, and which is closed with it."""
        return cls(_opened(lambda: connection, clock, Commits(clock=clock, in_place=lambda: True)))

    @classmethod
    def open(
        cls,
        directory: Path,
        clock: IReactorTime,
        in_thread: InThread,
        scripts: Sequence[str] | None = None,
        commit: Callable[[sqlite3.Connection], None] = commit,
    ) -> "SQLiteStore":
        """
        Open the store in a directory, or make it; `StoreRefused` if that cannot be, and nothing was touched then.

        ``scripts`` are the steps of the schema, the package's own if not given; ``commit`` makes changes durable.
        What is in the store is at once what it was when the last change was acknowledged, however the process before
        ended.
        """
        path = directory / FILE
        lock = locked(directory)
        try:
            prepare(path, schema.steps() if scripts is None else scripts)
            files = Files(path)
            commits = Commits(clock=clock, in_place=files.in_place, in_thread=in_thread, commit=commit)
            database = _opened(files.connect, clock, commits)
        except sqlite3.Error as e:
            lock.release()
            raise StoreRefused(f"cannot read {path}: {e}") from e
        except StoreRefused:
            lock.release(without_trace=True)
            raise
        trouble = Trouble(what="shorten its log", clock=clock)
        checkpoints = Checkpoints(path=path, database=database, in_thread=in_thread, trouble=trouble)
        return cls(database, checkpoints, lock)

    async def repair(self) -> int:
        """See `IStore.repair`; done in slices, between which requests are served."""
        return await repair(self._database)

    async def check(self) -> None:
        """See `IStore.check`."""
        await self._database.write_some((), marks.count_check)

    async def checkpoint(self) -> None:
        """Keep the log short; to be called about once a second."""
        if self._checkpoints is not None:
            await self._checkpoints.run()

    async def close(self) -> None:
        """See `IStore.close`."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()


def _opened(connecting: Callable[[], sqlite3.Connection], clock: IReactorTime, commits: Commits) -> Database:
    database = Database(connect=connecting, count=update_queue.count, clock=clock, commits=commits)
    database.open()
    return database
