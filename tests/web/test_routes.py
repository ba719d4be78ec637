"""The table of routes."""

import re
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from twisted.web.test.requesthelper import DummyRequest

from flamenco_mgr.deadline import seconds_left
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.web.auth import WorkerAuth
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wiring import wire
from tests.builders import JOB, TASK, WORKER
from tests.harness import basic
from tests.threads import at_once
from tests.web import fakes
from tests.web.wires import WireTestCase

OPEN = {
    "POST /register-worker",
    "GET /logfile/<job>/<task>",
    "HEAD /logfile/<job>/<task>",
    "GET /tasks/<task>/redir-to-server",
    "HEAD /tasks/<task>/redir-to-server",
}


OPEN_TO_ALL = {*OPEN, "GET /healthz", "GET /readyz", "GET /metrics", "HEAD /healthz", "HEAD /readyz", "HEAD /metrics"}


class RouteWalkTests(WireTestCase):
    """Every route, without credentials."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        self.routes = self.farm.routes()
        return self.routes.resource()

    def test_walk(self) -> None:
        """Without credentials every route answers 401, but for the few that are open to all."""
        walked = set()
        for rule in self.routes.app.url_map.iter_rules():
            (method,) = rule.methods or {""}
            path = rule.rule.replace("<status>", "asleep").replace("<job>", JOB)
            path = path.replace("<task_id>", TASK).replace("<task>", TASK)
            status = self.ask(method, path, headers={}).status
            endpoint = f"{method} {rule.rule}"
            self.assertEqual(status == 401, endpoint not in OPEN, endpoint)
            walked.add(endpoint)
        self.assertEqual(len(walked), 14)
        self.assertLess(OPEN, walked)
        self.assertEqual(self.farm.registry.heard, [])

    def test_same_as_klein(self) -> None:
        """The routes are all of the Klein app's, and it would find them as well."""
        self.assertIsInstance(self.routes.app, Klein)
        self.assertEqual(set(self.routes.app.endpoints), set(self.routes.handlers))


class WholeManagerTests(WireTestCase):
    """Every route of a Manager as it is wired, asked from another machine and without credentials."""

    def resource(self) -> IResource:
        around = Surroundings(
            clock=self.clock,
            store=SQLiteStore.in_memory(self.clock),
            treq=None,
            in_thread=at_once,
            platform="linux",
            own_url="http://manager:8080/",
        )
        self.served = wire(Settings(task_logs_path=Path(self.mktemp())), around).workers_api
        return self.served

    def test_walk(self) -> None:
        """Workers' routes answer 401, operators' 403, and only the few that are open to all anything else."""
        walked = Counter[str]()
        for rule in self.served._routes.map.iter_rules():
            (method,) = rule.methods or {""}
            path = re.sub("<[^>]*>", TASK, rule.rule)
            for query in ("", "?limit=1", "?action=shutdown"):
                status = self.ask(method, path + query, headers={}).status
                endpoint = f"{method} {rule.rule}"
                kind = {401: "worker", 403: "operator"}.get(status, "open")
                if endpoint in OPEN_TO_ALL:
                    kind = "open"
                self.assertEqual(kind == "open", endpoint in OPEN_TO_ALL, endpoint)
                walked[kind] += 1
        self.assertEqual(walked["worker"], 9 * 3)
        self.assertGreater(walked["operator"], 5 * 3)
        for path in ("/as-json", "/kick", "/api/v1/status"):
            self.assertEqual(self.ask("GET", path, headers={}).status, 403, path)

    def test_worker(self) -> None:
        """A worker's credentials open no operator's route."""
        self.assertEqual(self.ask("GET", "/as-json").status, 403)


class RoutesTests(SynchronousTestCase):
    """Adding routes."""

    def test_twice(self) -> None:
        """Two handlers for one route are a mistake that shows at once, instead of one of them never being asked."""
        routes = Routes(WorkerAuth(fakes.RegistryOfOne()), Clock())  # type: ignore[arg-type]  # a stand-in

        async def handler(*_: object) -> bytes:
            return b""

        routes.open("GET", "/here", handler)
        routes.open("POST", "/here", handler)
        with self.assertRaises(ValueError):
            routes.worker("GET", "/here", handler)

    def test_deadline(self) -> None:
        """All that is done for one request, whatever that is, has two seconds together."""
        clock = Clock()
        routes = Routes(WorkerAuth(fakes.RegistryOfOne()), clock)  # type: ignore[arg-type]  # a stand-in
        left: list[float] = []

        async def handler(*_: object) -> bytes:
            left.append(seconds_left(clock, 10.0))
            await deferLater(clock, 1.5)
            left.append(seconds_left(clock, 10.0))
            return b""

        routes.worker("GET", "/worker", handler)
        routes.open("GET", "/open", handler)
        for endpoint in ("GET /worker", "GET /open"):
            request: Any = DummyRequest([b""])
            request.channel = "somebody waits"
            request.requestHeaders.setRawHeaders(b"Authorization", [basic(WORKER).encode()])
            answering = Deferred.fromCoroutine(_awaited(routes.handlers[endpoint](request)))
            clock.advance(1.5)
            self.successResultOf(answering)
        self.assertEqual(left, [2.0, 0.5, 2.0, 0.5])
        self.assertEqual(seconds_left(clock, 10.0), 10.0)


async def _awaited(answer: Awaitable[bytes]) -> bytes:
    return await answer
