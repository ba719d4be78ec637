"""The two kinds of stores, as people name them."""

import os
from pathlib import Path
from typing import Final

from attrs import frozen

from flamenco_mgr.settings import Settings
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping.trouble import NotDone

_MONGODB: Final = ("mongodb://", "mongodb+srv://")
_SQLITE: Final = "sqlite:"

_LONGEST_NAME: Final = 255
"""Bytes."""


@frozen(kw_only=True)
class Embedded:
    """The embedded store in a directory."""

    directory: Path

    @property
    def path(self) -> Path:
        """The store's file."""
        return self.directory / FILE

    @property
    def shown(self) -> str:
        """What people call it."""
        return f"the embedded store in {self.directory}"


@frozen(kw_only=True)
class OnMongoDB:
    """A database on MongoDB."""

    url: str
    address: MongoAddress

    @property
    def shown(self) -> str:
        """What people call it; without secrets."""
        return f"the database {self.address.shown}"


Store = Embedded | OnMongoDB


def store_named(text: str, rundir: Path) -> Store:
    """
    Return the store that a URL names: ``mongodb://...``, ``sqlite:DIRECTORY``, or just a directory.

    Relative paths count from the run directory. Raises `NotDone`, with the reason.
    """
    if text.startswith(_MONGODB):
        return _on_mongodb(text)
    path = text.removeprefix(_SQLITE)
    if path.startswith("//"):
        path = path.removeprefix("//")
    if not path:
        raise NotDone("a store is named by mongodb://..., by sqlite:DIRECTORY, or by its directory")
    if "://" in path:
        raise NotDone(f"{path.partition('://')[0]}:// names no store; use mongodb://, or a directory")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(path).parts):
        raise NotDone(f"{path[:60]}…: no directory can have such a long name")
    found = rundir / path
    return Embedded(directory=found.parent if found.name == FILE else found)


def store_of(settings: Settings) -> Store:
    """Return the store of a configuration."""
    return _on_mongodb(settings.database_url) if settings.database_url else Embedded(directory=settings.database_path)


def _on_mongodb(url: str) -> OnMongoDB:
    try:
        return OnMongoDB(url=url, address=MongoAddress.from_text(url))
    except StoreRefused as e:
        raise NotDone(str(e)) from e
