"""The Server's HTTP API as far as Managers use it (server-api.md 1)."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from attrs import define
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from flamenco_mgr.demo.standin.behaviour import answered
from flamenco_mgr.demo.standin.conduct import Behaviours, Conduct
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.instants import ServerTime, rfc_1123
from flamenco_mgr.demo.standin.record import Record
from flamenco_mgr.demo.standin.replies import Refused, Reply, Whole, error_reply
from flamenco_mgr.demo.standin.sending import send
from flamenco_mgr.demo.standin.services import Services

Answer = bytes | Deferred[bytes]


@define(eq=False, kw_only=True)
class StandInAPI:
    """One route for each endpoint; each counts the request, and behaves as the Server was told to."""

    router: ClassVar[Klein] = Klein()

    services: Services
    conduct: Conduct
    record: Record
    time: ServerTime

    @router.route("/api/flamenco/tasks/<task_id>", methods=["GET"])
    def task(self, request: Request, task_id: str) -> Answer:
        """Tell whether a Manager's copy of a task is the latest (server-api.md 4)."""
        return self._serve(Endpoint.TASK, request, partial(self.services.task, request, task_id))

    @router.route("/api/flamenco/managers/<manager_id>/depsgraph", methods=["GET"])
    def depsgraph(self, request: Request, manager_id: str) -> Answer:
        """Hand out tasks (server-api.md 3)."""
        return self._serve(Endpoint.DEPSGRAPH, request, partial(self.services.depsgraph, request, manager_id))

    @router.route("/flamenco/scheduler/tasks/<manager_id>", methods=["GET"])
    def chunk(self, request: Request, manager_id: str) -> Answer:
        """Hand out a few tasks, as early Servers did (server-api.md 12.3)."""
        return self._serve(Endpoint.CHUNK, request, partial(self.services.chunk, request, manager_id))

    @router.route("/api/flamenco/managers/<manager_id>/task-update-batch", methods=["POST"])
    def push(self, request: Request, manager_id: str) -> Answer:
        """Take updates, and say what is to be canceled (server-api.md 5)."""
        return self._serve(Endpoint.PUSH, request, partial(self.services.push, request, manager_id))

    @router.route("/api/flamenco/managers/<manager_id>/startup", methods=["POST"])
    def startup(self, request: Request, manager_id: str) -> Answer:
        """Hear that a Manager has started (server-api.md 6)."""
        work = partial(self.services.notify, request, manager_id, Endpoint.STARTUP)
        return self._serve(Endpoint.STARTUP, request, work)

    @router.route("/api/flamenco/managers/<manager_id>/update", methods=["POST"])
    def update(self, request: Request, manager_id: str) -> Answer:
        """Hear that a Manager has changed (server-api.md 6)."""
        work = partial(self.services.notify, request, manager_id, Endpoint.UPDATE)
        return self._serve(Endpoint.UPDATE, request, work)

    @router.route("/api/flamenco/managers/<manager_id>/attach-task-log/<task_id>", methods=["POST"])
    def log(self, request: Request, manager_id: str, task_id: str) -> Answer:
        """Take the log of a task (server-api.md 7)."""
        return self._serve(Endpoint.LOG, request, partial(self.services.log, request, manager_id, task_id))

    @router.route("/api/flamenco/managers/<manager_id>", methods=["GET"])
    def manager(self, request: Request, manager_id: str) -> Answer:
        """Show a Manager what is known of it, which tells that its credentials are right (server-api.md 8.1)."""
        return self._serve(Endpoint.MANAGER, request, partial(self.services.manager, request, manager_id))

    @router.handle_errors(HTTPException)
    def no_route(self, request: Any, failure: Failure) -> Answer:
        """Answer what is no endpoint."""
        error: Any = failure.value
        return send(request, error_reply(error.code, error.name), self._date())

    def _serve(self, endpoint: Endpoint, request: Request, work: Callable[[], Reply]) -> Answer:
        self.record.requests[endpoint] += 1
        behaviours = self.conduct.for_request(endpoint)
        if behaviours:
            return Deferred.fromCoroutine(self._misbehave(behaviours, endpoint, request, work))
        try:
            reply = work()
        except Refused as refused:
            reply = refused.reply
        return self._send(endpoint, request, reply)

    async def _misbehave(
        self, behaviours: Behaviours, endpoint: Endpoint, request: Request, work: Callable[[], Reply]
    ) -> bytes:
        sent = self._send(endpoint, request, await answered(behaviours, work, self.time.clock))
        return sent if isinstance(sent, bytes) else await sent

    def _send(self, endpoint: Endpoint, request: Request, reply: Reply) -> Answer:
        if isinstance(reply.delivery, Whole):
            self.record.answers[endpoint, reply.status] += 1
        return send(request, reply, self._date())

    def _date(self) -> str:
        return rfc_1123(self.time.now())
