"""Jobs with the numbers of their tasks."""

from http import HTTPStatus

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.farm.browsing import FarmBrowser
from flamenco_mgr.store.interfaces import JobCounts
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.replies import json_reply
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json


@frozen(eq=False)
class Jobs:
    """Answers what is asked about jobs."""

    _browser: FarmBrowser

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/jobs", self.page)
        routes.operator("GET", "/api/v1/jobs/<job_id>", self.one)

    async def page(self, request: Request) -> bytes:
        """Tell a page of jobs."""
        asked = Asked.of(request, "limit", "cursor")
        page = await turned(self._browser.jobs(asked.place(), asked.limit()))
        return json_reply(request, HTTPStatus.OK, page_document(page, _document))

    async def one(self, request: Request, job_id: str) -> bytes:
        """Tell one job."""
        Asked.of(request)
        return json_reply(request, HTTPStatus.OK, _document(await self._browser.job(job_id)))


def _document(job: JobCounts) -> dict[str, object]:
    return api_json.job_document(
        job.job, job.by_status, job_type=job.job_type, job_priority=job.job_priority, counted=job.age
    )
