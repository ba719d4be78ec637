"""Task logs are compressed for the Server, and are complete or not there (task-lifecycle.md 11, 21.29)."""

import os
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

from attrs import define, field, frozen
from zope.interface import implementer

from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.folders import make_folders
from flamenco_mgr.server.interfaces import ArchivedLog, ILogArchive, LogNotHere
from flamenco_mgr.threads import InThread

NO_LOG = b"log file does not exist on Flamenco Manager"
"""What the Server is given of a log that does not exist, so that it asks no more."""

SLICE = 4 << 20
"""Bytes of a log that are compressed before the thread is free for others."""

_LEVEL = 9
_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 18
_LEFT_BEHIND = 24 * 3600
"""Seconds after which a draft is one of a process that died."""


@implementer(ILogArchive)
@frozen(eq=False, kw_only=True)
class LogArchive:
    """
    Makes ``task-….txt.gz`` beside a log below ``directory``.

    ``written`` waits for what is still to be written to logs. ``is_ours`` tells whether the directory is known to be
    the one of all Managers of the farm: only then a log that is not in it does not exist. ``new_id`` names drafts.
    """

    directory: Path
    in_thread: InThread
    written: Callable[[], Awaitable[object]]
    is_ours: Callable[[], bool]
    new_id: Callable[[], str]

    async def archived(self, wanted: LogRequest, go_on: Callable[[], bool]) -> ArchivedLog | None:
        """See `ILogArchive.archived`."""
        await self.written()
        path = self.directory / log_path(wanted.job, wanted.task)
        archive = path.with_name(f"{path.name}.gz")
        draft = path.with_name(f".{path.name}.{self.new_id()}.partial")
        packing = await self.in_thread(lambda: self._begin(path, archive, draft))
        if packing is not None:
            try:
                while not await self.in_thread(packing.step):
                    if not go_on():
                        return None
            finally:
                await self.in_thread(packing.let_go)
        return await self.in_thread(lambda: _opened(archive))

    def _begin(self, path: Path, archive: Path, draft: Path) -> "_Packing | None":
        """Return what is to be packed, None if there is nothing to do."""
        plain, packed = _changed_at(path), _changed_at(archive)
        if packed is not None and (plain is None or plain < packed):
            return None
        if plain is None:
            if not self.is_ours():
                raise LogNotHere("its log is not here, and task_logs_path may not be the farm's")
            make_folders(path.parent)
        packing = _Packing.begun(path if plain is not None else None, archive, draft)
        _sweep(path, packing.since)
        return packing


@define(eq=False, kw_only=True)
class _Packing:
    """
    A log on its way into its archive; ``left`` is how many bytes of it are still to be packed.

    Whatever is appended meanwhile is left for the next time: the archive is as old as its beginning, so that the log
    is newer then.
    """

    source: BinaryIO | None
    archive: Path
    draft: Path
    file: BinaryIO
    left: int
    since: int
    packer: Any = field(init=False, factory=lambda: zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP))

    @classmethod
    def begun(cls, path: Path | None, archive: Path, draft: Path) -> "_Packing":
        """Open the files; a ``path`` of None is a log that does not exist."""
        source = None if path is None else path.open("rb")
        try:
            draft.touch(mode=0o644, exist_ok=False)
            file = draft.open("wb")
        except BaseException:
            if source is not None:
                source.close()
            raise
        since = os.fstat(file.fileno()).st_mtime_ns
        size = 0 if source is None else os.fstat(source.fileno()).st_size
        return cls(source=source, archive=archive, draft=draft, file=file, left=size, since=since)

    def step(self) -> bool:
        """Pack a slice, and return whether that was the last one: the archive is in place then."""
        slice_left = min(SLICE, self.left)
        while slice_left > 0 and self.source is not None:
            piece = self.source.read(min(_PIECE, slice_left))
            if not piece:
                self.left = slice_left = 0
                break
            self.file.write(self.packer.compress(piece))
            slice_left -= len(piece)
            self.left -= len(piece)
        if self.left > 0:
            return False
        if self.source is None:
            self.file.write(self.packer.compress(NO_LOG))
        self._finish()
        return True

    def let_go(self) -> None:
        """Close everything; what is not finished is removed."""
        try:
            if self.source is not None:
                self.source.close()
            self.file.close()
        finally:
            self.draft.unlink(missing_ok=True)

    def _finish(self) -> None:
        self.file.write(self.packer.flush())
        self.file.flush()
        os.fchmod(self.file.fileno(), 0o644)
        os.fsync(self.file.fileno())
        os.utime(self.file.fileno(), ns=(self.since, self.since))
        self.draft.replace(self.archive)


def _opened(archive: Path) -> ArchivedLog:
    file = archive.open("rb")
    return ArchivedLog(file=file, name=archive.name, size=os.fstat(file.fileno()).st_size)


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


def _sweep(path: Path, now: int) -> None:
    """Remove drafts of this log that processes have left that died."""
    for old in path.parent.glob(f".{path.name}.*.partial"):
        changed = _changed_at(old)
        if changed is not None and now - changed > _LEFT_BEHIND * 10**9:
            old.unlink(missing_ok=True)
