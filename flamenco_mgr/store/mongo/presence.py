"""
Which Managers are there, for people.

Each of them leaves its name in one document of ``settings`` every ten seconds, with the time by the database's clock:
no two machines' clocks are compared.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field
from bson import ObjectId

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.collection import Collection, Query

LOOK_EVERY = 10.0
"""Seconds between two signs."""

THERE_FOR = timedelta(seconds=30)
"""A Manager that has given no sign for so long does not count as there any more."""

_FORGOTTEN_AFTER = timedelta(hours=1)
_ID = "managers"
_DOCUMENT = Query(filter={"_id": _ID})


@define(eq=False, kw_only=True)
class MongoPresence:
    """
    Knows the names of the Managers that are there, as of the last look.

    It is in the collection ``settings``. ``name`` is this process's, for people; ``steady`` returns seconds of a clock
    that nobody sets.
    """

    settings: Collection
    name: str
    steady: Callable[[], float]
    names: tuple[str, ...] = field(init=False)
    _me: str = field(init=False, factory=lambda: str(ObjectId()))
    _looked: float | None = field(init=False, default=None)

    @names.default
    def _alone(self) -> tuple[str, ...]:
        return (self.name,)

    async def look(self) -> None:
        """Give a sign and look for those of others, if the last time was ten seconds ago."""
        now = self.steady()
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        mine = f"here.{self._me}"
        change = {"$set": {f"{mine}.name": self.name}, "$currentDate": {f"{mine}.seen": True}}
        await self.settings.update({"_id": _ID}, change, upsert=True)
        found = await self.settings.one(_DOCUMENT)
        here = {} if found is None else found.get("here", {})
        seen = here.get(self._me, {}).get("seen")
        if isinstance(seen, datetime):
            self.names = tuple(sorted(set(_since(here, seen - THERE_FOR).values())))
            gone = here.keys() - _since(here, seen - _FORGOTTEN_AFTER).keys()
            if gone:
                await self.settings.update({"_id": _ID}, {"$unset": {f"here.{one}": "" for one in gone}})
        self._looked = now

    async def leave(self) -> None:
        """Let others know that this one is gone; never fails."""
        if self._looked is None:
            return
        try:
            await self.settings.update({"_id": _ID}, {"$unset": {f"here.{self._me}": ""}})
        except StoreUnavailable:
            return  # it is forgotten soon in any case


def _since(here: Mapping[str, Any], begin: datetime) -> Mapping[str, str]:
    """Return the names of those that have given a sign since then."""
    signs = ((manager, sign) for manager, sign in here.items() if isinstance(sign, dict))
    return {
        manager: str(sign.get("name"))
        for manager, sign in signs
        if isinstance(sign.get("seen"), datetime) and sign["seen"] >= begin
    }
