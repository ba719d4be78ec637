"""A backup becomes the store again."""

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import field, frozen
from pymongo.database import Database
from twisted.internet.task import Clock

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.store.sqlite.header import Header
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping import embedded, embedded_mending, filling, mongo, mongo_mending, mongo_target
from flamenco_mgr.storekeeping.backup import copied_source
from flamenco_mgr.storekeeping.embedded_source import UNREADABLE
from flamenco_mgr.storekeeping.looking import Look, Looked
from flamenco_mgr.storekeeping.mongo import Document
from flamenco_mgr.storekeeping.neutral_file import NeutralFile, is_neutral
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import Source
from flamenco_mgr.storekeeping.replacing import put_in_place
from flamenco_mgr.storekeeping.stores import Embedded, OnMongoDB, Store
from flamenco_mgr.storekeeping.trouble import BadBackup, NotDone

_KEPT: Final = "before_{when}_{number}_"
"""What comes before the names of collections that are kept."""


@frozen(kw_only=True)
class Restored:
    """
    A store that was restored.

    ``kept`` says where what was there before is, and is empty if there was nothing. ``freed``: how many tasks were
    active, of no worker that the backup knows, and may be had by others now.
    """

    kept: str = ""
    freed: int = 0
    counts: Mapping[str, int] = field(factory=dict)


def restore(store: Store, path: Path, *, now: float, progress: IProgress) -> Restored:
    """
    Let a store be what a backup says, whatever kind of store that was made of.

    What was there before is kept. The backup is checked before anything is touched. Raises `NotDone`.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadBackup(f"{path} is no file")
        neutral = is_neutral(path)
        if not (neutral or Header.of(path).is_database):
            raise BadBackup(f"{path} is neither a SQLite database nor compressed JSON lines")
    except OSError as e:
        raise BadBackup(f"{path} cannot be read: {e.strerror}") from e
    if isinstance(store, Embedded) and os.path.exists(store.path) and path.samefile(store.path):  # noqa: PTH110
        raise NotDone(f"{path} is the store itself, and no backup of it")
    if neutral:
        found, looked = NeutralFile.checked(path, progress)
        return _from(store, found, looked, now, progress)
    _whole(path)
    if isinstance(store, Embedded):
        return _copied(store, path, now)
    with TemporaryDirectory(prefix="flamenco-restore-") as scratch:
        draft = Path(scratch) / FILE
        shutil.copyfile(path, draft)
        with copied_source(draft, str(path)) as source:
            return _from(store, source, Look(progress=progress).at(source, "reading the backup"), now, progress)


def _whole(path: Path) -> None:
    """See that a copy of an embedded store can be used, as it is in its one file."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise BadBackup(
            f"{path} has a log beside it ({log.name}), so it was in use when it was copied; to go on with such a copy,"
            " put all its files into a directory and use that as database_path"
        )
    embedded.check(path)


def _copied(store: Embedded, path: Path, now: float) -> Restored:
    with embedded.without_manager(store.directory), filling.drafts(store.directory) as scratch:
        draft = scratch / FILE
        try:
            draft.touch(mode=0o600)
            shutil.copyfile(path, draft)
            embedded.bring_up_to_date(draft)
            freed = _freed(draft, now)
            sync(draft)
        except OSError as e:
            raise NotDone(f"the store cannot be written in {store.directory}: {e.strerror}; nothing was changed") from e
        return Restored(kept=_in_place(draft, store, now), freed=freed)


def _from(store: Store, source: Source, looked: Looked, now: float, progress: IProgress) -> Restored:
    if isinstance(store, OnMongoDB):
        with mongo.connected(store) as database:
            kept, alone = _made_room(database, store, source, now)
            written = filling.fill_database(database, store.shown, source, looked, progress)
            freed = mongo_mending.free_orphans(database, list(mongo_mending.orphans(database)), now)
            mongo.still_unused(database, store.shown, alone)
            mongo_target.end(database)
            return Restored(kept=kept, counts=written.counts, freed=freed)
    with embedded.without_manager(store.directory), filling.drafts(store.directory) as scratch:
        draft = scratch / FILE
        written = filling.filled_file(draft, source, looked, progress)
        freed = _freed(draft, now)
        sync(draft)
        return Restored(kept=_in_place(draft, store, now), counts=written.counts, freed=freed)


def _in_place(draft: Path, store: Embedded, now: float) -> str:
    try:
        kept = put_in_place(draft, store.directory, now)
    except OSError as e:
        raise NotDone(f"the store cannot be put into {store.directory}: {e.strerror}") from e
    return "" if kept is None else str(kept)


def _made_room(database: Database[Document], store: OnMongoDB, source: Source, now: float) -> tuple[str, mongo.Term]:
    """Keep what is in a database, and leave it empty, for nobody to open; return what people have to know of it."""
    mongo.not_newer(database, store.shown)
    alone = mongo.without_manager(database, store.shown)
    noted = mongo_target.filling(database)
    if noted is not None:
        kept = str(noted.get("kept", ""))
    else:
        kept = "" if mongo_target.is_empty(database) else _unused(database, now)
    mongo_target.begin(database, source.about(), kept=kept)
    if kept:
        mongo_target.keep(database, kept)
    mongo_target.clear(database)
    return f"the collections {kept}*" if kept else "", alone


def _unused(database: Database[Document], now: float) -> str:
    """Return what no name of a collection begins with."""
    when = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    names, number = database.list_collection_names(), 1
    while any(name.startswith(_KEPT.format(when=when, number=number)) for name in names):
        number += 1
    return _KEPT.format(when=when, number=number)


def _freed(draft: Path, now: float) -> int:
    """Let others have the tasks that nobody has."""
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            clock = Clock()
            return embedded_mending.free_orphans(SQLiteStore.on(connection, clock), clock, now)
    except (sqlite3.Error, StoreUnavailable) as e:
        raise NotDone(f"the store cannot be written in {draft.parent.parent}: {e}; nothing was changed") from e
    except UNREADABLE as e:
        raise BadBackup(f"the backup holds what no Manager has written: {e}; nothing was changed") from e


def sync(path: Path) -> None:
    """Let a file be on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
