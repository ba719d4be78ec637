"""Where the farm's tasks are kept: in the embedded store of the one Manager, or on MongoDB, which two share."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import maybeDeferred

from flamenco_mgr.store.interfaces import IStore, StoreRefused
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.lease import since_boot, this_process
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.marks import SETTINGS
from flamenco_mgr.store.mongo.opening import open_database
from flamenco_mgr.store.mongo.store import COLLECTIONS
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.sqlite import SQLiteStore


class Database(Protocol):
    """What the Managers of the farm are pointed at."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def managers(self) -> int:
        """How many Managers work on it."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What a Manager's configuration says about it."""

    async def prepare(self) -> None:
        """See that it can be used, and is new; raises `StoreRefused` or `StoreUnavailable`."""

    async def holder(self) -> str:
        """Return which process has the duties that one Manager does for all; empty if only one there is."""

    def open_store(self) -> IStore:
        """Open it as a Manager would, so that what is found there is what a Manager's next start finds."""

    async def close(self, *, remove: bool) -> None:
        """Let go of it, and remove what the farm has made in it, if that is wanted."""


@frozen(kw_only=True)
class EmbeddedDatabase:
    """A directory."""

    directory: Path
    reactor: Any
    name: str = field(init=False, default="the embedded store")
    managers: int = field(init=False, default=1)

    @property
    def settings(self) -> Mapping[str, str]:
        """See `Database.settings`."""
        return {"database_path": str(self.directory)}

    async def prepare(self) -> None:
        """See `Database.prepare`: the Manager makes it."""

    async def holder(self) -> str:
        """See `Database.holder`."""
        return ""

    def open_store(self) -> IStore:
        """See `Database.open_store`."""
        return SQLiteStore.open(self.directory, self.reactor, maybeDeferred)

    async def close(self, *, remove: bool) -> None:
        """See `Database.close`: it is one of the farm's files, and goes with them."""


@define(eq=False, kw_only=True)
class MongoDatabase:
    """A database that did not exist before."""

    reactor: Any
    managers: int = field(init=False, default=2)
    _url: str = field(repr=False)
    _address: MongoAddress
    _link: MongoLink
    _is_ours: bool = field(init=False, default=False)

    @classmethod
    def at(cls, url: str, reactor: Any) -> "MongoDatabase":
        """Begin to connect; `StoreRefused` if the URL cannot be used."""
        address = MongoAddress.from_text(url)
        link = MongoLink.connect(address, reactor, reactor)
        return cls(reactor=reactor, url=url, address=address, link=link)

    @property
    def name(self) -> str:
        """See `Database.name`."""
        return f"MongoDB ({self._address.shown})"

    @property
    def settings(self) -> Mapping[str, str]:
        """See `Database.settings`."""
        return {"database_url": self._url}

    async def prepare(self) -> None:
        """See `Database.prepare`; nobody's collections are touched."""
        await open_database(self._link, COLLECTIONS, self._see_that_it_is_new)
        self._is_ours = True

    async def holder(self) -> str:
        """See `Database.holder`."""
        lease = await self._link.call(lambda db, timeout: db[SETTINGS].find_one({"_id": "lease"}, timeout=timeout))
        return str(lease["name"]) if lease else ""

    def open_store(self) -> IStore:
        """See `Database.open_store`."""
        return MongoStore.connect(self._address, self.reactor, self.reactor, this_process(), since_boot)

    async def close(self, *, remove: bool) -> None:
        """See `Database.close`; `StoreUnavailable` if it cannot be removed now."""
        try:
            if remove and self._is_ours:
                for name in await self._collections(self._link):
                    await self._link.call(partial(_drop, name))
        finally:
            await self._link.close()

    async def _see_that_it_is_new(self, link: MongoLink) -> None:
        if await self._collections(link):
            raise StoreRefused(
                f"There is something in the database {self._address.shown} already: name one that does not exist yet,"
                " which will be removed in the end"
            )

    async def _collections(self, link: MongoLink) -> list[str]:
        names: list[str] = await link.call(lambda db, timeout: db.collection_names(timeout=timeout))
        return names


async def _drop(name: str, database: Any, timeout: float) -> None:
    await database[name].drop(timeout=timeout)
