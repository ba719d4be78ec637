"""Clients that speak to the site byte by byte."""

import base64
import json
from typing import Any

from attrs import define, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource

from flamenco_mgr.web.site import WorkersSite
from tests.builders import WORKER

PEER = IPv4Address("TCP", "10.0.0.7", 51234)
BASIC = base64.b64encode(f"{WORKER}:{'s' * 64}".encode()).decode()
AS_WORKER = {"Authorization": f"Basic {BASIC}"}


@frozen(kw_only=True)
class Answer:
    """What came back on the wire; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Transport(StringTransportWithDisconnection):
    def loseConnection(self) -> None:
        # As a socket has it: what is left in the buffer is not looked at any more.
        self.disconnecting = True
        super().loseConnection()


@define(eq=False)
class Wire:
    """One connection to the site, in memory."""

    site: WorkersSite
    peer: IAddress = PEER
    transport: _Transport = field(init=False)
    protocol: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.protocol = self.site.buildProtocol(self.peer)
        self.transport = _Transport(peerAddress=self.peer)
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a whole request and return its only answer."""
        self.send(a_request(method, path, headers=headers, body=body))
        (answer,) = self.answers(method)
        return answer

    def answers(self, *methods: str) -> list[Answer]:
        """Take the answers that have come; ``methods`` are those of the requests, GET if not named."""
        data = self.transport.value()
        self.transport.clear()
        answers = []
        asked = list(methods)
        while data:
            answer, data = _answer(data, asked.pop(0) if asked else "GET")
            answers.append(answer)
        return answers

    @property
    def is_open(self) -> bool:
        return bool(self.transport.connected)

    def hang_up(self) -> None:
        self.transport.loseConnection()


class WireTestCase(SynchronousTestCase):
    """Has a site on a clock that stands still."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_573_567_032)
        self.wires: list[Wire] = []
        self.site = WorkersSite(self.resource(), self.clock)

    def tearDown(self) -> None:
        for wire in self.wires:
            if wire.is_open:
                wire.hang_up()
        self.assertEqual(self.clock.getDelayedCalls(), [], "a timer is left")

    def resource(self) -> IResource:
        """Return what the site serves."""
        raise NotImplementedError

    def connect(self, peer: IAddress = PEER) -> Wire:
        wire = Wire(self.site, peer)
        self.wires.append(wire)
        return wire

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Ask as the worker on a connection of its own."""
        wire = self.connect()
        wire.send(a_request(method, path, **({"headers": AS_WORKER} | options)))
        self.clock.advance(0)  # what is written is durable then
        (answer,) = wire.answers(method)
        if wire.is_open:
            wire.hang_up()
        return answer


def a_request(method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
    """Return the bytes of a request, as a Worker sends it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: manager:8080", "User-Agent: Flamenco-Worker/2.5"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None or method == "POST":
        lines.append(f"Content-Length: {len(body or b'')}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _answer(data: bytes, method: str) -> tuple[Answer, bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body, rest = _unchunked(rest)
    else:
        length = 0 if method == "HEAD" or status in {204, 304} else int(headers["content-length"])
        body, rest = rest[:length], rest[length:]
        assert len(body) == length, "the body is shorter than promised"
    return Answer(status=status, headers=headers, body=body), rest


def _unchunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            return body, data
