"""How the log looks, and that it never gets into anybody's way."""

import io
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import define, field
from constantly import NamedConstant
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from flamenco_mgr.log_output import FileSink, LogFormat, LogObserver, LogOutput, StreamSink, weight


@define(eq=False)
class Lines:
    """A sink that keeps what it gets."""

    written: list[str] = field(factory=list)

    def write(self, line: bytes) -> None:
        self.written.append(line.decode())


class FullDisk:
    """A sink that takes nothing."""

    def write(self, _line: bytes) -> None:
        raise OSError(28, "No space left on device")


class LogCase(SynchronousTestCase):
    """Something that logs, and what comes of it."""

    format = LogFormat.TEXT

    def setUp(self) -> None:
        self.sink = Lines()

    def log(self, level: NamedConstant = LogLevel.info, namespace: str = "flamenco_mgr.farm.scheduler") -> Logger:
        """Return a logger whose events go to the sink alone."""
        observer = LogOutput(level=level, format=self.format).observer(self.sink)
        verifyObject(ILogObserver, observer)
        return Logger(namespace=namespace, observer=LogPublisher(observer))


class TextTests(LogCase):
    def test_line(self) -> None:
        """A line has the local time with its offset from UTC, the level in brackets, and the message."""
        self.log().info("Task {task} is assigned to {worker}", task="5e6a", worker="render07")
        (line,) = self.sink.written
        stamp, rest = line.split(" ", 1)
        self.assertLess(abs(datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z").timestamp() - time.time()), 60)
        self.assertEqual(rest, "[info] Task 5e6a is assigned to render07\n")

    def test_level(self) -> None:
        """What is below the chosen level is left out."""
        logger = self.log(LogLevel.warn)
        for level, text in zip(LogLevel.iterconstants(), ["one", "two", "three", "four", "five"], strict=True):
            logger.emit(level, text)
        self.assertEqual([line.split()[-1] for line in self.sink.written], ["three", "four", "five"])

    def test_failure(self) -> None:
        """A failure is one event: its message, and the indented stack trace."""
        try:
            int("no number")
        except ValueError:
            self.log().failure("The scheduler failed")
        (event,) = self.sink.written
        first, *rest = event.rstrip("\n").split("\n")
        self.assertTrue(first.endswith("[critical] The scheduler failed"))
        self.assertTrue("ValueError: invalid literal" in rest[-1])
        self.assertEqual([line for line in rest if not line.startswith("    ")], [])

    def test_no_forged_line(self) -> None:
        """What others write can neither begin a line of its own nor give orders to a terminal."""
        self.log().info("{name} signed on", name="eve\n2019-11-12T14:03:21+0100 [info] all is well\x1b[2J\r\x9b")
        (event,) = self.sink.written
        self.assertEqual(event.count("\n    2019"), 1)
        self.assertTrue(event.endswith("all is well\\x1b[2J\\x0d\\x9b signed on\n"), event)

    def test_direction_of_writing(self) -> None:
        """Nor can it turn the line around for whoever reads it, or end it for programs that know more ends of lines."""
        self.log().info("{name} signed on", name="eve\u202eno dengis\u2028[info] all is well\u2066")
        (event,) = self.sink.written
        self.assertEqual(len(event.splitlines()), 1)
        self.assertTrue(event.endswith("eve\\u202eno dengis\\u2028[info] all is well\\u2066 signed on\n"), event)

    def test_surrogates(self) -> None:
        """A text that UTF-8 cannot carry is written as far as it goes."""
        self.log().info("{name}", name="f\udc80rm ü")
        self.assertTrue(self.sink.written[0].endswith("f\\udc80rm ü\n"))


class JSONTests(LogCase):
    format = LogFormat.JSON

    def line(self) -> Any:
        (written,) = self.sink.written
        self.assertTrue(written.endswith("}\n"))
        self.assertEqual(written.count("\n"), 1)
        return json.loads(written)

    def test_line(self) -> None:
        """A line is an object with ``time``, ``level``, ``msg`` and the event's fields that are JSON values."""
        self.log().warn("{count} tasks\nleft", count=3, types=["a", "b"], path=Path("db"), rate=float("nan"), none=None)
        line = self.line()
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$")
        expected = {"level": "warn", "msg": "3 tasks\nleft", "count": 3, "types": ["a", "b"], "none": None}
        self.assertEqual(line, expected)

    def test_own_keys(self) -> None:
        """A field never takes the place of the line's own keys."""
        self.log().info("{msg}", msg="field", time=1, traceback="none")
        line = self.line()
        self.assertNotEqual(line["time"], 1)
        self.assertEqual((line["msg"], line.get("traceback")), ("field", None))

    def test_failure(self) -> None:
        """A failure's stack trace is text in ``traceback``."""
        self.log().failure("The scheduler failed", failure=Failure(ZeroDivisionError("by zero")))
        line = self.line()
        self.assertEqual(line["msg"], "The scheduler failed")
        self.assertIn("ZeroDivisionError: by zero", line["traceback"])


class ChatterTests(LogCase):
    def test_twisted(self) -> None:
        """What Twisted tells at info of its factories and ports is logged at debug."""
        for namespace in ("log_legacy", "twisted.web.server.Site", "flamenco_mgr.web.site.WorkersSite"):
            self.log(namespace=namespace).info("Starting factory {factory!r}", factory=self)
        self.assertEqual(self.sink.written, [])
        self.log(LogLevel.debug, "log_legacy").info("Starting factory")
        self.assertEqual(len(self.sink.written), 1)

    def test_troubles_of_twisted(self) -> None:
        """Twisted's warnings and errors are logged as what they are."""
        self.log(namespace="twisted.web.server.Site").error("Out of descriptors")
        self.assertIn("[error]", self.sink.written[0])

    def test_plugin_cache(self) -> None:
        """That the plugin cache of a read-only installation cannot be written is no error."""
        self.log(namespace="twisted.plugin").error("Unable to write to plugin cache")
        self.assertEqual(self.sink.written, [])

    def test_no_level(self) -> None:
        """An event without a level, as foreign observers' code may send, counts as info."""
        self.assertIs(weight({}), LogLevel.info)


class SinkTests(LogCase):
    def test_never_raises(self) -> None:
        """A log that cannot be written, or an event that cannot be understood, stops nobody."""
        observer = LogOutput().observer(FullDisk())
        observer({"log_format": "{x}", "log_level": LogLevel.info})
        LogObserver(level=LogLevel.info, line=json.dumps, sink=self.sink)(
            {"log_level": LogLevel.info, "what": object()}
        )
        self.assertEqual(self.sink.written, [])

    def test_unprintable(self) -> None:
        """A field that cannot be shown does not keep the event out of the log."""

        class Broken:
            def __str__(self) -> str:
                raise ZeroDivisionError

        self.log().info("{what} happened", what=Broken())
        self.assertEqual(len(self.sink.written), 1)

    def test_stream(self) -> None:
        """A line on a stream is there at once."""
        stream = io.BytesIO()
        StreamSink(io.BufferedWriter(_Raw(stream))).write(b"line\n")
        self.assertEqual(stream.getvalue(), b"line\n")

    def test_file(self) -> None:
        """A log file is appended to; after it was moved away and opened anew the next line is in a new file."""
        path = Path(self.mktemp())
        path.write_bytes(b"earlier\n")
        sink = FileSink(path)
        self.addCleanup(sink.close)
        sink.write(b"one\n")
        moved = path.rename(path.with_name("moved"))
        sink.write(b"two\n")
        sink.reopen()
        sink.write(b"three\n")
        self.assertEqual(moved.read_bytes(), b"earlier\none\ntwo\n")
        self.assertEqual(path.read_bytes(), b"three\n")

    def test_same_readers(self) -> None:
        """Whoever may read the log may read the one that follows it, whatever the daemon's umask is."""
        path = Path(self.mktemp())
        sink = FileSink(path)
        self.addCleanup(sink.close)
        path.chmod(0o640)
        path.rename(path.with_name("old"))
        sink.reopen()
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)

    def test_file_cannot_be_opened_anew(self) -> None:
        """If the path can no longer be opened, the log goes on in the old file, and says why."""
        folder = Path(self.mktemp())
        folder.mkdir()
        sink = FileSink(folder / "log")
        self.addCleanup(sink.close)
        moved = folder.rename(folder.with_name("moved"))
        sink.reopen()
        sink.write(b"further\n")
        first, second = (moved / "log").read_text().splitlines()
        self.assertIn("[error] The log file cannot be opened anew: ", first)
        self.assertEqual(second, "further")

    def test_no_such_directory(self) -> None:
        """A log file that cannot be opened at the start is an error of the operating system's."""
        self.assertRaises(OSError, LogOutput(path=Path(self.mktemp(), "log")).sink)


class _Raw(io.RawIOBase):
    """The unbuffered end of a stream."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__()
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._stream.write(data)
