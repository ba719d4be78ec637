"""The event log."""

from http import HTTPStatus
from typing import Final

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.domain.events import EventKind
from flamenco_mgr.farm.browsing import FarmBrowser
from flamenco_mgr.store.interfaces import EventsAsked, Place, RecordedEvent, behind_event
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.api.cursors import cursor_of, place_of
from flamenco_mgr.web.errors import BadRequest
from flamenco_mgr.web.replies import json_reply
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json

_START: Final = "start"
_DIGITS: Final = 18
_KINDS = frozenset(kind.value for kind in EventKind)


@frozen(eq=False)
class Events:
    """Answers what is asked about what happened."""

    _browser: FarmBrowser

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.operator("GET", "/api/v1/events", self.page)

    async def page(self, request: Request) -> bytes:
        """Tell a page of events: the newest first, or forwards from one on."""
        asked = Asked.of(request, "task", "job", "worker", "kind", "after", "limit", "cursor")
        kind = asked.text("kind")
        if kind is not None and kind not in _KINDS:
            raise BadRequest(f"kind must be one of {', '.join(sorted(_KINDS))}")
        wanted = EventsAsked(task=asked.an_id("task"), job=asked.an_id("job"), worker=asked.an_id("worker"), kind=kind)
        after = asked.cursor("after")
        if after is None:
            reading = self._browser.events(wanted, asked.place(), asked.limit(), newest_first=True)
            return json_reply(request, HTTPStatus.OK, page_document(await turned(reading), event_document))
        if asked.place() is not None:
            raise BadRequest("after is for going forwards, cursor for going back: give one of them")
        place = None if after == _START else _place(after)
        page = await turned(self._browser.events(wanted, place, asked.limit(), newest_first=False))
        # Whoever follows the log goes on here, though there is nothing yet.
        reached = cursor_of(page.next or page.reached or place) or _START
        return json_reply(request, HTTPStatus.OK, {**page_document(page, event_document), "next": reached})


def _place(after: str) -> Place:
    """Return what is meant by a place of an event, or by the end of a page before."""
    return (
        behind_event(int(after)) if after.isascii() and after.isdecimal() and len(after) <= _DIGITS else place_of(after)
    )


def event_document(recorded: RecordedEvent) -> dict[str, object]:
    """Return an event as JSON."""
    return api_json.event_document(recorded.place, recorded.event)
