"""The event log of a database on MongoDB, with what is still on its way into it."""

from collections.abc import Iterator
from typing import Any

from attrs import define, field
from pymongo.database import Database

from flamenco_mgr.store.mongo import event_documents
from flamenco_mgr.store.mongo.event_documents import EVENTS
from flamenco_mgr.storekeeping import mongo
from flamenco_mgr.storekeeping.records import PastEvent

Document = mongo.Document


@define(eq=False)
class MongoEvents:
    """
    Reads events; of one that is seen twice, as it moves meanwhile, the one with its place counts.

    ``latest`` is the last place that was told.
    """

    _database: Database[Document]
    latest: int = field(init=False, default=0)
    _on_the_way: dict[Any, Document] = field(init=False, factory=dict)

    def seen_in(self, document: Document) -> None:
        """Remember the events in the document of a task, a worker, or a line of the blacklist."""
        self._remember(document.get("mgr", {}).get("events", ()))

    def read(self) -> Iterator[PastEvent]:
        """Yield all events; those without a place get the next ones, as the Manager would give them."""
        log = self._database[EVENTS]
        self._remember(log.find({"order": {"$exists": True}}).sort("order", 1))
        for document in log.find({"place": {"$gt": 0}}).sort("place", 1).batch_size(mongo.AT_ONCE):
            self._on_the_way.pop(document["_id"], None)
            yield self._placed(document, int(document["place"]))
        decided = self._database[mongo.SETTINGS].find_one({"_id": "events"}) or {"last": 0, "batch": []}
        last, batch = int(decided["last"]), list(decided["batch"])
        for place, event_id in enumerate(batch, last - len(batch) + 1):
            if event_id in self._on_the_way:
                yield self._placed(self._on_the_way.pop(event_id), place)
        self.latest = max(self.latest, last)
        for document in self._on_the_way.values():
            yield self._placed(document, self.latest + 1)

    def _remember(self, documents: Any) -> None:
        self._on_the_way.update({one["_id"]: one for one in documents})

    def _placed(self, document: Document, place: int) -> PastEvent:
        self.latest = max(self.latest, place)
        return PastEvent(place=place, event=event_documents.event(document))
