"""
Events move from the documents of what they are about into the event log, and get their places there.

A place must never come to light after a later one: whoever follows the log would miss it. So places are given in two
steps. First the numbers and the events that get them are decided, by one write to a document in ``settings``; then each
event is given its own, in this order, which may be done twice, late, or by two processes at once. Nothing more is
decided before that is done.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from pymongo import UpdateOne
from twisted.internet.defer import DeferredLock

from flamenco_mgr.store.mongo import list_queries, queries
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.orders import Orders

_AT_ONCE = 100

_MOST_IN_VAIN = 5
"""Rounds in which somebody else was quicker with everything."""

_DECIDED = "events"
"""The ``_id`` of the document: the ``last`` place that was decided on, and the ``batch`` of events up to there."""


@define(eq=False)
class Recording:
    """Collects events; done by one process mostly, though nothing goes wrong if it is two."""

    _owners: Sequence[Collection]
    _events: Collection
    _settings: Collection
    _orders: Orders
    _given: int | None = field(init=False, default=None)
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    async def collect(self) -> None:
        """Move all that is on its way, and give places; what others are always quicker with is left to them."""
        async with self._lock:
            await self._give_places()
            for owners in self._owners:
                in_vain = 0
                while in_vain < _MOST_IN_VAIN and (some := await owners.find(list_queries.with_events(_AT_ONCE))):
                    in_vain = 0 if await self._move(owners, some) else in_vain + 1
                    await self._give_places()

    async def collect_some(self) -> None:
        """Do a part of it that does not take long, unless it is being done."""
        if self._lock.locked:
            return
        async with self._lock:
            for owners in self._owners:
                await self._move(owners, await owners.find(list_queries.with_events(_AT_ONCE)))
            some = await self._events.find(list_queries.unplaced(_AT_ONCE))
            if some and not await self._place([one["_id"] for one in some]):
                await self._place([one["_id"] for one in some])

    async def record(self, events: Sequence[Document]) -> None:
        """Put events into the log; those that are there already stay as they are."""
        await self._events.insert([{**event, "order": self._orders.new()} for event in events])

    async def _move(self, owners: Collection, some: Sequence[Document]) -> int:
        """Copy the events of these documents, then remove them there; return from how many that was done."""
        listed = [(one["_id"], one["mgr"]["events"]) for one in some]
        await self.record([event for _, events in listed for event in events])
        return await owners.write([_removed(owner, events) for owner, events in listed], ordered=False)

    async def _give_places(self) -> None:
        in_vain = 0
        while in_vain < _MOST_IN_VAIN and (some := await self._events.find(list_queries.unplaced(_AT_ONCE))):
            in_vain = 0 if await self._place([one["_id"] for one in some]) else in_vain + 1

    async def _place(self, ids: list[Any]) -> bool:
        """Finish what was decided before; then decide on these, and do it. False if somebody else decides meanwhile."""
        found = await self._settings.one(queries.by_id(_DECIDED))
        if found is None:
            newest = await self._events.one(list_queries.NEWEST_EVENT) or {"place": 0}
            await self._settings.insert([{"_id": _DECIDED, "last": newest["place"], "batch": []}])
            return False
        last, batch = int(found["last"]), list(found["batch"])
        if self._given != last:
            await self._give(last, batch)
            ids = [one for one in ids if one not in batch]
        if not ids:
            return True
        new = {"last": last + len(ids), "batch": ids}
        if not await self._settings.update({"_id": _DECIDED, "last": last}, {"$set": new}):
            return False
        await self._give(last + len(ids), ids)
        return True

    async def _give(self, last: int, batch: Sequence[Any]) -> None:
        first = last - len(batch) + 1
        await self._events.write([_placed(one, place) for place, one in enumerate(batch, first)])
        self._given = last


def _removed(owner: Any, events: Sequence[Document]) -> UpdateOne:
    as_read = {"mgr.events._id": {"$all": [event["_id"] for event in events]}, "mgr.events": {"$size": len(events)}}
    return UpdateOne({"_id": owner, **as_read}, {"$unset": {"mgr.events": ""}})


def _placed(event: Any, place: int) -> UpdateOne:
    return UpdateOne({"_id": event, "place": {"$exists": False}}, {"$set": {"place": place}, "$unset": {"order": ""}})
