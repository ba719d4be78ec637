"""The form with which a log is sent to the Server, read from the disk as fast as the network takes it."""

from typing import Any
from uuid import uuid4

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from flamenco_mgr.server.interfaces import ArchivedLog
from flamenco_mgr.threads import InThread

PIECE = 1 << 16
"""Bytes that are read at once; no more of the log is in memory."""

FIELD = "logfile"
KIND = "text/plain+gzip"


class LogCutShort(Exception):
    """The file has become shorter than it was."""


@implementer(IBodyProducer)
@define(eq=False)
class LogForm:
    """
    A body of one part (server-api.md 7); whoever makes it closes it.

    Pieces are read in a thread. The file is closed when no thread reads it any more.
    """

    log: ArchivedLog
    in_thread: InThread
    length: int = field(init=False)
    content_type: str = field(init=False)
    _head: bytes = field(init=False)
    _tail: bytes = field(init=False)
    _paused: "Deferred[None] | None" = field(init=False, default=None)
    _stopped: bool = field(init=False, default=False)
    _begun: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Write what is around the log."""
        boundary = uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{FIELD}"; filename="{self.log.name}"\r\n'
            f"Content-Type: {KIND}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.length = len(self._head) + self.log.size + len(self._tail)

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":
        """Begin to write; the result comes when all of it is written, never if it is stopped before."""
        self._begun = True
        done: Deferred[None] = Deferred()

        def ended(result: object) -> None:
            if not self._stopped:  # else nobody listens any more
                done.callback(result if isinstance(result, Failure) else None)

        _ = Deferred.fromCoroutine(self._write(consumer)).addBoth(ended)
        return done

    def pauseProducing(self) -> None:
        """Write no more until `resumeProducing`."""
        if self._paused is None:
            self._paused = Deferred()

    def resumeProducing(self) -> None:
        """Write on."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.callback(None)

    def stopProducing(self) -> None:
        """Write no more at all."""
        self._stopped = True
        self.resumeProducing()

    async def close(self) -> None:
        """Close the file: at once, or when what is being read of it has been."""
        self.stopProducing()
        if not self._begun:
            await self.in_thread(self.log.file.close)

    async def _write(self, consumer: Any) -> None:
        try:
            consumer.write(self._head)
            left = self.log.size
            while left > 0:
                if self._paused is not None:
                    await self._paused
                if self._stopped:
                    return
                piece = await self.in_thread(lambda: self.log.file.read(PIECE))
                if not piece:
                    raise LogCutShort(f"{self.log.name} is {left} bytes shorter than it was")
                left -= len(piece)
                if not self._stopped:
                    consumer.write(piece)
            if not self._stopped:
                consumer.write(self._tail)
        finally:
            await self.in_thread(self.log.file.close)
