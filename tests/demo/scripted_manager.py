"""A Manager that says what it is told to, and notes what it is asked; and a Worker in front of it."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, ClassVar

from attrs import Factory, define, field, frozen
from klein import Klein
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IRequest

from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.worker.enlisting import WorkerProfile

WORKER = "5e6a1f2c9d3b4a0017c0ffee"
TASK = "5e6a2b7d9d3b4a0017c0a001"
OTHER_TASK = "5e6a2b7d9d3b4a0017c0a002"

Behaviour = Callable[[IRequest], "bytes | Deferred[bytes]"]


@frozen
class Says:
    """Answers at once."""

    status: int = 204
    body: object = None
    headers: Mapping[str, str] = Factory(dict)

    def __call__(self, request: IRequest) -> bytes:
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@frozen
class IsSilent:
    """Never answers."""

    def __call__(self, _request: IRequest) -> "Deferred[bytes]":
        return Deferred()


@frozen
class IsSlow:
    """Answers after some seconds."""

    clock: Clock
    seconds: float
    says: Says

    def __call__(self, request: IRequest) -> "Deferred[bytes]":
        return deferLater(self.clock, self.seconds, self.says, request)


@frozen
class HangsUp:
    """Takes the request and breaks the connection."""

    def __call__(self, request: Any) -> "Deferred[bytes]":
        request.channel.transport.abortConnection()
        return Deferred()


@frozen
class Asked:
    """A request, and when it came."""

    at: float
    method: str
    path: str
    endpoint: str
    body: Any
    headers: Mapping[str, str]

    @property
    def line(self) -> tuple[float, str]:
        return self.at, f"{self.method} {self.path}"


RUN_ON = Says(200, {"may_keep_running": True})


@define(eq=False)
class ScriptedManager:
    """What was told last is repeated for ever; a script can be given per endpoint or per path."""

    router: ClassVar[Klein] = Klein()

    clock: IReactorTime
    asked: list[Asked] = field(factory=list)
    scripts: dict[str, list[Behaviour]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.tell("register-worker", Says(200, {"_id": WORKER}))
        self.tell("may-i-run", RUN_ON)

    def tell(self, endpoint: str, *behaviours: Behaviour) -> None:
        """What to answer from now on, one after the other."""
        self.scripts[endpoint] = list(behaviours)

    def lines(self, *, since: float = 0.0) -> list[tuple[float, str]]:
        """When what was asked."""
        return [asked.line for asked in self.asked if asked.at >= since]

    def at(self, endpoint: str) -> list[float]:
        """When an endpoint was asked."""
        return [asked.at for asked in self.asked if asked.endpoint == endpoint]

    def bodies(self, endpoint: str = "update") -> list[Any]:
        """The bodies that were sent to an endpoint."""
        return [asked.body for asked in self.asked if asked.endpoint == endpoint]

    @router.route("/", branch=True)
    def answer(self, request: Any) -> "bytes | Deferred[bytes]":
        content = request.content.read()
        path = request.path.decode()
        parts = path.strip("/").split("/")
        endpoint = parts[2] if parts[0] == "tasks" else parts[0]
        headers = {key.decode().lower(): value[0].decode() for key, value in request.requestHeaders.getAllRawHeaders()}
        body = json.loads(content) if content else None
        self.asked.append(Asked(self.clock.seconds(), request.method.decode(), path, endpoint, body, headers))
        script = self.scripts.get(endpoint) or [Says()]
        behaviour = script.pop(0) if len(script) > 1 else script[0]
        return behaviour(request)


def a_task_document(task_id: str = TASK, *commands: Mapping[str, object], **changes: object) -> dict[str, object]:
    """Return a task as a Manager gives it out: an ``echo`` and seven seconds of sleep, unless others are named."""
    usual = (
        {"name": "echo", "settings": {"message": "good night"}},
        {"name": "sleep", "settings": {"time_in_seconds": 7}},
    )
    return {
        "_id": task_id,
        "job": "5e6a2b7d9d3b4a0017c0b001",
        "task_type": "sleep",
        "commands": commands or usual,
    } | changes


def a_sleep(seconds: float) -> dict[str, object]:
    """Return a command that takes so long."""
    return {"name": "sleep", "settings": {"time_in_seconds": seconds}}


class WorkerTestCase(SynchronousTestCase):
    """A Worker, a Manager to tell what to say, and a clock; no Worker may leave a delayed call behind."""

    profile = WorkerProfile(nickname="render07", supported_task_types=("sleep", "blender-render"))

    def setUp(self) -> None:
        self.clock = Clock()
        self.manager = ScriptedManager(self.clock)
        self.treq: Any = StubTreq(self.manager.router.resource())
        self.worker = self.a_worker()

    def a_worker(self, **changes: Any) -> SimulatedWorker:
        values: dict[str, Any] = {
            "profile": self.profile,
            "client": self.treq,
            "clock": self.clock,
            "random": Random(7),
            "manager_url": "http://manager.invalid:8080/",
        }
        return SimulatedWorker(**(values | changes))

    def tearDown(self) -> None:
        self.worker.kill()
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.active()], [])

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of half a second, with all that is on the wire delivered in each."""
        for _ in range(int(seconds * 2)):
            self.clock.advance(0.5)
            self.treq.flush()

    def live(self, seconds: float = 0.0) -> None:
        """Start the Worker, and let it live for a while."""
        self.worker.start()
        self.pass_time(seconds)

    def complaints(self) -> list[str]:
        """What the Worker says against the Manager."""
        return [f"{offence.endpoint}: {offence.what}" for offence in self.worker.offences]
