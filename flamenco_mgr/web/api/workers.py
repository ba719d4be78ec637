"""Workers, and what an operator asks of them."""

from collections.abc import Mapping
from http import HTTPStatus

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.farm.listing import ListedWorker, WorkerListing
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.farm.refusals import NotHere
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.errors import BadRequest
from flamenco_mgr.web.replies import json_reply, no_content
from flamenco_mgr.web.requests import body_of
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import operator_json
from flamenco_mgr.wire.strict_json import parsed_object

_REQUEST = ("status", "lazy")
_SCHEDULE = ("schedule_active", "days_of_week", "time_start", "time_end", "next_check")

_SHOWN = 40


@frozen(eq=False)
class Workers:
    """Answers what is asked about workers."""

    _listing: WorkerListing
    _operating: Operating

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/workers", self.page)
        routes.operator("GET", "/api/v1/workers/<worker_id>", self.one)
        routes.operator("DELETE", "/api/v1/workers/<worker_id>", self.forget)
        routes.operator("POST", "/api/v1/workers/<worker_id>/request", self.request_status)
        routes.operator("POST", "/api/v1/workers/<worker_id>/ack-timeout", self.acknowledge_timeout)
        routes.operator("POST", "/api/v1/workers/<worker_id>/test-job", self.send_test_job)
        routes.operator("PUT", "/api/v1/workers/<worker_id>/sleep-schedule", self.set_schedule)

    async def page(self, request: Request) -> bytes:
        """Tell a page of workers."""
        asked = Asked.of(request, "status", "limit", "cursor")
        reading = self._listing.page(asked.place(), asked.limit(), asked.text("status"))
        return json_reply(request, HTTPStatus.OK, page_document(await turned(reading), _document))

    async def one(self, request: Request, worker_id: str) -> bytes:
        """Tell one worker."""
        Asked.of(request)
        listed = await self._listing.one(worker_id)
        if listed is None:
            raise NotHere(f"there is no worker {worker_id}")
        return json_reply(request, HTTPStatus.OK, _document(listed))

    async def request_status(self, request: Request, worker_id: str) -> bytes:
        """Ask a worker to change its status."""
        Asked.of(request)
        body = _body(request, _REQUEST)
        status, lazy = body.get("status"), body.get("lazy", False)
        if not isinstance(status, str):
            raise BadRequest("status is missing, or is not a string")
        if not isinstance(lazy, bool):
            raise BadRequest("lazy is neither true nor false")
        await self._operating.request_status(worker_id, status, lazy=lazy)
        return no_content(request)

    async def acknowledge_timeout(self, request: Request, worker_id: str) -> bytes:
        """Hear that an operator knows of a worker that it timed out."""
        Asked.of(request)
        await self._operating.acknowledge_timeout(worker_id)
        return no_content(request)

    async def send_test_job(self, request: Request, worker_id: str) -> bytes:
        """Have a worker tried out."""
        Asked.of(request)
        text = await self._operating.send_test_job(worker_id)
        return json_reply(request, HTTPStatus.OK, {"text": text})

    async def set_schedule(self, request: Request, worker_id: str) -> bytes:
        """Give a worker another schedule."""
        Asked.of(request)
        schedule = operator_json.sleep_schedule_of(_body(request, _SCHEDULE))
        await self._operating.set_schedule(worker_id, schedule)
        return no_content(request)

    async def forget(self, request: Request, worker_id: str) -> bytes:
        """Forget a worker."""
        Asked.of(request)
        await self._operating.forget_worker(worker_id)
        return no_content(request)


def _body(request: Request, known: tuple[str, ...]) -> Mapping[str, object]:
    """Return the object that a body is, which may have these keys; raises `BadJSON` or `BadRequest`."""
    body = parsed_object(body_of(request))
    for key in body:
        if key not in known:
            raise BadRequest(f"there is no key {key[:_SHOWN]!a} here; there are: {', '.join(known)}")
    return body


def _document(listed: ListedWorker) -> dict[str, object]:
    return operator_json.listed_worker(listed.worker, listed.current_job, listed.blacklist)
