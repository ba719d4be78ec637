"""TCP between simulated hosts: in order within a connection, in any order between them, and never to be relied on."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from attrs import define, field, frozen
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.base import BaseConnector
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.simulation.reactor import SimulatedReactor
from tests.simulation.timeline import Timeline
from tests.simulation.transport import Connection, End

_LATENCY: Final = (0.0003, 0.004)
_JUST: Final = 0.05
_SPLIT: Final = 0.05
"""How often what is sent arrives in two pieces."""


@frozen(kw_only=True)
class Trouble:
    """
    What is wrong with the lines between hosts until an instant.

    ``latency`` is how long the data takes at the most. ``cut``: nothing gets through until then. ``answers`` and
    ``requests`` are how probably a connection breaks instead of delivering one of these.
    """

    kind: str
    host: str
    until: float
    latency: float = 0.0
    cut: bool = False
    answers: float = 0.0
    requests: float = 0.0

    def concerns(self, connection: Connection) -> bool:
        """Whether a connection has one of its ends at the host; the empty host is all of them."""
        return not self.host or self.host in {connection.client, connection.server}


@define(eq=False, repr=False, kw_only=True)
class Network:
    """
    Carries everything; ``hit`` is told which kind of trouble met which operation.

    ``before_delivery`` is asked whether the process lives that something is about to be delivered to.
    """

    timeline: Timeline
    chance: Random
    hit: Callable[[str, str], None]
    before_delivery: Callable[[SimulatedReactor], bool]
    troubles: list[Trouble] = field(init=False, factory=list)
    connections: dict[int, Connection] = field(init=False, factory=dict)
    _ports: dict[tuple[str, int], "Port"] = field(init=False, factory=dict)
    _numbers: int = field(init=False, default=0)

    def listen(self, reactor: SimulatedReactor, port: int, factory: Any) -> "Port":
        """Listen on a host; there is one process to a port."""
        if (reactor.host, port) in self._ports:
            raise error.CannotListenError(reactor.host, port, OSError("address in use"))
        self._ports[reactor.host, port] = listening = Port(self, reactor, port, factory)
        factory.doStart()
        return listening

    def close_port(self, port: "Port") -> None:
        """Listen no more."""
        self._ports.pop((port.reactor.host, port.number), None)

    def close_ports(self, reactor: SimulatedReactor) -> None:
        """Listen no more on any port of a process."""
        for port in [port for port in self._ports.values() if port.reactor is reactor]:
            self.close_port(port)

    def connect(self, reactor: SimulatedReactor, host: str, port: int, factory: Any, timeout: float) -> "Connector":
        """Begin to connect."""
        connector = Connector(self, reactor, (host, port), factory, timeout)
        connector.connect()
        return connector

    def open(self, connector: "Connector") -> None:
        """Let a client reach who listens, if anybody does."""
        if connector.state != "connecting":
            return
        port = self._ports.get((connector.host, connector.port))
        client = connector.transport
        if client is None:
            return
        probe = Connection(0, self, connector.near.host, connector.host)
        cut = self._cut_until(probe)
        if cut > self.timeline.now:
            self.hit("cut", "connecting")
            self.timeline.after(cut - self.timeline.now + 0.001, connector.near, self.open, connector)
        elif port is None or port.reactor.dead:
            client.failIfNotConnected(error.ConnectionRefusedError())
        else:
            self._establish(connector, client, port)

    def _establish(self, connector: "Connector", client: "Client", port: "Port") -> None:
        self._numbers += 1
        connection = Connection(self._numbers, self, connector.near.host, connector.host)
        client.connected = True
        near, far = connection.ends(connector.near, port.reactor, self._numbers)
        protocol = connector.buildProtocol(far.address)
        server = port.factory.buildProtocol(near.address)
        if protocol is None or server is None:
            return
        self.connections[connection.number] = connection
        client.end = near
        near.begin(protocol, connector.connectionLost)
        far.begin(server, lambda _: None)

    def carry(self, sender: End, what: "bytes | Failure") -> None:
        """Bring data, or the news that the connection is over, to the other end."""
        pieces: list[bytes | Failure] = [what]
        if isinstance(what, bytes) and len(what) > 1 and self.chance.random() < _SPLIT:
            place = self.chance.randrange(1, len(what))
            pieces = [what[:place], what[place:]]
        for piece in pieces:
            at = max(sender.last_delivery, self.timeline.now + self._latency(sender.connection))
            sender.last_delivery = at
            # The receiver's clock may go at another pace, which the network does not care about.
            delay = (at - self.timeline.now) * sender.other.reactor.rate
            self.timeline.after(delay, sender.other.reactor, self._deliver, sender, piece)

    def _deliver(self, sender: End, what: "bytes | Failure") -> None:
        connection, receiver = sender.connection, sender.other
        if connection.over or receiver.closed:
            return
        cut = self._cut_until(connection)
        if cut > self.timeline.now:
            self.hit("cut", connection.operation)
            delay = (cut - self.timeline.now + 0.001) * receiver.reactor.rate
            self.timeline.after(delay, receiver.reactor, self._deliver, sender, what)
            return
        if isinstance(what, bytes) and self._is_lost(sender):
            connection.break_off()
            return
        if self.before_delivery(receiver.reactor):
            receiver.arrived(what)

    def _is_lost(self, sender: End) -> bool:
        for trouble in self._now(sender.connection):
            chance = trouble.requests if sender.is_client else trouble.answers
            if chance and self.chance.random() < chance:
                self.hit(trouble.kind, sender.connection.operation)
                return True
        return False

    def _latency(self, connection: Connection) -> float:
        latency = self.chance.uniform(*_LATENCY)
        for trouble in self._now(connection):
            if trouble.latency:
                self.hit(trouble.kind, connection.operation)
                latency += self.chance.uniform(0.0, trouble.latency)
        return latency

    def _cut_until(self, connection: Connection) -> float:
        return max((trouble.until for trouble in self._now(connection) if trouble.cut), default=0.0)

    def _now(self, connection: Connection) -> list[Trouble]:
        if not self.troubles:
            return []
        self.troubles = [trouble for trouble in self.troubles if trouble.until > self.timeline.now]
        return [trouble for trouble in self.troubles if trouble.concerns(connection)]

    def died(self, reactor: SimulatedReactor) -> None:
        """Let a process be gone: its ports are free, and its peers hear of it, if anything can be heard."""
        self.close_ports(reactor)
        for connection in list(self.connections.values()):
            for end in connection.both:
                if end.reactor is reactor and not end.closed:
                    end.gone()

    def in_progress(self, reactor: SimulatedReactor) -> list[str]:
        """Return the operations that a process has begun to answer, or has asked for, and has no answer yet."""
        return [
            connection.operation
            for connection in self.connections.values()
            if connection.asked_at and reactor in (connection.both[0].reactor, connection.both[1].reactor)
        ]

    def is_reported_to(self, reactor: SimulatedReactor) -> bool:
        """Whether a Worker's report has just arrived at a process, answered or not."""
        return any(
            connection.both[1].reactor is reactor
            and self.timeline.now - connection.arrived_at < _JUST
            and connection.operation.endswith("/tasks/ID/update")
            for connection in self.connections.values()
        )


@implementer(IListeningPort)
@define(eq=False, repr=False)
class Port:
    """Where a process listens."""

    network: Network
    reactor: SimulatedReactor
    number: int
    factory: Any

    def startListening(self) -> None:
        """It does."""

    def stopListening(self) -> None:
        """Listen no more; connections stay."""
        self.network.close_port(self)
        self.factory.doStop()

    def getHost(self) -> IPv4Address:
        """Return the address."""
        return IPv4Address("TCP", self.reactor.host, self.number)


@define(eq=False, repr=False)
class Client:
    """The client's side of a connection that is not there yet."""

    connector: "Connector"
    connected: bool = False
    end: "End | None" = None

    def failIfNotConnected(self, reason: BaseException) -> None:
        """Give up."""
        if not self.connected:
            self.connected = True
            self.connector.connectionFailed(Failure(reason))

    def loseConnection(self) -> None:
        """Disconnect."""
        if self.end is not None:
            self.end.loseConnection()


class Connector(BaseConnector):
    """Connects once."""

    transport: Client | None  # type: ignore[assignment]  # Twisted knows sockets only

    def __init__(
        self, network: Network, reactor: SimulatedReactor, place: tuple[str, int], factory: Any, timeout: float
    ) -> None:
        super().__init__(factory, timeout, reactor)  # type: ignore[arg-type]  # it is a reactor in all that counts
        self.network, self.near = network, reactor
        host, self.port = place
        self.host = reactor.host if host == "localhost" else host

    def _makeTransport(self) -> Any:
        self.near.callLater(self.network.chance.uniform(*_LATENCY), self.network.open, self)
        return Client(self)

    def getDestination(self) -> IPv4Address:
        """Return where to."""
        return IPv4Address("TCP", self.host, self.port)
