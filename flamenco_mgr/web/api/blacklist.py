"""The lines of the blacklist."""

from http import HTTPStatus

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from flamenco_mgr.farm.browsing import FarmBrowser, NamedLine
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.replies import json_reply, no_content
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json


@frozen(eq=False)
class Blacklist:
    """Answers what is asked about the blacklist."""

    _browser: FarmBrowser
    _operating: Operating
    _clock: IReactorTime

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/blacklist", self.page)
        routes.operator("DELETE", "/api/v1/blacklist", self.remove)

    async def page(self, request: Request) -> bytes:
        """Tell a page of lines."""
        asked = Asked.of(request, "limit", "cursor")
        page = await turned(self._browser.blacklist(self._clock.seconds(), asked.place(), asked.limit()))
        return json_reply(request, HTTPStatus.OK, page_document(page, _document))

    async def remove(self, request: Request) -> bytes:
        """Remove a line; if there is none, that is as good."""
        asked = Asked.of(request, "worker", "job", "task_type")
        await self._operating.forget_blacklist_line(
            asked.needed_id("worker"), asked.needed_id("job"), asked.needed("task_type")
        )
        return no_content(request)


def _document(named: NamedLine) -> dict[str, object]:
    return api_json.blacklist_document(named.line, named.nickname)
