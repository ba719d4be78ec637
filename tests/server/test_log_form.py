"""The form with which a log is sent, however large that is."""

import io
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from flamenco_mgr.server.interfaces import ArchivedLog
from flamenco_mgr.server.log_form import PIECE, LogCutShort, LogForm
from tests.threads import HeldThread, at_once

GIBIBYTE = 1 << 30


class Zeros(io.RawIOBase):
    """A file of that many zeros, none of which exists before it is read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


@define(eq=False)
class Consumer:
    """Counts what it is given; ``after`` is told of each piece."""

    after: Callable[[int], None] = lambda size: None  # noqa: ARG005
    size: int = 0
    longest: int = 0
    text: bytearray = field(factory=bytearray)
    keeps: bool = True

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self.longest = max(self.longest, len(data))
        if self.keeps:
            self.text += data
        self.after(len(data))


def a_form(file: Any, size: int, in_thread: Any = at_once) -> LogForm:
    """Return the form of a file with so many bytes."""
    return LogForm(ArchivedLog(file=file, name="task-x.txt.gz", size=size), in_thread)


class LogFormTests(SynchronousTestCase):
    def start(self, form: LogForm, consumer: Any) -> "Deferred[None]":
        return form.startProducing(consumer)

    def test_interface(self) -> None:
        """It is a body for HTTP clients."""
        verifyObject(IBodyProducer, a_form(io.BytesIO(b""), 0))

    def test_form(self) -> None:
        """server-api.md 14.10: one part, with its name, file name and type; the length is known before."""
        form, consumer = a_form(io.BytesIO(b"\x1f\x8b\r\n"), 4), Consumer()
        self.assertIsNone(self.successResultOf(self.start(form, consumer)))
        boundary = form.content_type.removeprefix("multipart/form-data; boundary=")
        expected = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="logfile"; filename="task-x.txt.gz"\r\n'
            "Content-Type: text/plain+gzip\r\n\r\n"
        ).encode()
        self.assertEqual(bytes(consumer.text), expected + b"\x1f\x8b\r\n" + f"\r\n--{boundary}--\r\n".encode())
        self.assertEqual(form.length, len(consumer.text))
        self.assertTrue(form.log.file.closed)

    def test_huge(self) -> None:
        """A log of a gibibyte is never in memory: pieces are small, and none is read before the last one is wanted."""
        file, consumer = Zeros(GIBIBYTE), Consumer(keeps=False)
        form = a_form(file, GIBIBYTE)
        consumer.after = lambda size: form.pauseProducing() if size == PIECE else None
        done = self.start(form, consumer)
        resumed = 0
        while not done.called:
            self.assertEqual(GIBIBYTE - file.left, (resumed + 1) * PIECE)
            resumed += 1
            form.resumeProducing()
        self.assertEqual((consumer.size, consumer.longest, resumed), (form.length, PIECE, GIBIBYTE // PIECE - 1))
        self.assertTrue(file.closed)

    def test_stopped(self) -> None:
        """When the connection breaks nothing more is read, and the file is closed; nobody hears of the end."""
        form, consumer = a_form(Zeros(GIBIBYTE), GIBIBYTE), Consumer()
        consumer.after = lambda _: form.pauseProducing()
        done = self.start(form, consumer)
        form.stopProducing()
        self.assertNoResult(done)
        self.assertTrue(form.log.file.closed)

    def test_stopped_while_read(self) -> None:
        """A file that a thread is reading is closed only afterwards, and what was read goes nowhere."""
        thread, consumer = HeldThread(), Consumer()
        file = io.BytesIO(b"text")
        form = a_form(file, 4, thread)
        done = self.start(form, consumer)
        before = consumer.size
        self.successResultOf(Deferred.fromCoroutine(form.close()))
        self.assertFalse(file.closed)
        thread.let_go()
        thread.let_go()
        self.assertTrue(file.closed)
        self.assertEqual(consumer.size, before)
        self.assertNoResult(done)

    def test_never_started(self) -> None:
        """The file of a form that was never sent is closed all the same."""
        form = a_form(io.BytesIO(b"text"), 4)
        self.successResultOf(Deferred.fromCoroutine(form.close()))
        self.assertTrue(form.log.file.closed)

    def test_cut_short(self) -> None:
        """A file that has become shorter fails the request, instead of keeping it waiting."""
        form = a_form(io.BytesIO(b"tex"), 4)
        self.failureResultOf(self.start(form, Consumer()), LogCutShort)
        self.assertTrue(form.log.file.closed)
