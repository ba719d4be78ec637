"""The event log, in MongoDB."""

from collections.abc import Callable

from attrs import frozen
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import EventsAsked, IHistory, Page, Place, RecordedEvent
from flamenco_mgr.store.mongo import event_documents, list_queries
from flamenco_mgr.store.mongo.collection import Collection, among
from flamenco_mgr.store.mongo.encoding import to_time
from flamenco_mgr.store.mongo.recording import Recording

_MOST_LOOKED_AT = 1000
"""Events for one page."""

_END = 1 << 62
"""Behind every place."""


@implementer(IHistory)
@frozen(eq=False, kw_only=True)
class MongoHistory:
    """Provides `IHistory`; ``collects`` tells whether this process is the one that collects events."""

    log: Collection
    recording: Recording
    collects: Callable[[], bool]

    async def note(self, event: Event) -> None:
        """See `IHistory.note`."""
        await self.recording.record([event_documents.document(event)])

    async def events(
        self, asked: EventsAsked, after: Place | None, limit: int, *, newest_first: bool
    ) -> Page[RecordedEvent]:
        """See `IHistory.events`."""
        limit = max(1, min(limit, _MOST_LOOKED_AT))
        this_list = (asked, newest_first)
        start = places.event_number(this_list, after, _END if newest_first else 0)
        if self.collects():
            await self.recording.collect_some()
        most = limit if asked.conditions <= 1 else _MOST_LOOKED_AT
        found = await self.log.find(list_queries.events(asked, start, most + 1, newest_first=newest_first))
        items: list[RecordedEvent] = []
        reached = after
        more = False
        for looked_at, document in enumerate(found):
            more = len(items) == limit or looked_at == most
            if more:
                break
            event = event_documents.event(document)
            if asked.wants(event):
                items.append(RecordedEvent(place=document["place"], event=event))
            reached = places.place(this_list, str(document["place"]))
        return Page(items=tuple(items), next=reached if more else None, reached=None if newest_first else reached)

    async def forget(self, before: float, limit: int) -> int:
        """See `IHistory.forget`."""
        oldest = await self.log.find(list_queries.oldest_events(limit))
        ids = [one["_id"] for one in oldest if (to_time(one["at"]) or 0.0) < before]
        return await self.log.remove({"_id": among(ids)}) if ids else 0
