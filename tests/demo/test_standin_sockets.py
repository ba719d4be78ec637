"""The stand-in over real connections, which can be slower than it."""

import json
from random import Random
from typing import Any

from treq.client import HTTPClient
from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.server import Site

from flamenco_mgr.demo.standin.behaviour import LoseAnswer, Truncated
from flamenco_mgr.demo.standin.jobs import flat_job
from flamenco_mgr.demo.standin_server import StandInServer
from tests.demo.standin_case import MANAGER, SECRET, basic

TASKS = 5000

reactor: Any = the_reactor


class SocketsTests(TestCase):
    timeout = 30

    async def setUp(self) -> None:  # type: ignore[override]
        self.server = StandInServer(reactor, Random(1), MANAGER, SECRET)
        self.job = self.server.books.add_job(flat_job(TASKS))
        site = Site(self.server.resource(), parsePOSTFormSubmission=False)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.address = f"http://127.0.0.1:{port.getHost().port}"
        self.client = HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))

    async def ask(self) -> Any:
        path = f"/api/flamenco/managers/{MANAGER}/depsgraph"
        headers: dict[str | bytes, str | bytes] = {"Authorization": basic(SECRET)}
        return await self.client.get(self.address + path, headers=headers, unbuffered=True)

    async def test_whole(self) -> None:
        """A depsgraph of megabytes arrives whole, in order, and with a date that is now."""
        response = await self.ask()
        body = await response.content()
        self.assertGreater(len(body), 1_000_000)
        self.assertEqual([task["_id"] for task in json.loads(body)["depsgraph"]], list(self.job.tasks))

    async def test_slow_reader(self) -> None:
        """The Server stops writing while nobody reads, and what it wrote later is what was true when asked."""
        response = await self.ask()
        reader = SlowReader()
        response.deliverBody(reader)
        await reader.begun
        for task_id in self.job.tasks:
            self.server.books.cancel_task(task_id)
        reader.go_on()
        tasks = json.loads(await reader.body)["depsgraph"]
        self.assertEqual({task["status"] for task in tasks}, {"claimed-by-manager"})
        self.assertEqual(len(tasks), TASKS)

    async def test_hanging_up(self) -> None:
        """A reader that hangs up does no harm: the next is served."""
        response = await self.ask()
        reader = SlowReader()
        response.deliverBody(reader)
        await reader.begun
        reader.hang_up()
        await self.assertFailure(reader.body, ResponseFailed)
        again = await self.ask()
        self.assertEqual(len(json.loads(await again.content())["depsgraph"]), TASKS)

    async def test_broken_off(self) -> None:
        """An answer that is lost or cut is an error on the other side, and not for long."""
        self.server.behave(LoseAnswer(), times=1)
        await self.assertFailure(Deferred.fromCoroutine(self.ask()), ResponseFailed)
        self.server.behave(Truncated(1000), times=1)
        response = await self.ask()
        await self.assertFailure(response.content(), ResponseFailed)


class SlowReader(Protocol):
    """Stops reading at the first data, until told to go on."""

    transport: Any

    def __init__(self) -> None:
        self.begun: Deferred[None] = Deferred()
        self.body: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        if not self.begun.called:
            self.transport.pauseProducing()
            self.begun.callback(None)

    def go_on(self) -> None:
        self.transport.resumeProducing()

    def hang_up(self) -> None:
        self.transport.loseConnection()
        self.transport.resumeProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone):
            self.body.callback(b"".join(self._parts))
        else:
            self.body.errback(reason)
