"""A client that reaches a resource in memory, and takes bodies that are produced piece by piece as well."""

from typing import Any

from attrs import define
from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, succeed
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


class StreamingTreq:
    """What `ServerExchange` needs of treq; `flush` carries what is under way."""

    def __init__(self, resource: Any) -> None:
        agent = RequestTraversalAgent(resource)
        self._client = HTTPClient(agent, data_to_body_producer=_produced)
        self.flush = agent.flush

    def request(self, *arguments: Any, **options: Any) -> Any:
        return self._client.request(*arguments, **options)


def _produced(data: Any) -> IBodyProducer:
    return data if IBodyProducer.providedBy(data) else _WholeBody(data)


@implementer(IBodyProducer)
@define(eq=False)
class _WholeBody:
    """A body that is there; treq's own for bytes would need the real reactor."""

    body: bytes

    @property
    def length(self) -> int:
        return len(self.body)

    def startProducing(self, consumer: Any) -> "Deferred[None]":
        consumer.write(self.body)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass
