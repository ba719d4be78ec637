"""A client of a simulated Worker that lets others see what was asked and answered."""

from collections.abc import Callable
from typing import Any

from attrs import define, frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool

from flamenco_mgr.server.whole_body import body_producer
from tests.simulation.reactor import SimulatedReactor


@frozen(kw_only=True)
class Exchange:
    """A request of a host's and the answer to it; ``asked`` and ``answered`` are of the timeline."""

    host: str
    method: str
    path: str
    asked: float
    answered: float
    status: int
    body: bytes


@define(eq=False, repr=False)
class WatchedClient:
    """Asks as the real client does, and tells of each answer."""

    client: HTTPClient
    reactor: SimulatedReactor
    asking: Callable[[str], None]
    seen: Callable[[Exchange], None]

    def request(self, method: str, url: str, **options: Any) -> "Deferred[Any]":
        """See `HTTPClient.request`."""
        return Deferred.fromCoroutine(self._request(method, url, options))

    async def _request(self, method: str, url: str, options: dict[str, Any]) -> Any:
        asked = self.reactor.timeline.now
        self.asking(self.reactor.host)
        response = await self.client.request(method, url, **options)
        body: bytes = await response.content()
        self.seen(
            Exchange(
                host=self.reactor.host,
                method=method,
                path="/" + url.split("/", 3)[3],
                asked=asked,
                answered=self.reactor.timeline.now,
                status=response.code,
                body=body,
            )
        )
        return response


def client_of(reactor: SimulatedReactor) -> HTTPClient:
    """Return the HTTP client of a simulated host, which keeps two connections as the real Worker does."""
    pool = HTTPConnectionPool(reactor)
    pool.retryAutomatically = False
    pool.cachedConnectionTimeout = 60
    return HTTPClient(Agent(reactor, pool=pool), data_to_body_producer=body_producer)
