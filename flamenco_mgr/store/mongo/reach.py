"""Why no connection can be made: the driver tries again and again, and keeps the reason to itself."""

from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, field, frozen
from OpenSSL import SSL
from pymongo.errors import ConfigurationError, ConnectionFailure
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from txmongo.errors import TimeExceeded

from flamenco_mgr.store.mongo.connection import LoginFailed, NotMongoDB, TooOld

_FRESH = 6.0
"""Seconds for which a reason counts; as long as it is true it is met again with the next try to connect."""

_KNOCKING = 0.3
"""Seconds for a look whether somebody listens: who waits for it has waited long already."""

_KNOCK_AGAIN = 1.0
"""Seconds for which the answer is remembered."""

_FAILED: dict[type[Exception], str] = {
    error.ConnectionRefusedError: "nobody listens there",
    error.DNSLookupError: "its name is not known",
    error.TimeoutError: "it does not answer",
}

_LASTING: dict[type[Exception], str] = {
    NotMongoDB: "what answers there is not MongoDB",
    TooOld: "it is too old; MongoDB 4.2 or later is needed",
    LoginFailed: "it refuses the login; check the user, the password and authSource",
    ConfigurationError: "it is no member of the replica set that database_url names",
    VerificationError: "its certificate is for another host",
}


@frozen(kw_only=True)
class Obstacle:
    """What stands between the Manager and the database; ``for_good``: waiting does not help."""

    words: str
    for_good: bool = False


@define(eq=False)
class Obstacles:
    """What the connections have met, by host; ``reactor`` is what they run on."""

    _reactor: Any
    _met: dict[tuple[str, int], tuple[float, Obstacle]] = field(init=False, factory=dict)
    _latest: Sequence[Obstacle] = field(init=False, default=())
    _looked_at: float = field(init=False, default=float("-inf"))
    _waiting: "list[Deferred[None]] | None" = field(init=False, default=None)

    def told(self, host: str, port: int, reason: Exception) -> None:
        """Note why a connection was given up."""
        obstacle = _understood(reason)
        if obstacle is not None:
            self._met[host, port] = self._reactor.seconds(), obstacle

    def overcome(self) -> None:
        """Forget what was met: there is a connection."""
        self._met.clear()

    def for_good(self, hosts: Sequence[tuple[str, int]]) -> bool:
        """Whether something is in the way to every host that stays there until somebody removes it."""
        return all(obstacle is not None and obstacle.for_good for obstacle in map(self._fresh, hosts))

    async def between(self, hosts: Sequence[tuple[str, int]]) -> Sequence[Obstacle]:
        """Return what is in the way to these hosts, none of which can be used; nothing for one that can be reached."""
        if self._waiting is not None:  # one looks for all who want to know at the same time
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter
        elif self._reactor.seconds() - self._looked_at > _KNOCK_AGAIN:
            self._waiting = []
            met = await gatherResults([Deferred.fromCoroutine(self._at(*host)) for host in hosts])
            self._latest = [obstacle for obstacle in met if obstacle is not None]
            self._looked_at = self._reactor.seconds()
            waiting, self._waiting = self._waiting, None
            for waiter in waiting:
                waiter.callback(None)
        return self._latest

    async def _at(self, host: str, port: int) -> Obstacle | None:
        obstacle = self._fresh((host, port))
        if obstacle is None:
            knock = _Knock()
            self._reactor.connectTCP(host, port, knock, timeout=_KNOCKING)
            obstacle = await knock.outcome
        return None if obstacle is None else evolve(obstacle, words=f"{host}:{port}: {obstacle.words}")

    def _fresh(self, host: tuple[str, int]) -> Obstacle | None:
        since, obstacle = self._met.get(host, (float("-inf"), None))
        return obstacle if self._reactor.seconds() - since < _FRESH else None


def _understood(reason: Exception) -> Obstacle | None:
    """Return what a reason means; None for a connection that is lost, which has no meaning in itself."""
    for kind, words in _LASTING.items():
        if isinstance(reason, kind):
            return Obstacle(words=words, for_good=True)
    if isinstance(reason, SSL.Error):
        return _tls(reason)
    if isinstance(reason, ConnectionFailure) and "not master" in str(reason):
        return Obstacle(words="it is not the primary")
    return Obstacle(words="it does not answer") if isinstance(reason, TimeExceeded) else None


def _tls(reason: SSL.Error) -> Obstacle:
    why = next((entry[-1] for entry in reversed(reason.args[0] if reason.args else ()) if entry), "")
    return Obstacle(words=f"TLS fails ({why or 'no reason is given'})", for_good="certificate" in str(why))


@define(eq=False)
class _Knock(ClientFactory):
    noisy = False
    outcome: "Deferred[Obstacle | None]" = field(init=False, factory=Deferred)

    def buildProtocol(self, _address: object) -> Protocol:
        return _Knocking(self.outcome)

    def clientConnectionFailed(self, _connector: object, reason: Failure) -> None:
        value: Any = reason.value
        self.outcome.callback(Obstacle(words=_FAILED.get(type(value), str(value))))


@define(eq=False)
class _Knocking(Protocol):
    _outcome: "Deferred[Obstacle | None]"

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
        self._outcome.callback(None)
