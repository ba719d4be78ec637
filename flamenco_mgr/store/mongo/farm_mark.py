"""The mark of a farm whose Managers share a database."""

from attrs import frozen
from zope.interface import implementer

from flamenco_mgr.store.interfaces import IFarmMark
from flamenco_mgr.store.mongo.collection import Collection, Query

_ID = "farm"


@implementer(IFarmMark)
@frozen(eq=False)
class MongoFarmMark:
    """Provides `IFarmMark` by one document of the collection ``settings``, which is written once."""

    _settings: Collection

    async def value(self, proposal: str | None) -> str | None:
        """See `IFarmMark.value`."""
        stored = await self._stored()
        if stored is not None or proposal is None:
            return stored
        await self._settings.insert([{"_id": _ID, "mark": proposal}])
        return await self._stored()

    async def _stored(self) -> str | None:
        found = await self._settings.one(Query(filter={"_id": _ID}))
        return None if found is None else str(found["mark"])
