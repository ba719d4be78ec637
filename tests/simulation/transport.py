"""One connection, and its two ends."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.simulation.reactor import SimulatedReactor

if TYPE_CHECKING:
    from tests.simulation.network import Network

_REQUEST: Final = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|HEAD) (\S+) HTTP/1\.1\r\n")
_ID: Final = re.compile(r"[0-9a-f]{24}")

_DONE: Final = error.ConnectionDone
_LOST: Final = error.ConnectionLost


@define(eq=False, repr=False)
class Connection:
    """
    A client's connection to a server.

    ``operation`` is the request that was sent last; ``asked_at`` is when it arrived at the server, 0 if it was
    answered, and ``arrived_at`` the same whether it was or not.
    """

    number: int
    network: "Network"
    client: str
    server: str
    operation: str = "connecting"
    asked_at: float = 0.0
    arrived_at: float = 0.0
    over: bool = False
    both: tuple["End", "End"] = field(init=False)

    def ends(self, client: SimulatedReactor, server: SimulatedReactor, number: int) -> "tuple[End, End]":
        """Make the ends, the client's first."""
        near = End(self, client, IPv4Address("TCP", _address(self.client), 20000 + number % 40000), is_client=True)
        far = End(self, server, IPv4Address("TCP", _address(self.server), 80), is_client=False)
        near.other, far.other = far, near
        self.both = (near, far)
        return self.both

    def break_off(self) -> None:
        """Be lost for both at once; what is under way is gone."""
        self.forget()
        for end in self.both:
            end.hang_up(Failure(_LOST()))

    def forget(self) -> None:
        """Be no connection any more."""
        self.over = True
        self.asked_at = 0.0
        self.network.connections.pop(self.number, None)


@implementer(ITCPTransport, IConsumer, IPushProducer)
@define(eq=False, repr=False)
class End:
    """What a protocol has for a transport."""

    connection: Connection
    reactor: SimulatedReactor
    address: IPv4Address
    is_client: bool = field(kw_only=True)
    other: "End" = field(init=False)
    protocol: Any = field(init=False, default=None)
    last_delivery: float = field(init=False, default=0.0)
    closed: bool = field(init=False, default=False)
    disconnecting: bool = field(init=False, default=False)
    disconnected: bool = field(init=False, default=False)
    producer: Any = field(init=False, default=None)
    streamingProducer: bool = field(init=False, default=False)
    _lost: Callable[[Failure], object] = field(init=False)
    _out: list[bytes] = field(init=False, factory=list)
    _paused: bool = field(init=False, default=False)
    _held_back: list[Any] = field(init=False, factory=list)

    def begin(self, protocol: Any, lost: Callable[[Failure], object]) -> None:
        """Connect the protocol; ``lost`` is told of the end besides."""
        self.protocol, self._lost = protocol, lost
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """Send; all of an instant goes together."""
        if self.closed or self.disconnecting or self.reactor.dead or not data:
            return
        if not self._out:
            self.reactor.callLater(0, self._flush)
        self._out.append(data)
        if self.is_client:
            found = _REQUEST.match(data)
            if found:
                path = _ID.sub("ID", found[2].decode("latin-1")).partition("?")[0]
                self.connection.operation = f"{found[1].decode()} {path}"
        else:
            self.connection.asked_at = 0.0

    def writeSequence(self, data: Any) -> None:
        """Send all of these."""
        self.write(b"".join(data))

    def _flush(self) -> None:
        data, self._out = b"".join(self._out), []
        if data and not self.closed:
            self.connection.network.carry(self, data)

    def loseConnection(self, _reason: object = None) -> None:
        """Say goodbye when all is sent."""
        if self.closed or self.disconnecting:
            return
        self.disconnecting = True
        if self.producer is None:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self._flush()
        self.connection.network.carry(self, Failure(_DONE()))
        self.reactor.callLater(0, self.hang_up, Failure(_DONE()))

    def abortConnection(self) -> None:
        """Be gone; what was not sent never is."""
        if not self.closed:
            self._out.clear()
            self.connection.network.carry(self, Failure(_LOST()))
            self.reactor.callLater(0, self.hang_up, Failure(error.ConnectionAborted()))
            self.disconnecting = True

    def gone(self) -> None:
        """Be the end of a process that is dead; what it had given to its system is still sent."""
        self.closed = True
        if self._out:
            self.connection.network.carry(self, b"".join(self._out))
        self.connection.network.carry(self, Failure(_LOST()))

    def arrived(self, what: "bytes | Failure") -> None:
        """Take what comes from the other end."""
        if isinstance(what, Failure):
            self.hang_up(what)
        elif self._paused:
            self._held_back.append(what)
        elif not self.closed:
            if not self.is_client:
                self.connection.asked_at = self.connection.arrived_at = self.connection.network.timeline.now
            self.protocol.dataReceived(what)

    def hang_up(self, reason: Failure) -> None:
        """Tell the protocol that the connection is over, once."""
        if self.closed:
            return
        self.closed = self.disconnected = True
        if self.connection.both[0].closed and self.connection.both[1].closed:
            self.connection.forget()
        self.connection.asked_at = 0.0
        if self.reactor.dead:
            return
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(reason)
        self._lost(reason)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let somebody produce; the network takes all there is."""
        if self.closed:
            producer.stopProducing()
            return
        self.producer, self.streamingProducer = producer, streaming
        if not streaming:
            self.reactor.callLater(0, self._pull, producer)

    def _pull(self, producer: Any) -> None:
        if self.producer is producer and not self.closed:
            producer.resumeProducing()
            self.reactor.callLater(0, self._pull, producer)

    def unregisterProducer(self) -> None:
        """Have nobody produce any more."""
        self.producer = None
        if self.disconnecting and not self.closed:
            self._say_goodbye()

    def pauseProducing(self) -> None:
        """Read no more."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self.reactor.callLater(0, self._read_on)

    def _read_on(self) -> None:
        while self._held_back and not self._paused:
            self.arrived(self._held_back.pop(0))

    def stopProducing(self) -> None:
        """End."""
        self.loseConnection()

    def getPeer(self) -> IPv4Address:
        """Return the address of the other end."""
        return self.other.address

    def getHost(self) -> IPv4Address:
        """Return the address of this end."""
        return self.address

    def getTcpNoDelay(self) -> bool:
        """Whether it does."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing: there is no delay of that kind."""

    def getTcpKeepAlive(self) -> bool:
        """Whether it does."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Do nothing: nobody looks."""

    def loseWriteConnection(self) -> None:
        """Say goodbye."""
        self.loseConnection()


def _address(host: str) -> str:
    """Return an IP address for a host's name: operators are where the Manager is."""
    return "127.0.0.1" if host == "manager" else f"10.0.{len(host)}.{sum(host.encode()) % 250 + 1}"
