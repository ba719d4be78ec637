"""What the Server has yet to hear, and what it refuses."""

from http import HTTPStatus

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from flamenco_mgr.domain.updates import QueuedUpdate
from flamenco_mgr.farm.browsing import FarmBrowser
from flamenco_mgr.farm.parked_updates import ParkedUpdates
from flamenco_mgr.store.interfaces import ParkedUpdate
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.replies import json_reply, no_content
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json


@frozen(eq=False)
class Updates:
    """Answers what is asked about updates for the Server."""

    _browser: FarmBrowser
    _parked: ParkedUpdates
    _clock: IReactorTime

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/updates", self.waiting)
        routes.operator("GET", "/api/v1/updates/parked", self.parked)
        routes.operator("POST", "/api/v1/updates/parked/<update_id>/retry", self.retry)
        routes.operator("DELETE", "/api/v1/updates/parked/<update_id>", self.drop)

    async def waiting(self, request: Request) -> bytes:
        """Tell a page of what waits."""
        asked = Asked.of(request, "task", "limit", "cursor")
        page = await turned(self._browser.updates(asked.an_id("task"), asked.place(), asked.limit()))
        now = self._clock.seconds()
        return json_reply(request, HTTPStatus.OK, page_document(page, lambda queued: queued_document(queued, now)))

    async def parked(self, request: Request) -> bytes:
        """Tell a page of what is parked."""
        asked = Asked.of(request, "limit", "cursor")
        page = await turned(self._browser.parked(asked.place(), asked.limit()))
        now = self._clock.seconds()
        return json_reply(request, HTTPStatus.OK, page_document(page, lambda parked: _parked_document(parked, now)))

    async def retry(self, request: Request, update_id: str) -> bytes:
        """Have a parked update told again."""
        Asked.of(request)
        await self._parked.retry(update_id)
        return no_content(request)

    async def drop(self, request: Request, update_id: str) -> bytes:
        """Drop a parked update."""
        Asked.of(request)
        await self._parked.drop(update_id)
        return no_content(request)


def queued_document(queued: QueuedUpdate, now: float) -> dict[str, object]:
    """Return an update that waits, as JSON."""
    return {**api_json.update_document(queued.update, now), "unhandled": queued.unhandled}


def _parked_document(parked: ParkedUpdate, now: float) -> dict[str, object]:
    document = api_json.update_document(parked.update, now)
    return {**document, "reason": parked.reason, "parked": api_json.instant(parked.since)}
