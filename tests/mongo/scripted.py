"""A server that speaks MongoDB's protocol and answers what a test wants, also what no server should."""

from collections.abc import Callable, Mapping
from typing import Any

import bson
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from txmongo.protocol import MongoReceiverProtocol, MongoSenderProtocol, Msg, Query, Reply

HELLO: Mapping[str, Any] = {
    "ismaster": True,
    "minWireVersion": 0,
    "maxWireVersion": 13,
    "maxBsonObjectSize": 16777216,
    "maxMessageSizeBytes": 48000000,
    "maxWriteBatchSize": 100000,
}

SILENT: Mapping[str, Any] = {"silent": True}
"""An answer that never comes."""

CUT: Mapping[str, Any] = {"cut": True}
"""A connection that is closed in the place of an answer."""

Script = Callable[[dict[str, Any]], Mapping[str, Any]]


class _Client(MongoReceiverProtocol, MongoSenderProtocol):  # type: ignore[misc]  # untyped
    """A connection, on the server's side."""

    factory: "ScriptedServer"

    def connectionMade(self) -> None:
        self.factory.clients.append(self)

    def connectionLost(self, _reason: Failure) -> None:
        self.factory.clients.remove(self)
        self.factory.look_who_is_left()

    def handle(self, request: Any) -> None:
        """Answer a command, in the form in which it came."""
        old = isinstance(request, Query)
        command = bson.decode(request.query) if old else request.to_dict()
        answer = self.factory.answer(command)
        if answer is CUT:
            self.transport.abortConnection()
        elif answer is not SILENT:
            document = bson.encode({"ok": 1, **answer})
            form = Reply(documents=[document]) if old else Msg(body=document)
            form.response_to = request.request_id
            self._send(form)


@define(eq=False)
class ScriptedServer(Factory):
    """
    A server whose answers are in ``script``, by the lower-case name of the command; without one it is "ok".

    ``ssl`` is a context factory for TLS.
    """

    noisy = False
    protocol = _Client
    script: dict[str, Script | Mapping[str, Any]] = field(factory=dict)
    ssl: Any = None
    port: int = 0
    commands: list[dict[str, Any]] = field(init=False, factory=list)
    clients: list[_Client] = field(init=False, factory=list)
    _listening: IListeningPort | None = field(init=False, default=None)
    _left: "Deferred[None] | None" = field(init=False, default=None)

    def start(self) -> None:
        """Listen; a second time on the same port."""
        network: Any = reactor
        if self.ssl is None:
            self._listening = network.listenTCP(self.port, self, interface="127.0.0.1")
        else:
            self._listening = network.listenSSL(self.port, self, self.ssl, interface="127.0.0.1")
        where: Any = self._listening.getHost()
        self.port = where.port

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._listening is not None:
            await maybeDeferred(self._listening.stopListening)
            self._listening = None
        if self.clients:
            self._left = Deferred()
            for client in list(self.clients):
                client.transport.abortConnection()
            await self._left

    def answer(self, command: dict[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a command, and remember the command."""
        name = next(iter(command)).lower()
        if name != "ismaster":
            self.commands.append(command)
        script = self.script.get(name, HELLO if name == "ismaster" else {})
        return script(command) if callable(script) else script

    def sent(self, name: str) -> list[dict[str, Any]]:
        """Return the commands of this name that came."""
        return [command for command in self.commands if name in command]

    def look_who_is_left(self) -> None:
        """Let whoever waits for the last client know when it has gone."""
        if self._left is not None and not self.clients:
            left, self._left = self._left, None
            left.callback(None)
