"""Tasks, and what an operator does with them."""

from http import HTTPStatus

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from flamenco_mgr.farm.browsing import FarmBrowser
from flamenco_mgr.farm.task_steering import TaskSteering
from flamenco_mgr.store.interfaces import TasksAsked
from flamenco_mgr.web.api.asked import Asked, page_document, turned
from flamenco_mgr.web.api.events import event_document
from flamenco_mgr.web.api.updates import queued_document
from flamenco_mgr.web.replies import json_reply, no_content
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json


@frozen(eq=False)
class Tasks:
    """Answers what is asked about tasks."""

    _browser: FarmBrowser
    _steering: TaskSteering
    _clock: IReactorTime

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/tasks", self.page)
        routes.operator("GET", "/api/v1/tasks/<task_id>", self.one)
        routes.operator("POST", "/api/v1/tasks/<task_id>/requeue", self.requeue)
        routes.operator("POST", "/api/v1/tasks/<task_id>/cancel", self.cancel)

    async def page(self, request: Request) -> bytes:
        """Tell a page of tasks."""
        asked = Asked.of(request, "job", "status", "worker", "begins", "limit", "cursor")
        wanted = TasksAsked(
            job=asked.an_id("job"),
            status=asked.text("status"),
            worker_id=asked.an_id("worker"),
            begins=asked.text("begins") or None,
        )
        page = await turned(self._browser.tasks(wanted, asked.place(), asked.limit()))
        return json_reply(request, HTTPStatus.OK, page_document(page, api_json.task_document))

    async def one(self, request: Request, task_id: str) -> bytes:
        """Tell all that is known of a task."""
        Asked.of(request)
        whole = await self._browser.task(task_id)
        now = self._clock.seconds()
        document = {
            **api_json.task_document(whole.task),
            "commands": api_json.commands_document(whole.commands),
            "updates": page_document(whole.updates, lambda queued: queued_document(queued, now)),
            "events": page_document(whole.events, event_document),
        }
        return json_reply(request, HTTPStatus.OK, document)

    async def requeue(self, request: Request, task_id: str) -> bytes:
        """Let workers have a task again."""
        Asked.of(request)
        await self._steering.requeue(task_id)
        return no_content(request)

    async def cancel(self, request: Request, task_id: str) -> bytes:
        """Cancel a task of our own."""
        Asked.of(request)
        await self._steering.cancel(task_id)
        return no_content(request)
