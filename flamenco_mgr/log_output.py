"""Where the log goes, and how a line of it looks: text for people, or one JSON object a line."""

import json
import math
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Protocol

from attrs import define, field, frozen
from constantly import NamedConstant
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, formatTime
from zope.interface import implementer

LEVELS = tuple(level.name for level in LogLevel.iterconstants())

# Twisted tells of its own doings at info, what is of use to those who look for a mistake in them; so does every factory
# of its kind, in our name if it is ours. Its plugin cache complains at every start where a user may not write into the
# installation.
_CHATTY = ("twisted.", "log_legacy")
_FACTORIES = ("Starting factory ", "Stopping factory ")
_CACHE = "twisted.plugin"

# What an event may not bring to its line from outside: the beginning of another line, or orders to a terminal.
# So may what turns the direction of writing around, and what other programs take for the end of a line.
_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(9), *range(11, 32), *range(127, 160)]} | {
    code: f"\\u{code:04x}" for code in [0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
}

_RESERVED = frozenset({"time", "level", "msg", "traceback"})


class LogFormat(Enum):
    """What a line of the log is."""

    TEXT = "text"
    JSON = "json"


class Sink(Protocol):
    """Where lines go."""

    def write(self, line: bytes, /) -> None:
        """Write a line at once."""


@frozen(eq=False)
class StreamSink:
    """An open stream."""

    stream: BinaryIO

    def write(self, line: bytes) -> None:
        """Write a line at once."""
        self.stream.write(line)
        self.stream.flush()


@define(eq=False)
class FileSink:
    """A file that is appended to, and that may be moved away meanwhile."""

    path: Path
    _file: BinaryIO = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._file = self.path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Write a line at once."""
        self._file.write(line)

    def reopen(self) -> None:
        """Go on in the file that has the path now. If that cannot be opened, the old one is better than none."""
        try:
            opened = self.path.open("ab", buffering=0)
            # Whoever may read the old file may read the new one: a daemon's umask would keep it for itself.
            os.fchmod(opened.fileno(), stat.S_IMODE(os.fstat(self._file.fileno()).st_mode))
        except OSError as e:
            self.write(f"{formatTime(time.time())} [error] The log file cannot be opened anew: {e}\n".encode())
            return
        self.close()
        self._file = opened

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


@frozen(kw_only=True)
class LogOutput:
    """Where the operator wants the log: a file, standard error, or standard output."""

    level: NamedConstant = LogLevel.info
    format: LogFormat = LogFormat.TEXT
    path: Path | None = None
    aside: bool = False
    """Standard output is needed for something else."""

    def sink(self) -> Sink:
        """Open it; raises OSError."""
        if self.path is not None:
            return FileSink(self.path)
        stream = sys.stderr if self.aside else sys.stdout
        return StreamSink(stream.buffer)

    def observer(self, sink: Sink) -> "LogObserver":
        """Return what writes events there."""
        return LogObserver(level=self.level, line=text_line if self.format is LogFormat.TEXT else json_line, sink=sink)


@implementer(ILogObserver)
@define(eq=False, kw_only=True)
class LogObserver:
    """Writes the events that matter. Never raises: a log that cannot be written must not stop a farm."""

    level: NamedConstant
    line: Callable[[LogEvent], str]
    sink: Sink

    def __call__(self, event: LogEvent) -> None:
        """Write an event."""
        try:
            if weight(event) >= self.level:
                self.sink.write(self.line(event).encode("utf-8", "backslashreplace") + b"\n")
        except Exception:  # noqa: BLE001, S110 there is no place left to tell it
            pass


def weight(event: LogEvent) -> NamedConstant:
    """Return the level of an event for this Manager's operator."""
    level: NamedConstant = event.get("log_level", LogLevel.info)
    namespace = event.get("log_namespace") or ""
    if namespace == _CACHE:
        return LogLevel.debug
    chat = namespace.startswith(_CHATTY) or str(event.get("log_format")).startswith(_FACTORIES)
    return LogLevel.debug if chat and level is LogLevel.info else level


def text_line(event: LogEvent) -> str:
    """Return an event for people: its time, level and message; what has further lines is indented."""
    text = formatEvent(event)
    trace = _traceback(event)
    if trace:
        text = f"{text}\n{trace}"
    text = text.translate(_CONTROLS).replace("\n", "\n    ")
    return f"{_stamp(event)} [{weight(event).name}] {text}"


def json_line(event: LogEvent) -> str:
    """Return an event as a JSON object: ``time``, ``level``, ``msg``, ``traceback``, and its fields that are JSON."""
    line: dict[str, object] = {
        "time": _stamp(event),
        "level": weight(event).name,
        "msg": formatEvent(event),
    }
    trace = _traceback(event)
    if trace:
        line["traceback"] = trace
    return json.dumps(line | {name: value for name, value in event.items() if _is_field(name, value)})


def _stamp(event: LogEvent) -> str:
    when = event.get("log_time")
    return formatTime(when) if when is None else _stamp_of(int(when))


@lru_cache(maxsize=2)  # many events are of the same second, which is all that is shown
def _stamp_of(second: int) -> str:
    return formatTime(second)


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return "" if failure is None else failure.getTraceback().rstrip()


def _is_field(name: str, value: object) -> bool:
    return name not in _RESERVED and not name.startswith("log_") and _is_json(value)


def _is_json(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_json, value.values()))
    return value is None or isinstance(value, str | int)


def reopen_on_signals(sink: Sink | None) -> None:
    """
    Open a log file anew at SIGHUP and SIGUSR1, as logrotate wants it; they no longer end the process.

    Where there is no file both do nothing.
    """

    def reopen(_number: int, _frame: FrameType | None) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor, which is up to twistd

        if isinstance(sink, FileSink):  # not here, in the middle of anything
            IReactorFromThreads(reactor).callFromThread(sink.reopen)

    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, reopen)
