"""How a Worker's requests come to one of several Managers: by chance, as through a load balancer."""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

FRONT = "http://flamenco-managers.invalid/"
"""The URL that Workers are given. Nobody has to resolve it: a request gets another host before it is sent."""


@implementer(IAgent)
@define(eq=False, kw_only=True)
class BalancedAgent:
    """
    Sends each request of one Worker to any of the Managers, whose URLs are ``managers``.

    Those that cannot be connected to are passed over; what was sent and not answered is not sent again, since nobody
    knows what became of it. ``served`` counts the answers of each Manager that was ready, to all Workers. ``moves`` is
    how often this Worker's next answer was another Manager's.
    """

    agent: IAgent
    managers: Sequence[str]
    random: Random
    served: Counter[str]
    moves: int = field(init=False, default=0)
    _last: str = field(init=False, default="")

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> "Deferred[IResponse]":
        """Send a request to one of the Managers."""
        return Deferred.fromCoroutine(self._request(method, uri, headers, bodyProducer))

    async def _request(self, method: bytes, uri: bytes, *content: Any) -> IResponse:
        untried = self.random.sample(self.managers, len(self.managers))
        while True:
            manager = untried.pop()
            there = urlunsplit(urlsplit(manager.encode())[:2] + urlsplit(uri)[2:])
            try:
                response = await self.agent.request(method, there, *content)
            except ConnectError:
                if not untried:
                    raise
            else:
                self._note(manager, response)
                return response

    def _note(self, manager: str, response: IResponse) -> None:
        if response.code != HTTPStatus.SERVICE_UNAVAILABLE:
            self.served[manager] += 1
        if manager != self._last:
            self.moves += bool(self._last)
            self._last = manager
