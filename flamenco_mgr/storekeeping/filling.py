"""A store is filled from a source, checked, and only then let be used."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from pymongo.database import Database

from flamenco_mgr.storekeeping import embedded, embedded_target
from flamenco_mgr.storekeeping.digests import Sums, differences
from flamenco_mgr.storekeeping.embedded_source import EmbeddedSource
from flamenco_mgr.storekeeping.looking import Look, Looked
from flamenco_mgr.storekeeping.mongo import Document
from flamenco_mgr.storekeeping.mongo_source import MongoSource
from flamenco_mgr.storekeeping.mongo_target import MongoTarget
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import Source
from flamenco_mgr.storekeeping.trouble import NotDone

_DRAFTS: Final = ".filling"
"""The directory, in the one of an embedded store, where the next store is made; whoever has the lock may remove it."""

_CHECKING: Final = "checking what was written"


@contextmanager
def drafts(directory: Path) -> Iterator[Path]:
    """Give an empty directory on the same file system as the store, for whoever has its lock; it is gone afterwards."""
    scratch = directory / _DRAFTS
    if scratch.exists():  # of a work that was killed
        shutil.rmtree(scratch)
    try:
        scratch.mkdir(mode=0o700)
        yield scratch
    finally:
        with suppress(OSError):
            shutil.rmtree(scratch)


def filled_file(path: Path, source: Source, looked: Looked, progress: IProgress) -> Sums:
    """Make an embedded store of a source in a new file; return what is in it, which is what was wanted."""
    path.touch(mode=0o600)
    try:
        embedded_target.fill(path, source, progress)
        with closing(embedded.resting(path)) as connection:
            wrong = embedded.integrity(connection)
            if wrong != embedded.WHOLE:
                raise NotDone(f"what was written to {path.parent.parent} is damaged ({wrong}); is its disk in order?")
            written = Look(progress=progress).at(EmbeddedSource.of(connection, str(path)), _CHECKING).sums
    except (sqlite3.Error, OSError) as e:
        raise NotDone(f"the store cannot be written in {path.parent.parent}: {e}; nothing was changed") from e
    _agreed(looked.sums, written, source)
    return written


def fill_database(
    database: Database[Document], shown: str, source: Source, looked: Looked, progress: IProgress
) -> Sums:
    """Fill an empty database from a source; return what is in it, which is what was wanted."""
    MongoTarget(database=database, looked=looked, progress=progress).fill(source)
    written = Look(progress=progress).at(MongoSource(database=database, shown=shown), _CHECKING).sums
    _agreed(looked.sums, written, source)
    return written


def _agreed(wanted: Sums, written: Sums, source: Source) -> None:
    different = differences(wanted, written)
    if different:
        raise NotDone(
            f"what was written is not what {source.about()} holds, or held when it was looked at first: it differs in"
            f" {', '.join(different)}; see that nothing uses it, and begin once more"
        )
