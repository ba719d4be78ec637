"""Tasks' log files are read for people."""

import gzip
import os
from io import BufferedIOBase
from pathlib import Path

from attrs import define, frozen
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.log_excerpts import HEAD, SHORT, TAIL, abridged
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.threads import InThread


@define(eq=False, kw_only=True)
class OpenLog:
    """A log file that is open, and read piece by piece outside the reactor's thread; whoever has it closes it."""

    file: BufferedIOBase
    in_thread: InThread

    def read(self, size: int) -> "Deferred[bytes]":
        """Return the next bytes, at most ``size``; none at the end."""
        return self.in_thread(lambda: self.file.read(size))

    def seek(self, offset: int) -> "Deferred[int]":
        """Go to a place, in bytes from the beginning."""
        return self.in_thread(lambda: self.file.seek(offset))

    def close(self) -> "Deferred[None]":
        """Let go of the file."""
        return self.in_thread(self.file.close)


@frozen(eq=False, kw_only=True)
class PlainLog:
    """A log as it is: its size in bytes, and when it changed last, in seconds since 1970, UTC."""

    content: OpenLog
    size: int
    modified: float


@frozen(kw_only=True)
class AbridgedLog:
    """The beginning and the end of a long log, with a note in between."""

    text: bytes


@frozen(eq=False, kw_only=True)
class GzippedLog:
    """
    A log of which only a compressed copy is left.

    ``content`` is what was asked for: the copy, of ``size`` bytes, or the text in it, whose size is not known (None).
    """

    content: OpenLog
    size: int | None


@frozen(eq=False, kw_only=True)
class LogReader:
    """Reads the logs below ``directory`` (dashboard.md 8)."""

    directory: Path
    in_thread: InThread

    async def read(
        self, job: str, task: str, *, whole: bool, unpacked: bool
    ) -> PlainLog | AbridgedLog | GzippedLog | None:
        """
        Return a task's log, or None if there is none; raises `OSError` if it cannot be read.

        A long one is abridged unless all of it is wanted. A compressed one always comes whole: as it is, or unpacked.
        """
        path = self.directory / log_path(job, task)
        return await self.in_thread(lambda: self._found(path, whole=whole, unpacked=unpacked))

    def _found(self, path: Path, *, whole: bool, unpacked: bool) -> PlainLog | AbridgedLog | GzippedLog | None:
        try:
            file = path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return self._compressed(path.with_name(f"{path.name}.gz"), unpacked=unpacked)
        facts = os.fstat(file.fileno())
        if whole or facts.st_size < SHORT:
            content = OpenLog(file=file, in_thread=self.in_thread)
            return PlainLog(content=content, size=facts.st_size, modified=facts.st_mtime)
        with file:
            head = file.read(HEAD)
            file.seek(facts.st_size - TAIL)
            return AbridgedLog(text=abridged(head, file.read(TAIL), facts.st_size))

    def _compressed(self, path: Path, *, unpacked: bool) -> GzippedLog | None:
        try:
            file: BufferedIOBase = gzip.open(path) if unpacked else path.open("rb")  # noqa: SIM115 its reader closes it
        except (FileNotFoundError, NotADirectoryError):
            return None
        size = None if unpacked else os.fstat(file.fileno()).st_size
        return GzippedLog(content=OpenLog(file=file, in_thread=self.in_thread), size=size)
