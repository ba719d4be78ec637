"""A backup: a copy of a store in one file, made while the farm is at work."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import field, frozen

from flamenco_mgr.storekeeping import embedded, neutral_file
from flamenco_mgr.storekeeping.embedded_source import EmbeddedSource
from flamenco_mgr.storekeeping.mongo_source import MongoSource
from flamenco_mgr.storekeeping.new_file import new_file, unwritten
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import Source
from flamenco_mgr.storekeeping.stores import Embedded, OnMongoDB, Store
from flamenco_mgr.storekeeping.trouble import BadBackup, NotDone

_NEUTRAL_ENDINGS: Final = (".jsonl.gz", ".json.gz")


@frozen(kw_only=True)
class BackedUp:
    """
    A backup that was made, of so many bytes.

    ``counts`` are of its records by kind, if it is a neutral one; ``left_out`` as of `Source`.
    """

    path: Path
    size: int
    neutral: bool
    left_out: int = 0
    counts: Mapping[str, int] = field(factory=dict)


def is_neutral_name(path: Path) -> bool:
    """Whether the name of a file says that it is a backup for any kind of store."""
    return path.name.endswith(_NEUTRAL_ENDINGS)


def back_up(
    store: Store, path: Path, *, now: float, progress: IProgress, neutral: bool = False, overwrite: bool = False
) -> BackedUp:
    """
    Make a backup of a store, in use or not; one of MongoDB is always neutral.

    Raises `NotDone`; then nothing is left of it, and a file that was there is as it was.
    """
    neutral = neutral or is_neutral_name(path) or isinstance(store, OnMongoDB)
    counts: Mapping[str, int] = {}
    left_out = 0
    with new_file(path, overwrite=overwrite) as draft:
        if neutral:
            with source_of(store, draft.parent, progress) as source:
                counts = neutral_file.write(source, draft, now, progress).counts
                left_out = source.left_out
        else:
            assert isinstance(store, Embedded)  # noqa: S101 to mypy
            _copied(embedded.store_of(store.directory), draft, str(path))
        size = draft.stat().st_size
    return BackedUp(path=path, size=size, neutral=neutral, left_out=left_out, counts=counts)


@contextmanager
def source_of(store: Store, scratch: Path, progress: IProgress) -> Iterator[Source]:
    """
    Give what is in a store, in use or not, as records.

    Of an embedded store a copy is made in the directory ``scratch`` first: reading it takes longer than copying it, and
    as long as somebody reads, its log grows.
    """
    if isinstance(store, OnMongoDB):
        with MongoSource.connected(store) as source:
            yield source
        return
    path = embedded.store_of(store.directory)
    with TemporaryDirectory(prefix=".flamenco-backup-", dir=scratch) as directory:
        draft = Path(directory) / path.name
        draft.touch(mode=0o600)
        progress.begin("copying the store", 0)
        _copied(path, draft, f"a copy of the store in {scratch}")
        with copied_source(draft, store.shown) as copy:
            yield copy


@contextmanager
def copied_source(path: Path, shown: str) -> Iterator[EmbeddedSource]:
    """Give what is in a copy of an embedded store, which is brought up to date; ``shown`` is what that is called."""
    embedded.bring_up_to_date(path)
    with closing(embedded.resting(path)) as connection:
        yield EmbeddedSource.of(connection, shown)


def _copied(path: Path, draft: Path, meant: str) -> None:
    try:
        embedded.copy(path, draft)
    except sqlite3.Error as e:
        if "full" in str(e) or "I/O" in str(e):
            raise NotDone(f"{meant} could not be written: {e}; nothing is left of it") from e
        raise NotDone(f"{path} cannot be copied: {e}") from e
    except OSError as e:
        raise unwritten(meant, e) from e
    try:
        embedded.check(draft, called=f"a copy of {path}")
    except BadBackup as e:
        raise NotDone(f"{e}; flamenco-manager doctor tells whether the store itself is in order") from e
