"""Single facts, in ``settings``: the mark of the last download, as the original keeps it, and the Server's receipts."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from bson import ObjectId
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.store.interfaces import IDownloadMark, LeaseLost, StoreUnavailable
from flamenco_mgr.store.mongo import queries
from flamenco_mgr.store.mongo.collection import Collection, Query
from flamenco_mgr.store.mongo.encoding import Document

SETTINGS = "settings"

MARK = "depsgraph_last_modified"

ORIGINALS = Query(filter={"_id": {"$type": "objectId"}}, limit=1)
"""The original has one document; ours have texts as their ids."""

_ID = ObjectId("000000000000000000000001")
"""The id of that document in a database that the original never saw."""

_RECEIPTS = "receipts"
_KNOWN_FOR = 1.0
"""Seconds in which the number of the latest receipt is told from memory: an older one is on the safe side."""

_TRIES = 20


def first_mark(mark: str | None, fence: int) -> Document:
    """Return the original's document, for a database that has none, as the Manager of a term leaves it."""
    return {"_id": _ID, "mgr": {"fence": fence}} | ({} if mark is None else {MARK: mark})


def counted(document: Document, name: str) -> int:
    """Return a number that only Managers write; raises `StoreUnavailable` if somebody put something else there."""
    number = document.get(name)
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    if isinstance(number, float) and number.is_integer():  # as other programs write whole numbers
        return int(number)
    found = "missing" if number is None else f"{number!r:.60}, which is no whole number"
    raise StoreUnavailable(f"{name} of the document {document['_id']} in {SETTINGS} is {found}; it has to be put right")


@implementer(IDownloadMark)
@define(eq=False)
class MongoDownloadMark:
    """Provides `IDownloadMark`; ``fence`` returns the number of our term, and who has an older one is too late."""

    _settings: Collection
    _fence: Callable[[], int]

    async def get(self) -> str | None:
        """See `IDownloadMark.get`."""
        document = await self._settings.one(ORIGINALS)
        mark = None if document is None else document.get(MARK)
        return mark if isinstance(mark, str) and mark else None

    async def set(self, mark: str | None) -> None:
        """See `IDownloadMark.set`."""
        document = await self._settings.one(ORIGINALS)
        if document is None:
            await self._settings.insert([first_mark(None, 0)])
        which = _ID if document is None else document["_id"]
        fence = self._fence()
        not_later: dict[str, Any] = {"_id": which, "mgr.fence": {"$not": {"$gt": fence}}}
        change = {"$set": {"mgr.fence": fence} | ({} if mark is None else {MARK: mark})}
        if mark is None:
            change["$unset"] = {MARK: ""}
        if not await self._settings.update(not_later, change):
            raise LeaseLost("another Manager downloads for the farm now")


@define(eq=False)
class Receipts:
    """Counts the Server's receipts, whoever of the Managers has them."""

    _settings: Collection
    _clock: IReactorTime
    _known: int = field(init=False, default=0)
    _as_of: float | None = field(init=False, default=None)

    async def latest(self) -> int:
        """Return the number of the latest receipt, or of one that was the latest a second ago."""
        if self._as_of is None or self._clock.seconds() - self._as_of >= _KNOWN_FOR:
            await self._read()
        return self._known

    async def new(self) -> int:
        """Count one more receipt, and return its number. Numbers that are left out do no harm."""
        for _ in range(_TRIES):
            number = await self._read()
            if number is None:
                await self._settings.insert([{"_id": _RECEIPTS, "number": 0}])
                continue
            if await self._settings.update({"_id": _RECEIPTS, "number": number}, {"$set": {"number": number + 1}}):
                self._known = number + 1
                return number + 1
        raise StoreUnavailable("the Server's receipts are counted by too many at once")

    async def _read(self) -> int | None:
        began = self._clock.seconds()
        document = await self._settings.one(queries.by_id(_RECEIPTS))
        number = None if document is None else counted(document, "number")
        self._known, self._as_of = max(self._known, number or 0), began
        return number
