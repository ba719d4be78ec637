"""The event log, in SQLite."""

import sqlite3

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import EventsAsked, IHistory, Page, Place, RecordedEvent
from flamenco_mgr.store.sqlite import events
from flamenco_mgr.store.sqlite.database import Database


@implementer(IHistory)
@frozen(eq=False)
class SQLiteHistory:
    """Provides `IHistory`."""

    _database: Database

    def note(self, event: Event) -> "Deferred[None]":
        """See `IHistory.note`."""
        return self._database.write_some((), events.record, event)

    def events(
        self, asked: EventsAsked, after: Place | None, limit: int, *, newest_first: bool
    ) -> "Deferred[Page[RecordedEvent]]":
        """See `IHistory.events`."""
        return self._database.read(_page, asked, after, limit, newest_first)

    def forget(self, before: float, limit: int) -> "Deferred[int]":
        """See `IHistory.forget`."""
        return self._database.write_some((), events.forget, before, limit)


def _page(
    connection: sqlite3.Connection,
    asked: EventsAsked,
    after: Place | None,
    limit: int,
    newest_first: bool,
) -> Page[RecordedEvent]:
    return events.page(connection, asked, after, limit, newest_first=newest_first)
