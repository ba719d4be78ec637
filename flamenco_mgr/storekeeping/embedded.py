"""The embedded store's files: copied while they are in use, checked, put in their place."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.store.sqlite.header import Header
from flamenco_mgr.store.sqlite.lock import DirectoryLock
from flamenco_mgr.store.sqlite.opening import FILE, LOCK, locked, prepare
from flamenco_mgr.storekeeping.trouble import BadBackup, NotDone

_SYNC_EVERY: Final = 0.01
"""
Seconds between two syncs of a copy that is being written.

If all of it came at the end, the Manager's own syncs would wait behind it, and the Workers with them.
"""

_PATIENCE: Final = 10.0
"""Seconds to wait for somebody who has the file locked."""

WHOLE: Final = "ok"

_DAMAGED: Final = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises: SQLite says what is wrong in the words that it finds there, UTF-8 or not."""

CONTENT: Final = ("tasks", "workers", "updates", "parked_updates", "set_aside", "blacklist", "events")
"""The tables that hold what a farm remembers."""


def store_of(directory: Path) -> Path:
    """Return the file of a directory's store; `NotDone` if there is none."""
    path = directory / FILE
    try:
        there = path.is_file()
    except OSError as e:
        raise NotDone(f"{path} cannot be read: {e.strerror}; only the Manager's user may") from e
    if not there:
        raise NotDone(f"there is no embedded store in {directory}")
    return path


def give_to_owner(path: Path, directory: Path) -> None:
    """Let a file belong to whoever a store's directory belongs to, if it was made by root; raises OSError."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def reading(path: Path) -> sqlite3.Connection:
    """Connect to a store to read it, whether it is in use or not."""
    # Not "ro": if nobody has the store open, SQLite has to make its log to be able to read it.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)
    connection.execute("PRAGMA query_only = ON")
    return connection


def resting(path: Path) -> sqlite3.Connection:
    """Connect to a file that nobody changes, and leave nothing beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def copy(path: Path, draft: Path) -> int:
    """
    Copy a store into an empty file, as it is at one instant; return how many bytes that is.

    It is done in one step: a copy in several begins anew whenever something is written in between, so that of a farm at
    work it might never end. Writers go on meanwhile, and their log grows until it is done. Raises `sqlite3.Error`.
    """
    done = threading.Event()
    syncing = threading.Thread(target=_sync_until, args=(draft, done))
    with closing(reading(path)) as source, closing(sqlite3.connect(draft, isolation_level=None)) as target:
        target.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
        target.execute("PRAGMA journal_mode = OFF")
        syncing.start()
        try:
            source.backup(target)
        finally:
            done.set()
            syncing.join()
    return draft.stat().st_size


def recognise(path: Path, called: str = "") -> None:
    """
    See that a file is a database of ours, of a version that is known; raises `BadBackup` and OSError.

    ``called`` is what it is for people, if that is not its path.
    """
    called = called or str(path)
    header = Header.of(path)
    if not header.is_database:
        raise BadBackup(f"{called} is no SQLite database")
    if header.application != schema.APPLICATION_ID:
        raise BadBackup(f"{called} is a database of another program")
    known = len(schema.steps())
    if header.version > known:
        raise BadBackup(
            f"{called} was made by a newer Manager (version {header.version} of its tables, this one knows {known});"
            " use that Manager"
        )
    if not header.version:
        raise BadBackup(f"{called} has no tables of a Manager")


def check(path: Path, called: str = "") -> None:
    """See that a copy of a store is a database of ours, and whole; ``called`` as of `recognise`. Raises `BadBackup`."""
    called = called or str(path)
    try:
        recognise(path, called)
        missing = Header.of(path).size - path.stat().st_size
    except OSError as e:
        raise BadBackup(f"{called} cannot be read: {e.strerror}") from e
    if missing > 0:  # SQLite takes what is missing of the last page for zeros
        raise BadBackup(f"{called} is cut: {missing:,} bytes are missing at its end")
    try:
        with closing(resting(path)) as connection:
            wrong = integrity(connection)
    except _DAMAGED as e:
        raise BadBackup(f"{called} is cut, or damaged: {e}") from e
    if wrong != WHOLE:
        raise BadBackup(f"{called} is cut, or damaged: {wrong}")


def is_empty(path: Path) -> bool:
    """Whether nothing of a farm is in a store that no Manager uses; `NotDone` if it cannot be read."""
    try:
        with closing(reading(path)) as connection:
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return not any(
                connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]  # noqa: S608
                for table in CONTENT
                if table in there
            )
    except _DAMAGED as e:
        raise NotDone(f"{path} cannot be read: {e}") from e


def integrity(connection: sqlite3.Connection) -> str:
    """Return what SQLite finds wrong with a database, in a line; `WHOLE` if nothing."""
    try:
        connection.execute("PRAGMA cache_size = -64000")
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    except _DAMAGED as e:
        return str(e)
    lost = connection.execute("PRAGMA foreign_key_check").fetchone() if found == [WHOLE] else None
    return f"rows of {lost[0]} are of no task" if lost else "; ".join(" ".join(line.split()) for line in found)


def bring_up_to_date(path: Path) -> None:
    """Bring a copy that nobody uses to the newest version, and leave nothing beside it."""
    try:
        prepare(path, schema.steps())
    except StoreRefused as e:
        raise BadBackup(str(e)) from e
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def without_manager(directory: Path) -> Iterator[DirectoryLock]:
    """Keep Managers from a store; `NotDone` if one uses it. A directory that was made for it goes again if it fails."""
    missing = not directory.exists()
    try:
        lock = locked(directory)
        give_to_owner(directory / LOCK, directory)
    except StoreRefused as e:
        raise NotDone(str(e)) from e
    try:
        yield lock
    except BaseException:
        lock.release(without_trace=True)
        if missing:
            with suppress(OSError):
                directory.rmdir()
        raise
    lock.release()


def is_in_use(directory: Path) -> bool:
    """Whether a Manager has the store of a directory, as far as the lock tells."""
    if not (directory / LOCK).exists():
        return False
    try:
        DirectoryLock.acquire(directory / LOCK).release()
    except (StoreRefused, OSError):
        return True
    return False


def _sync_until(path: Path, done: threading.Event) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while not done.wait(_SYNC_EVERY):
            with suppress(OSError):  # what cannot be written is found out by who writes it
                os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
