"""One connection of a client: when it has been silent, slow or unintelligible."""

from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from flamenco_mgr.web.replies import raw_error

_LONGEST_LENGTH = 20
"""Digits of a Content-Length."""

_TOO_LONG = "the head of the request, with its URL, is longer than 16 KiB"


def peer_host(address: object) -> str:
    """
    Return an address without its port, or the empty text if it has none.

    An IPv4 client of a socket that serves both families is named by its IPv4 address.
    """
    host: str = getattr(address, "host", "")
    if ":" in host and (mapped := IPv6Address(host).ipv4_mapped):
        return str(mapped)
    return host


class ClientConnection(HTTPChannel):
    """
    Reads requests, and waits neither long for one nor long for its end.

    There is a deadline for being idle (`timeOut`), and from a request's first byte one for its head and one for all of
    it. Who sends a byte now and then gets no more time for it, so nobody holds a connection and its memory for long.

    The timer is not stopped and started for each request, as Twisted's is, which would cost a tenth of the time that a
    request takes: it looks at the deadline when it goes off, and waits again if that has moved on.
    """

    site: Any  # which made this connection, and says so afterwards
    is_workers = False
    """Whether a request had a Worker's credentials; if there are too many connections, others are cut."""
    _arriving = False
    _begun = 0.0
    _deadline: float | None = None
    _timer: IDelayedCall | None = None
    _host: IAddress | None = None

    def connectionMade(self) -> None:
        """Take a place among the connections, which may be another's."""
        super().connectionMade()
        assert self.transport is not None  # noqa: S101 it has just been made
        too_many = self.site.places.arrive(self, peer_host(self.transport.getPeer()))
        if too_many is not None:
            too_many.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take some bytes; a request that they only begin is waited for as long as its deadline says."""
        super().dataReceived(data)
        if self._arriving:
            self._watch()

    def getHost(self) -> IAddress:
        """Return the address that the client has connected to; the system is asked once, not for each request."""
        if self._host is None:
            self._host = super().getHost()
        return self._host

    def pauseProducing(self) -> None:
        """
        Read no more while the client does not read its answers.

        Twisted pauses only between requests; whoever sends one after the other and reads none would fill the memory.
        """
        super().pauseProducing()
        self._networkProducer.pauseProducing()

    def headerReceived(self, line: bytes) -> bool:
        """Take a header; a length of hundreds of digits is none, and too much for Python to read."""
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and len(value.strip()) > _LONGEST_LENGTH:
            self._respondToBadRequestAndDisconnect()
            return False
        return bool(super().headerReceived(line))

    def setTimeout(self, period: int | None) -> int | None:
        """Set the deadline so many seconds from now, or have none; return what the period was."""
        before = self.timeOut
        self.timeOut = period
        if period is None:
            self._deadline = None
        else:
            self._deadline = self.site.reactor.seconds() + period
            if self._timer is None:
                self._timer = self.callLater(period, self._look)
        return before

    def resetTimeout(self) -> None:
        """Begin the time of a request at its first byte."""
        if not self._arriving and self._deadline is not None:
            self._arriving = True
            self._begun = self.site.reactor.seconds()
            self._deadline = self._begun + self.site.limits.head

    def allHeadersReceived(self) -> None:
        """Let the request know what it is about before its body comes, and note whether it is a Worker's."""
        request = self.requests[-1]
        if self._deadline is not None:
            self._deadline = self._begun + self.site.limits.request
        if not self.is_workers:
            worker_id = self.site.vouches(request.getHeader(b"Authorization"))
            self.is_workers = worker_id is not None and self.site.places.vouch(self, worker_id)
        request.announced(self._command, self._path, self._version)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """Hand over a complete request."""
        self._arriving = False
        super().allContentReceived()

    def timeoutConnection(self) -> None:
        """End the connection; a request that is still arriving is answered first."""
        uri = getattr(self, "_path", None)  # there from the request line to the end of the body
        if uri is not None and not self.requests[-1].startedWriting:
            self.write(raw_error(uri, HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive"))
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:
        """Answer a request with a line that is too long."""
        _ = line
        self._refuse(_TOO_LONG)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of the timer and the place."""
        self.site.places.leave(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(reason)

    def _watch(self) -> None:
        """Have the timer go off at the deadline, if it would later."""
        timer, deadline = self._timer, self._deadline
        if timer is not None and deadline is not None and timer.getTime() > deadline:
            # Moving it to an earlier time would have the reactor look for it among all timers, one by one.
            timer.cancel()
            self._timer = self.callLater(max(0.0, deadline - self.site.reactor.seconds()), self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            # The request is being worked on: its end sets the deadline.
            return
        left = self._deadline - self.site.reactor.seconds()
        if left > 0:
            self._timer = self.callLater(left, self._look)
        else:
            self.timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer what is no HTTP in JSON, as everything else; overrides Twisted's answer without a body."""
        self._refuse(
            _TOO_LONG if self._receivedHeaderSize > self.totalHeadersSize else "this is not a request of HTTP/1.1"
        )

    def _refuse(self, why: str) -> None:
        uri = getattr(self, "_path", b"")
        self.write(raw_error(uri, HTTPStatus.BAD_REQUEST, why))
        self.loseConnection()
