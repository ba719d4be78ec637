"""Links to servers of all kinds, closed at the end of each test."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.scripted import Script, ScriptedServer
from tests.mongo.server import StandIn, a_database, stand_in

DATABASE = "flamenco"


class LinkTestCase(TestCase):
    """A test that runs the reactor, and talks over real sockets."""

    timeout = 60

    def linked(self, url: str, clock: IReactorTime | None = None) -> MongoLink:
        """Return a link to a database."""
        link = MongoLink.connect(MongoAddress.from_text(url), clock or IReactorTime(reactor), reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(link.close()))
        return link

    def scripted(self, *, ssl: Any = None, **script: Script | Mapping[str, Any]) -> ScriptedServer:
        """Return a server that answers as told."""
        server = ScriptedServer(dict(script), ssl)
        server.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(server.stop()))
        return server

    def on_stand_in(self) -> tuple[StandIn, str, MongoLink]:
        """Return the stand-in of this run, the name of a new database on it, and a link to that."""
        server, name = stand_in(), a_database()
        self.addCleanup(server.drop, name)
        self.addCleanup(server.work)
        return server, name, self.linked(server.url(name))

    async def unavailable(self, asking: Awaitable[object]) -> str:
        """Return the words of the `StoreUnavailable` that something ends with."""
        try:
            result = await asking
        except StoreUnavailable as e:
            return str(e)
        raise AssertionError(f"it gave {result!r}")

    async def seconds_of(self, asking: Awaitable[object]) -> float:
        """Return how many seconds something takes."""
        begun = time.monotonic()
        await asking
        return time.monotonic() - begun

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        while not condition():
            await deferLater(IReactorTime(reactor), 0.01)


def url_of(server: ScriptedServer, *, user: str = "", host: str = "127.0.0.1", options: str = "") -> str:
    """Return the URL of a database on a scripted server."""
    return f"mongodb://{user}{host}:{server.port}/{DATABASE}{options}"


async def ping(link: MongoLink, **how: Any) -> Any:
    """Ask a server whether it is there."""
    return await link.call(lambda db, timeout: db.command({"ping": 1}, timeout=timeout), **how)
