"""A file goes to a client as fast as the client takes it."""

from typing import ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from flamenco_mgr.farm.log_reading import OpenLog
from flamenco_mgr.web.lean import is_gone

_PIECE = 256 * 1024


@implementer(IPushProducer)
@define(eq=False, kw_only=True)
class LogStream:
    """Sends an open log to a client: ``left`` bytes, or None for all that there are."""

    _log: ClassVar[Logger] = Logger()

    request: Request
    content: OpenLog
    left: int | None
    _resumed: "Deferred[None] | None" = field(init=False, default=None)

    async def send(self) -> None:
        """Send it all, and close the log; a client that hangs up, or a file that breaks off, ends it early."""
        self.request.registerProducer(self, True)
        try:
            await self._send_pieces()
        except Exception:  # noqa: BLE001 the answer has begun: it can only be cut off
            self._log.failure("A task's log could not be read to its end")
            self.request.loseConnection()
        finally:
            if not is_gone(self.request):
                self.request.unregisterProducer()
            await self.content.close()

    async def _send_pieces(self) -> None:
        while self.left is None or self.left > 0:
            if self._resumed is not None:
                await self._resumed
            piece = await self.content.read(_PIECE if self.left is None else min(_PIECE, self.left))
            if is_gone(self.request):
                return
            if not piece:
                break
            self.request.write(piece)
            if self.left is not None:
                self.left -= len(piece)
        if self.left:
            raise EOFError(f"{self.left} bytes are missing")

    def pauseProducing(self) -> None:
        """Send nothing until told to go on."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """Go on."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """Find out that the client is gone."""
        self.resumeProducing()
