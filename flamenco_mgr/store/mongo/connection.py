"""The driver's connections, told what they keep to themselves: why one fails, and which one is best used next."""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

from pymongo.errors import ConnectionFailure, PyMongoError
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from txmongo.connection import ConnectionPool
from txmongo.protocol import MongoProtocol, Msg

from flamenco_mgr.store.mongo.odd_values import LENIENT
from flamenco_mgr.store.mongo.uri import X509, Login, MongoAddress

POOL_SIZE = 6
"""Connections; commands on one of them are answered in turn."""

RETRY_DELAY = 0.2
"""Seconds, about, between two tries to connect."""

_NO_ENTRY_DELAY = 5.0
"""The same after a login that was refused: each one costs the server much, and makes a line in its log."""

PATIENCE = 1.0
"""Seconds for connecting, and for the first answer on a new connection."""

ACKNOWLEDGED: Mapping[str, Any] = {"w": "majority", "j": True, "wtimeout": 1000}
"""When a change is done: most members have it on their disks. They have some ms for it, less than a request has."""

_LONG = 0.5
"""Seconds of silence that are no reason yet to drop a connection."""

_PING_EVERY = 1.0
_PING_PATIENCE = 3.0
_SIZE = 4
_HEAD = 16
_LARGEST = 48_000_000
_ANSWERS = (b"\x01\0\0\0", b"\xdd\x07\0\0")  # where the kind of a message stands: OP_REPLY, OP_MSG

chosen: ContextVar[list[Any] | None] = ContextVar("chosen", default=None)
"""Notes which connections the commands of one call are sent on."""


OLDEST = 8
"""The wire version of MongoDB 4.2; an older one cannot index a text of more than a kilobyte, and refuses the task."""


class NotMongoDB(PyMongoError):
    """What listens there speaks something else."""


class TooOld(PyMongoError):
    """The server is older than the driver can do with."""


class LoginFailed(PyMongoError):
    """The server does not let us in."""


class Conversation(MongoProtocol):  # type: ignore[misc]  # untyped
    """
    A connection that says why it is given up.

    The driver's own writes that to the log at each try, and goes on without a login if the server refuses it.
    """

    told: Callable[[Any], None]
    _heard_at: float | None = None
    _begun = b""
    _given_up = False

    def dataReceived(self, data: bytes) -> None:
        """Take what arrives; what has not MongoDB's form is not waited for to become a message."""
        if self._heard_at is None:
            data = self._begun + data
            if not _may_be_answer(data):
                self.fail(NotMongoDB())
                return
            if len(data) < _HEAD:
                self._begun = data
                return
        self._heard_at = time.monotonic()
        super().dataReceived(data)

    def init_from_hello_response(self, config: dict[str, Any]) -> None:
        """Learn what the server is, from its first answer."""
        if config.get("maxWireVersion", 0) < OLDEST:
            raise TooOld
        super().init_from_hello_response(config)

    def fail(self, reason: Exception) -> None:
        """Give the connection up; the factory makes a new one."""
        if not self._given_up:
            self._given_up = True
            self.told(reason)
            self.transport.abortConnection()

    def drop_if_silent(self, seconds: float) -> None:
        """Drop the connection if nothing has come for so long; a server that is only slow answers others meanwhile."""
        if seconds >= _LONG and (self._heard_at is None or time.monotonic() - self._heard_at >= seconds):
            self.transport.abortConnection()

    def authenticate(self, *login: Any) -> "Deferred[Any]":
        """Log in, or give the connection up."""
        logging_in: Deferred[Any] = super().authenticate(*login)
        return logging_in.addErrback(self._refused)

    def connectionLost(self, reason: Failure) -> None:
        """Let whoever waits for an answer try elsewhere."""
        if not self._given_up:
            self._given_up = True
            self.told(reason.value)
        super().connectionLost(reason)

    def _refused(self, failure: Failure) -> Failure:
        if failure.check(ConnectionFailure) is None:  # being lost says nothing about the login
            self.fail(LoginFailed(str(failure.value)))
        return failure


class Connections(ConnectionPool):  # type: ignore[misc]  # untyped
    """The connections to one database."""

    def __init__(self, address: MongoAddress, tls: Any, told: Callable[[str, int, Exception], None]) -> None:
        super().__init__(
            address.driver_uri,
            pool_size=POOL_SIZE,
            ssl_context_factory=tls,
            ping_interval=_PING_EVERY,
            ping_timeout=_PING_PATIENCE,
            retry_delay=PATIENCE,
            max_delay=RETRY_DELAY,
            codec_options=LENIENT,
            **ACKNOWLEDGED,
        )
        for factory in self.getprotocols():
            factory.noisy = False
            factory.protocol = lambda factory=factory: _conversation(partial(_given_up, told, factory))

    def log_in(self, login: Login) -> None:
        """Log in with a certificate on each new connection; with a password the driver does so by its URI."""
        if login.mechanism == X509:
            _ = self.authenticate(login.source, login.user, "", X509)

    def getprotocol(self) -> "Deferred[Any]":
        """Return the connection with the fewest commands on their way, or one that is yet to be made."""
        ready = [factory.instance for factory in self.getprotocols() if factory.instance]
        if not ready:
            waiting: Deferred[Any] = super().getprotocol()
            return waiting
        best = min(ready, key=lambda instance: instance.inflight())
        notes = chosen.get()
        if notes is not None:
            notes.append(best)
        return succeed(best)

    def send(self, database: str, command: Mapping[str, Any]) -> "Deferred[dict[str, Any]]":
        """
        Send one command, and return its answer; fails with the driver's errors if the command is refused.

        What of a write has failed stands in the answer.

        The driver's collections have a session for each, and cursors: more work than all the rest, and of no use here.
        """
        message = Msg.create({**command, "$db": database}, codec_options=LENIENT)
        return self.getprotocol().addCallback(lambda best: best.send_msg(message, LENIENT, None))

    @property
    def ready(self) -> bool:
        """Whether there is a connection at all."""
        return any(factory.instance for factory in self.getprotocols())

    async def leave(self) -> None:
        """Close all connections."""
        await self.disconnect()


def _may_be_answer(data: bytes) -> bool:
    """Whether this may be the beginning of a message: its size, two numbers, its kind."""
    if len(data) >= _HEAD:
        return data[12:_HEAD] in _ANSWERS
    return len(data) < _SIZE or int.from_bytes(data[:_SIZE], "little") <= _LARGEST


def host_of(connections: Connections, factory: Any) -> str:
    """Return the name of the host that a factory connects to; the driver's pings go to its number."""
    host = str(factory.connector.host)
    if factory in connections.getprotocols():
        return host
    peers = [one for one in connections.getprotocols() if one.instance]
    names = (str(one.connector.host) for one in peers if one.instance.transport.getPeer().host == host)
    return next(names, host)


def _given_up(told: Callable[[str, int, Exception], None], factory: Any, reason: Exception) -> None:
    factory.delay = factory.maxDelay = _NO_ENTRY_DELAY if isinstance(reason, LoginFailed) else RETRY_DELAY
    told(factory.connector.host, factory.connector.port, reason)


def _conversation(told: Callable[[Any], None]) -> Conversation:
    conversation = Conversation()
    conversation.told = told
    return conversation
