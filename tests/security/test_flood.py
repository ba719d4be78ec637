"""More connections than a real Manager allows: those of strangers go, and Workers are served."""

import json
import secrets
from base64 import b64encode
from pathlib import Path
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IReactorTCP, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from bench.flood import BEGINNINGS
from tests.builders import TASK
from tests.process.twistd import ProcessTestCase, Twistd

MOST = 300
WAVES = 9
IN_A_WAVE = 50
MAY_GO_ON = b'{"may_keep_running"'


class Connection(Protocol):
    """A connection, what came over it, and whether the Manager has ended it."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.is_cut = False

    def send(self, data: bytes) -> None:
        cast("ITCPTransport", self.transport).write(data)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 however it ended
        self.is_cut = True


class FloodTests(ProcessTestCase):
    """A Manager in a process of its own that allows 300 connections."""

    most = 0
    """The most descriptors that the Manager had."""

    linked = f"max_connections: {MOST}\n"

    async def connect(self) -> Connection:
        """Connect to the Manager."""
        endpoint = TCP4ClientEndpoint(IReactorTCP(reactor), "127.0.0.1", self.port, timeout=10)
        connection: Connection = await connectProtocol(endpoint, Connection())
        self.addCleanup(cast("ITCPTransport", connection.transport).abortConnection)
        return connection

    async def pour(self, manager: Twistd) -> list[Connection]:
        """Open some connections that send nothing, or requests without an end."""
        connections = await gatherResults([Deferred.fromCoroutine(self.connect()) for _ in range(IN_A_WAVE)])
        for number, one in enumerate(connections):
            one.send(BEGINNINGS[number % len(BEGINNINGS)])
        # One that comes after them has its answer only when the Manager has let them in.
        await self.get("/healthz")
        self.most = max(self.most, len(list(Path(f"/proc/{manager.pid}/fd").iterdir())))
        return connections

    async def worker(self) -> bytes:
        """Register a Worker, and return how it asks whether to go on."""
        secret = secrets.token_hex(32)
        description = {"secret": secret, "platform": "linux", "supported_task_types": ["sleep"], "nickname": "w"}
        status, answer = await self.ask("POST", "/register-worker", data=json.dumps(description).encode())
        self.assertEqual(status, 200)
        basic = b64encode(f"{json.loads(answer)['_id']}:{secret}".encode()).decode()
        return f"GET /may-i-run/{TASK} HTTP/1.1\r\nHost: manager\r\nAuthorization: Basic {basic}\r\n\r\n".encode()

    async def answered(self, connection: Connection, question: bytes) -> None:
        """Have a Worker ask, and wait until it is answered."""
        before = connection.received.count(MAY_GO_ON)
        connection.send(question)
        await self.until(lambda: connection.is_cut or connection.received.count(MAY_GO_ON) > before, "an answer")
        self.assertFalse(connection.is_cut)
        self.assertTrue(connection.received.startswith(b"HTTP/1.1 200 "))

    async def test_flood(self) -> None:
        """
        Of 450 connections the Manager keeps less than it allows, and cuts the others.

        Meanwhile Workers are answered, over connections that they have had since before, and over new ones.
        """
        manager = self.start()
        await self.serving(manager)
        questions = [await self.worker() for _ in range(3)]
        kept = [await self.connect() for _ in questions]
        flood: list[Connection] = []
        for _ in range(WAVES):
            for question, connection in zip(questions, kept, strict=True):
                await self.answered(connection, question)
            flood += await self.pour(manager)
            newcomer = await self.connect()
            await self.answered(newcomer, questions[0])
            cast("ITCPTransport", newcomer.transport).abortConnection()
        await self.until(lambda: sum(not one.is_cut for one in flood) < MOST, "the cuts")
        self.assertGreater(sum(not one.is_cut for one in flood), MOST // 2)
        self.assertTrue(all(one.is_cut for one in flood[:IN_A_WAVE]))
        self.assertGreater(self.most, MOST)
        self.assertLess(self.most, MOST + 100)
        self.assertTrue(manager.running)
