"""How an answer gets onto the wire, or only a part of it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from flamenco_mgr.demo.standin.replies import Cut, Lost, Reply, Stall, Whole

_ITEMS_IN_A_PART: Final = 32


def send(request: Request, reply: Reply, date: str) -> bytes | Deferred[bytes]:
    """
    Send an answer with a ``Date``, and return what is left for Klein to write.

    An answer that is not sent to its end gives a Deferred that fires when the connection is lost, by cancellation.
    """
    if isinstance(reply.delivery, Lost):
        request.loseConnection()
        return Deferred()
    request.setResponseCode(reply.status)
    request.defaultContentType = None
    request.setHeader(b"Date", date.encode())
    for name, value in reply.headers:
        request.setHeader(name, value)
    if isinstance(reply.delivery, Whole) and not isinstance(reply.body, bytes):
        return BodyInParts(request=request, parts=iter(reply.body)).begin()
    body = reply.whole_body()
    request.setHeader(b"Content-Length", b"%d" % len(body))
    match reply.delivery:
        case Cut(at=at):
            request.write(body[:at])
            request.loseConnection()
            return Deferred()
        case Stall(at=at):
            request.write(body[:at])
            return Deferred()
    return body


@implementer(IPushProducer)
@define(eq=False, kw_only=True)
class BodyInParts:
    """Writes a body part by part, and waits whenever the other side does not keep up."""

    request: Request
    parts: Iterator[bytes]
    _paused: bool = field(init=False, default=False)
    _written: Deferred[bytes] = field(init=False)

    def begin(self) -> Deferred[bytes]:
        """Write until told to pause; the Deferred fires when all is written."""
        self._written = Deferred(lambda _: self.stopProducing())
        self.request.registerProducer(self, streaming=True)
        self.resumeProducing()
        return self._written

    def pauseProducing(self) -> None:
        """Write no more for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        for part in self.parts:
            self.request.write(part)
            if self._paused:
                return
        self.request.unregisterProducer()
        self._written.callback(b"")

    def stopProducing(self) -> None:
        """Forget the rest: nobody is there to take it."""
        self._paused = True
        self.parts = iter(())


def in_list(head: bytes, items: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    """Yield head, items with commas between them, and tail, in parts that are big enough to be worth a write."""
    yield head
    separator = b""
    remaining = iter(items)
    while part := b",".join(islice(remaining, _ITEMS_IN_A_PART)):
        yield separator + part
        separator = b","
    yield tail
