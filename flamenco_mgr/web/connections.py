"""One connection of a client: when it has been silent, slow or unintelligible."""

from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from flamenco_mgr.web.replies import raw_error

_LONGEST_LENGTH = 20
"""Digits of a Content-Length."""

_TOO_LONG = "the head of the request, with its URL, is longer than 16 KiB"


class ClientConnection(HTTPChannel):
    """
    Reads requests; one deadline (`timeOut`) is for being idle, and for sending a whole request once it has begun.

    Who sends a byte now and then gets no more time for it, so nobody holds a connection and its memory for long.

    The timer is not stopped and started for each request, as Twisted's is, which would cost a tenth of the time that a
    request takes: it looks at the deadline when it goes off, and waits again if that has moved on.
    """

    site: Any  # which made this connection, and says so afterwards
    _arriving = False
    _deadline: float | None = None
    _timer: IDelayedCall | None = None

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
        """Begin the time anew, but only at the first byte of a request."""
        if not self._arriving and self._deadline is not None:
            self._arriving = True
            self.setTimeout(self.timeOut)

    def allHeadersReceived(self) -> None:
        """Let the request know what it is about before its body comes."""
        self.requests[-1].announced(self._command, self._path, self._version)
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
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(reason)

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
