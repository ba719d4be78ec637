"""Files of tasks' logs beyond the limits are removed, where the lease is."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.log_limits import LogFile, LogLimits, Stage, log_file, stage, unwanted
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import ITaskStore, StoreUnavailable
from flamenco_mgr.threads import InThread

LOGS_EVERY = 3600.0
"""Seconds between two looks at all logs."""

LOGS_FIRST = 600.0
"""Seconds after the start until the first one."""

EMPTY_FOR = 600.0
"""Seconds that a directory is left alone after its last change: somebody may be about to write into it."""

_LISTED = 500
"""Files that are looked at before the thread is free for others."""

_REMOVED = 50
"""Tasks whose files are removed before others may write logs."""


@define(eq=False, kw_only=True)
class LogCleaner:
    """
    Keeps the directory of the task logs within its limits (21.30).

    Only files that have a name of a log are touched. They are removed in turn with what is written, so that no log is
    moved meanwhile; one that somebody else has just written is left alone. A directory that is empty goes with the next
    look.
    """

    _log: ClassVar[Logger] = Logger()

    directory: Path
    limits: LogLimits
    logs: TaskLogs
    tasks: ITaskStore
    slices: Slices
    in_thread: InThread
    clock: IReactorTime
    _trouble: str = field(init=False, default="")

    async def clean_up(self) -> None:
        """Look at the logs of all jobs, one after the other."""
        removed = 0
        before = self.clock.seconds() - EMPTY_FOR
        try:
            for folder in await self.in_thread(lambda: list(_folders(self.directory, before))):
                await self.slices.begin()
                removed += await self._clean(folder)
            self._trouble = ""
        except (OSError, StoreUnavailable) as e:
            if str(e) != self._trouble:
                self._trouble = str(e)
                self._log.warn("Old task logs are removed another time: {trouble}", trouble=self._trouble)
        if removed:
            self._log.info("{count} files of task logs were beyond the limits, and are removed", count=removed)

    async def _clean(self, folder: Path) -> int:
        now = self.clock.seconds()
        by_task: dict[str, list[LogFile]] = {}
        for one in await self._listed(folder):
            by_task.setdefault(one.task, []).append(one)
        maybe = [task for task, files in by_task.items() if unwanted(files, self.limits, Stage.OVER, now)]
        removed: list[str] = []
        for start in range(0, len(maybe), _REMOVED):
            await self.slices.begin()
            doomed = await self._doomed({task: by_task[task] for task in maybe[start : start + _REMOVED]}, now)
            if doomed:
                await self.logs.in_turn(partial(_remove, folder, doomed, removed))
        if not by_task:
            await self.logs.in_turn(lambda: _remove_empty(folder, now - EMPTY_FOR))
        return len(removed)

    async def _doomed(self, by_task: Mapping[str, Sequence[LogFile]], now: float) -> Sequence[LogFile]:
        standings = await self.tasks.standing(list(by_task))
        return [
            one
            for task, files in by_task.items()
            for one in unwanted(files, self.limits, stage(standings[task].task), now)
        ]

    async def _listed(self, folder: Path) -> Sequence[LogFile]:
        try:
            entries = await self.in_thread(lambda: os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        found: list[LogFile] = []
        try:
            while (some := await self.in_thread(lambda: _next(entries))) is not None:
                found += some
        finally:
            entries.close()
        return found


def _folders(directory: Path, before: float) -> Iterator[Path]:
    """Yield the directories of jobs; those that would hold some, and have been empty since before then, go."""
    for outer in _directories(directory):
        if outer.name.startswith("job-"):
            inner = _directories(Path(outer.path))
            yield from (Path(one.path) for one in inner if normal_id(one.name))
            if not inner:
                _remove_empty(Path(outer.path), before)


def _directories(path: Path) -> "Sequence[os.DirEntry[str]]":
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return ()


def _next(entries: "Iterator[os.DirEntry[str]]") -> Sequence[LogFile] | None:
    """Return the files of logs among the next entries of a directory; None at its end."""
    some = list(islice(entries, _LISTED))
    return list(_logs(some)) if some else None


def _logs(entries: "Sequence[os.DirEntry[str]]") -> Iterator[LogFile]:
    for entry in entries:
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # moved meanwhile
            continue
        found = log_file(entry.name, facts.st_mtime)
        if found is not None and entry.is_file(follow_symlinks=False):
            yield found


def _remove(folder: Path, files: Sequence[LogFile], removed: list[str]) -> None:
    """Remove files that have not been written since they were looked at, and add their names."""
    for one in files:
        path = folder / one.name
        try:
            if path.lstat().st_mtime <= one.modified:
                path.unlink()
                removed.append(one.name)
        except OSError:  # it has gone by itself, or will be tried again
            continue


def _remove_empty(folder: Path, before: float) -> None:
    """Remove a directory that has not changed since then; if it is not empty, it stays."""
    with suppress(OSError):
        if folder.lstat().st_mtime < before:
            folder.rmdir()
