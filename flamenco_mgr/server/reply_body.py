"""The body of an answer of the Server's, bounded, and not faster than it is taken."""

from collections import deque

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from flamenco_mgr.server.trouble import BadReply


class ReplyBody(Protocol):
    """
    Receives a body piece by piece; while a piece waits to be taken the connection is not read.

    It must be read to its end or aborted, or the connection is never free again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._pieces: deque[bytes] = deque()
        self._end: Failure | None = None
        self._awaited: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Keep a piece until it is taken."""
        self._size += len(data)
        if self._size > self._limit:
            self._break_off(BadReply(f"the answer is longer than {self._limit} bytes"))
            return
        self._pieces.append(data)
        if self._awaited is None:
            self._hold(hold=True)
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note the end, and whether it is a good one."""
        self._finish(reason)

    async def next(self) -> bytes | None:
        """Return the next piece, or None at the end; raises what broke the body off, or `BadReply` for too long."""
        while not self._pieces:
            if self._end is not None:
                # A body of unknown length ends with its connection.
                if self._end.check(ResponseDone, PotentialDataLoss):
                    return None
                self._end.raiseException()
            self._awaited = Deferred(lambda _: self._break_off(CancelledError()))
            self._hold(hold=False)
            await self._awaited
        return self._pieces.popleft()

    async def whole(self) -> bytes:
        """Return all of it."""
        pieces = []
        while (piece := await self.next()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    async def beginning(self, size: int) -> bytes:
        """Return about as many bytes from its beginning, and cut the rest."""
        text = b""
        while len(text) < size and (piece := await self.next()) is not None:
            text += piece
        self.abort()
        return text[:size]

    def abort(self) -> None:
        """Close the connection, unless the body has ended."""
        if self._end is None:
            self._break_off(CancelledError())

    def _break_off(self, why: Exception) -> None:
        self._finish(Failure(why))
        if self.transport is not None:
            self.transport.loseConnection()

    def _finish(self, reason: Failure) -> None:
        if self._end is None:
            self._end = reason
            self._wake()

    def _wake(self) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.called:
            awaited.callback(None)

    def _hold(self, *, hold: bool) -> None:
        if self._end is None and IPushProducer.providedBy(self.transport):
            if hold:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()
