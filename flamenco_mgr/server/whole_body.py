"""The body of a request that is in memory anyway."""

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
@define(eq=False)
class WholeBody:
    """Gives all of it to the connection at once; Twisted's own producer would take turns of the global reactor."""

    _data: bytes
    length: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Measure it."""
        self.length = len(self._data)

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":
        """Write it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: it has been written."""

    def resumeProducing(self) -> None:
        """Do nothing: it has been written."""

    def stopProducing(self) -> None:
        """Do nothing: it has been written."""


def body_producer(data: object) -> IBodyProducer:
    """Return what writes the body of a request: bytes, or something that writes itself."""
    return WholeBody(data) if isinstance(data, bytes) else IBodyProducer(data)
