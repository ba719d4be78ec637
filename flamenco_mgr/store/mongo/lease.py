"""Which of the Managers on one database has the duties that one does for all (design.md 3.6)."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from collections.abc import Collection as Several
from typing import Any, ClassVar

from attrs import Factory, define, field, frozen
from bson import ObjectId
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.store.interfaces import ILease, LeaseLost, StoreUnavailable, Wish
from flamenco_mgr.store.mongo.collection import Collection, Query
from flamenco_mgr.store.mongo.marks import ORIGINALS
from flamenco_mgr.store.mongo.presence import MongoPresence

RENEW_AFTER = 0.9
"""Seconds from the beginning of one renewal to the next."""

CERTAIN_FOR = 2.0
"""Seconds after a renewal was begun in which nobody has to ask whether the lease is still ours."""

HELD_FOR = 3.0
"""Seconds after a renewal was begun in which the lease counts as ours."""

STILL_FOR = 4.0
"""Seconds of a candidate's clock without a renewal after which the holder is gone; more than it believes to hold."""

_ID = "lease"
_DOCUMENT = Query(filter={"_id": _ID})
_NOTHING: frozenset[Wish] = frozenset()

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps where there is one."""
    return time.clock_gettime(_BOOT)


def this_process() -> str:
    """Return a name of this process for people."""
    return f"{socket.gethostname()}, process {os.getpid()}"


@frozen(kw_only=True)
class _Term:
    """How the document stands: whose term it is, the number of it, and of its latest renewal."""

    holder: ObjectId | None
    fence: int
    renewals: int


@implementer(ILease)
@define(eq=False, kw_only=True)
class MongoLease:
    """
    Provides `ILease` by one document, in which each Manager that wants the lease watches the holder's renewals.

    It is in the collection ``settings``. ``name`` is this process's, for people; ``steady`` returns seconds of a clock
    that nobody sets. Every change is conditional on what was read, and may be repeated. If it was done and its answer
    lost, the next look finds out; but a term begins, or goes on, only with a write that the database has acknowledged:
    what was read may be undone yet.
    """

    _log: ClassVar[Logger] = Logger()

    settings: Collection
    name: str
    steady: Callable[[], float]
    presence: MongoPresence = field(
        init=False,
        default=Factory(
            lambda self: MongoPresence(settings=self.settings, name=self.name, steady=self.steady), takes_self=True
        ),
    )
    fence: int = field(init=False, default=0)
    _other: str = field(init=False, default="")
    _me: ObjectId = field(init=False, factory=ObjectId)
    _renewed: float | None = field(init=False, default=None)
    _renewals: int = field(init=False, default=0)
    _watched: _Term | None = field(init=False, default=None)
    _since: float = field(init=False, default=0.0)
    _heard: Mapping[str, int] = field(init=False, factory=dict)
    _released: bool = field(init=False, default=False)
    _one: DeferredLock = field(init=False, factory=DeferredLock)

    @property
    def managers(self) -> tuple[str, ...]:
        """See `ILease.managers`."""
        return self.presence.names

    @property
    def holder(self) -> str:
        """See `ILease.holder`; who has it that we have lost it to is found out by the next look."""
        return self.name if self.held else self._other

    @property
    def held(self) -> bool:
        """See `ILease.held`."""
        return self._renewed is not None and self.steady() - self._renewed < HELD_FOR

    async def look(self) -> frozenset[Wish]:
        """See `ILease.look`."""
        async with self._one:
            if self._released:
                return _NOTHING
            if self._renewed is None:
                await self._watch()
                return _NOTHING
            if self.steady() - self._renewed < RENEW_AFTER or not await self._renew():
                return _NOTHING
            return self._wished(await self._read())

    async def confirm(self) -> None:
        """See `ILease.confirm`."""
        if self._is_certain():
            return
        async with self._one:
            if self._renewed is None or not (self._is_certain() or await self._renew()):
                raise LeaseLost(f"the duties of one Manager are not ours now: {self.holder or 'nobody'} has them")

    async def wish(self, wishes: Several[Wish]) -> None:
        """See `ILease.wish`."""
        more = {f"wishes.{wish.value}": 1 for wish in wishes}
        await self.settings.update({"_id": _ID}, {"$inc": more})

    async def release(self) -> None:
        """See `ILease.release`."""
        async with self._one:
            self._released = True
            if self._renewed is None:
                return
            self._renewed = None
            try:
                await self.settings.update({"_id": _ID, "holder": self._me}, {"$set": {"holder": None}})
            except StoreUnavailable as e:
                self._log.info("The lease could not be given back, and ends by itself: {e}", e=str(e))

    def _is_certain(self) -> bool:
        return self._renewed is not None and self.steady() - self._renewed < CERTAIN_FOR

    async def _renew(self) -> bool:
        """Renew the lease; False if it is another's now."""
        began = self.steady()
        self._renewals += 1  # a number of its own, also if the last one was written and not acknowledged
        mine = {"_id": _ID, "holder": self._me, "fence": self.fence}
        if not await self.settings.update(mine, {"$set": {"renewals": self._renewals}}):
            self._renewed = None
            self._log.warn("Another Manager has taken over the duties of one for all: this one did not renew its lease")
            return False
        self._renewed = began
        return True

    async def _watch(self) -> None:
        began = self.steady()
        document = await self._read()
        term = _Term(holder=document["holder"], fence=int(document["fence"]), renewals=int(document["renewals"]))
        if term.holder == self._me:  # a term whose beginning was not acknowledged
            self.fence, self._renewals = term.fence, term.renewals
            if await self._renew():
                self._begin(document)
        elif term.holder is None or (term == self._watched and began - self._since >= STILL_FOR):
            await self._take_over(term, document, began)
        elif term != self._watched:
            if self._watched is None or term.fence != self._watched.fence:
                self._other = str(document.get("name", ""))
                self._log.info("The duties that one Manager does for all are done by {name}", name=self._other)
            self._watched, self._since = term, self.steady()

    async def _take_over(self, term: _Term, document: Mapping[str, Any], began: float) -> None:
        as_it_was = {"_id": _ID, "holder": term.holder, "fence": term.fence, "renewals": term.renewals}
        ours = {"holder": self._me, "name": self.name, "fence": term.fence + 1, "renewals": 0}
        if await self.settings.update(as_it_was, {"$set": ours}):
            self.fence, self._renewals, self._renewed = term.fence + 1, 0, began
            self._begin(document)

    def _begin(self, document: Mapping[str, Any]) -> None:
        self._other, self._watched = "", None
        # All that was wished so far is done at the beginning of a term.
        self._heard = dict(document.get("wishes", {}))
        self._log.info("The duties that one Manager does for all are done here (term {term})", term=self.fence)

    def _wished(self, document: Mapping[str, Any]) -> frozenset[Wish]:
        before, self._heard = self._heard, dict(document.get("wishes", {}))
        return frozenset(wish for wish in Wish if self._heard.get(wish.value, 0) > before.get(wish.value, 0))

    async def _read(self) -> Mapping[str, Any]:
        found = await self.settings.one(_DOCUMENT)
        if found is None:
            first: dict[str, Any] = {"_id": _ID, "holder": None, "name": "", "renewals": 0, "wishes": {}}
            first["fence"] = await self._latest_fence()
            await self.settings.insert([first])
            found = await self.settings.one(_DOCUMENT)
        if found is None:
            raise StoreUnavailable("the lease is removed as often as it is made")
        return found

    async def _latest_fence(self) -> int:
        """Return the number of the latest term that has left a trace, in case somebody has removed the lease."""
        found = await self.settings.one(ORIGINALS)
        return 0 if found is None else int(found.get("mgr", {}).get("fence", 0))
