"""Tasks' log files are written and rotated, in threads and in order."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.log_files import log_path, rotation
from flamenco_mgr.folders import make_folders
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.threads import InThread

PATIENCE = 1.0
"""Seconds that anybody waits for a slow disk; what waits is written later, in order."""

LINGER = 0.02
"""Seconds that what nobody waits for is kept, so that it goes along with what follows."""

AGAIN_AFTER = 5.0
"""Seconds until what a full disk did not take is tried again."""

_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS})

MOST_WAITING = 64 * 1024 * 1024
"""Bytes of log text that may wait for a slow disk; beyond it, workers have to keep theirs."""


class LogsBehind(StoreUnavailable):
    """So much log text waits to be written that no more can be taken."""


@frozen(kw_only=True)
class _Step:
    work: Callable[[], None]
    size: int
    done: "Deferred[None]" = field(factory=Deferred)


@define(eq=False, kw_only=True)
class TaskLogs:
    """
    Writes what workers and the Manager say of tasks into files below ``directory`` (task-lifecycle.md 11).

    Steps are done in the order of the calls, many in one go, outside the reactor's thread. Trouble with the files is
    logged when it begins and when it ends. What a full disk does not take waits for room, and refuses nothing that a
    worker reports before very much of it waits. Text that was written survives the
    process, but not a loss of power: the tail of each update is in the store, for the Server.
    """

    _log: ClassVar[Logger] = Logger()

    directory: Path
    in_thread: InThread
    clock: IReactorTime
    _waiting: list[_Step] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)
    _busy: bool = field(init=False, default=False)
    _lingering: IDelayedCall | None = field(init=False, default=None)
    _in_trouble: bool = field(init=False, default=False)
    _impatient: bool = field(init=False, default=False)

    def check_room(self) -> None:
        """Fail with `LogsBehind` if no more text can be taken now."""
        if self._size > MOST_WAITING:
            raise LogsBehind("task logs cannot be written as fast as they come; is the disk of task_logs_path slow?")

    def append(self, job: str, task: str, text: str, *, awaited: bool = True) -> "Deferred[None]":
        """
        Append a text to a task's log, with a newline at its end; an empty text or an unknown job is nothing.

        What is not ``awaited`` by anybody may come a little later.
        """
        if not text or not job:
            return succeed(None)
        data = text.encode("utf-8", "replace")
        if not data.endswith(b"\n"):
            data += b"\n"
        path = f"{self.directory}/{log_path(job, task)}"
        return self._step(lambda: _append(path, data), len(data), awaited=awaited)

    def rotate(self, job: str, task: str) -> "Deferred[None]":
        """Move a task's log out of the way of a new one, which is not awaited."""
        return self._step(lambda: _rotate(self.directory / log_path(job, task)), 0, awaited=False)

    def in_turn(self, work: Callable[[], None]) -> "Deferred[None]":
        """Do something with the files, between what was to be written before and what is to be written later."""
        return self._step(work, 0, awaited=True)

    def written(self) -> "Deferred[None]":
        """Wait for everything so far."""
        return self._step(lambda: None, 0, awaited=True) if self._busy else succeed(None)

    def _step(self, work: Callable[[], None], size: int, *, awaited: bool) -> "Deferred[None]":
        step = _Step(work=work, size=size)
        self._waiting.append(step)
        self._size += size
        if self._in_trouble or self._impatient:
            step.done.callback(None)  # nobody waits for a disk that is known to be full or slow
        if not self._busy:
            self._busy = True
            # At the end of this turn, so that all that it brings is one trip to the thread.
            going = self.clock.callLater(0 if awaited else LINGER, self._go)
            self._lingering = None if awaited else going
        elif awaited and self._lingering is not None:
            self._lingering.reset(0)
            self._lingering = None
        return step.done

    def _go(self) -> None:
        self._lingering = None
        steps, self._waiting = self._waiting, []
        timer = self.clock.callLater(PATIENCE, self._lose_patience, steps)
        _ = self.in_thread(lambda: _perform(steps)).addCallback(self._gone, steps, timer)

    def _gone(self, left: "tuple[str, Sequence[_Step]]", steps: Sequence[_Step], timer: IDelayedCall) -> None:
        self._impatient = False
        if timer.active():
            timer.cancel()
        else:
            self._log.warn("Task logs are written again; the disk of {directory} was slow", directory=self.directory)
        trouble, undone = left
        self._size -= sum(step.size for step in steps) - sum(step.size for step in undone)
        self._waiting[:0] = undone
        self._report(trouble)
        if self._waiting:
            self.clock.callLater(AGAIN_AFTER if undone else 0, self._go)
        else:
            self._busy = False
        _fire(steps)

    def _lose_patience(self, steps: Sequence[_Step]) -> None:
        self._impatient = True
        self._log.warn("Task logs wait for the disk of {directory}", directory=self.directory)
        _fire([*steps, *self._waiting])

    def _report(self, trouble: str) -> None:
        if trouble and not self._in_trouble:
            self._log.error(
                "Task logs cannot be written to {directory}: {trouble}", directory=self.directory, trouble=trouble
            )
        elif not trouble and self._in_trouble:
            self._log.info("Task logs can be written to {directory} again", directory=self.directory)
        self._in_trouble = bool(trouble)


def _fire(steps: Sequence[_Step]) -> None:
    for step in steps:
        if not step.done.called:
            step.done.callback(None)


def _perform(steps: Sequence[_Step]) -> "tuple[str, Sequence[_Step]]":
    """Return what was wrong, if anything, and what is to be done again when that has passed."""
    trouble = ""
    for number, step in enumerate(steps):
        try:
            step.work()
        except OSError as e:  # noqa: PERF203 one bad file must not stop the others
            trouble = str(e)
            if e.errno in _PASSING:
                return trouble, steps[number:]
    return trouble, ()


def _append(path: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileNotFoundError:
        make_folders(Path(path).parent)
        descriptor = os.open(path, flags, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _rotate(path: Path) -> None:
    if not path.exists():
        return
    for old, new in rotation(path.name, [entry.name for entry in path.parent.iterdir()]):
        path.with_name(old).rename(path.with_name(new))
