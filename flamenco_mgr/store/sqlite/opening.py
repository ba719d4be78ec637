"""Opening a store's files: everything that could be wrong with them is looked for before anything is changed."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

from flamenco_mgr.folders import make_folders
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.store.sqlite.header import Header
from flamenco_mgr.store.sqlite.lock import DirectoryLock

_log = Logger()

FILE = "flamenco.sqlite3"
LOCK = "flamenco.lock"

_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA wal_autocheckpoint = 0",  # a checkpoint within a COMMIT would make a request wait
    "PRAGMA journal_size_limit = 8388608",  # so that the log gives back what a rush took of the disk
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",
)

_OTHERS_MAY_TAKE = 0.05
"""Seconds that a request waits for another program (a backup, an administrator's shell) that has the file locked."""


@define(eq=False)
class Files:
    """
    The files of a store that is in use, and whether they are still in their places.

    SQLite goes on writing to files that were removed or moved away, and all that it is given is gone with the process.
    """

    path: Path
    _places: dict[str, tuple[int, int]] = field(init=False, factory=dict)

    def connect(self) -> sqlite3.Connection:
        """Connect to a store that is in order; never makes a new one."""
        self._places.pop(self._log, None)  # whoever connects may begin it anew
        return connect(self.path)

    def in_place(self) -> bool:
        """Whether the store and its log are the files that they were when they were looked at first."""
        try:
            for name in (str(self.path), self._log):
                found = os.stat(name)  # noqa: PTH116 in each commit, where a Path costs more than the question
                if self._places.setdefault(name, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
                    return False
        except FileNotFoundError:
            return False
        except OSError:
            return True  # the disk is in trouble, which SQLite will notice
        return True

    @property
    def _log(self) -> str:
        return f"{self.path}-wal"


def connect(path: Path) -> sqlite3.Connection:
    """Connect to a store that is in order, and is there."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=_OTHERS_MAY_TAKE, cached_statements=256, check_same_thread=False
    )
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def locked(directory: Path) -> DirectoryLock:
    """Make the directory, if need be, and lock it; `StoreRefused` if it is none, or not ours to write to."""
    try:
        _make(directory)
    except FileExistsError:
        raise StoreRefused(f"{directory} is a file; database_path must be a directory") from None
    except OSError as e:
        raise StoreRefused(f"cannot make the directory {directory}: {e.strerror}; see database_path") from e
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise StoreRefused(f"cannot write to the directory {directory}; give it to the user of the Manager")
    try:
        return DirectoryLock.acquire(directory / LOCK)
    except OSError as e:
        raise StoreRefused(f"cannot lock the directory {directory}: {e.strerror}") from e


def _make(directory: Path) -> None:
    """Make a directory that is there after a power cut as well, whoever began to make it."""
    missing = [one for one in directory.parents if not one.exists()]
    make_folders(directory, mode=0o700)
    for parent in (directory.parent, *(one.parent for one in missing)):
        with suppress(OSError):  # as SQLite has it: some file systems cannot, and lose no names
            descriptor = os.open(parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def prepare(path: Path, scripts: Sequence[str]) -> None:
    """Bring a store, new or old, up to date; `StoreRefused` leaves it as it is."""
    _look(path, len(scripts))
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(connect(path)) as connection:
            _bring_up_to_date(connection, path, scripts)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as e:
        # SQLite says what is damaged in the words that it finds there, which need not be UTF-8.
        raise StoreRefused(f"cannot open {path}: {e}") from e


def _look(path: Path, newest: int) -> None:
    """Read what the file says it is; SQLite itself would already write beside it."""
    try:
        if not path.exists():
            return
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise StoreRefused(f"{path} is no file that the Manager can write; give it to the user of the Manager")
        header = Header.of(path)
        if not header.is_database and path.with_name(f"{path.name}-journal").exists():
            _roll_back(path)
            header = Header.of(path)
    except OSError as e:
        raise StoreRefused(f"cannot read {path}: {e.strerror}") from e
    if header.is_empty:
        return
    if not header.is_database:
        raise StoreRefused(f"{path} is no SQLite database; move it away, or set another database_path")
    if header.application != schema.APPLICATION_ID:
        raise StoreRefused(f"{path} is a database of another program; set another database_path")
    _not_newer(path, header.version, newest)


def _roll_back(path: Path) -> None:
    """Undo a first start that a power cut has ended: parts of the file are on the disk, and its beginning is not."""
    with suppress(sqlite3.Error), closing(connect(path)) as connection:  # whether it was that, the file itself tells
        schema.version(connection)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    found = schema.version(connection)
    _not_newer(path, found, len(scripts))
    if not found:  # made whole before there is a second file: a new store is there or not
        schema.upgrade(connection, scripts)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreRefused(f"{path} is on a file system without shared memory; database_path must be on a local disk")
    if found < len(scripts):
        if found:
            _log.info(
                "The store {path} is brought up to date: from version {found} of its tables to {newest}",
                path=str(path),
                found=found,
                newest=len(scripts),
            )
        schema.upgrade(connection, scripts)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the file itself says its version


def _not_newer(path: Path, found: int, newest: int) -> None:
    if found > newest:
        raise StoreRefused(
            f"{path} was made by a newer Manager (version {found} of its tables, this one knows {newest});"
            " use that Manager, or set another database_path"
        )
