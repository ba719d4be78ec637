"""Which files of tasks' logs are kept: so many, and for so long."""

import re
from collections.abc import Collection, Iterable
from enum import Enum, auto

from attrs import frozen

from flamenco_mgr.domain.tasks import FINISHED, Task, TaskStatus

_LOG = re.compile(r"task-([0-9a-f]{24})\.txt(?:\.gz)?(?:\.([0-9]{1,9}))?(?:\.gz)?\Z")

_RUNNING: frozenset[str] = frozenset({TaskStatus.ACTIVE, TaskStatus.CANCEL_REQUESTED})


@frozen(kw_only=True)
class LogLimits:
    """How many rotated files of a task are kept, and for how many seconds any file is; 0: without a limit."""

    max_files: int
    max_age: float

    @property
    def off(self) -> bool:
        """Whether everything is kept."""
        return not self.max_files and not self.max_age


@frozen(kw_only=True)
class LogFile:
    """A file of a task's log: its rotation's number, 0 for none, and when it changed last (seconds since 1970, UTC)."""

    name: str
    task: str
    number: int
    modified: float


class Stage(Enum):
    """Where a task is, as far as its log goes."""

    RUNNING = auto()
    WAITING = auto()
    OVER = auto()


def stage(task: Task | None) -> Stage:
    """Return where a task is; one that is not here is over."""
    if task is None or task.status in FINISHED:
        return Stage.OVER
    return Stage.RUNNING if task.status in _RUNNING else Stage.WAITING


def log_file(name: str, modified: float) -> LogFile | None:
    """Return the file of a log that has this name, None if that is no name of one."""
    match = _LOG.match(name)
    return None if match is None else LogFile(name=name, task=match[1], number=int(match[2] or 0), modified=modified)


def unwanted(files: Collection[LogFile], limits: LogLimits, stage: Stage, now: float) -> tuple[LogFile, ...]:
    """
    Return the files of one task that are beyond the limits.

    None while it runs: its worker may write, and its files may just be moved. Of a task that is not over, the log as it
    is now is kept, however old it is.
    """
    if stage is Stage.RUNNING:
        return ()
    beyond = _beyond_number(files, limits)
    return tuple(
        one
        for one in files
        if one.number in beyond
        or (limits.max_age and one.modified < now - limits.max_age and (one.number or stage is Stage.OVER))
    )


def _beyond_number(files: Iterable[LogFile], limits: LogLimits) -> frozenset[int]:
    if not limits.max_files:
        return frozenset()
    numbers = sorted({one.number for one in files if one.number})
    return frozenset(numbers[limits.max_files :])
