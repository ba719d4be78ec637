"""Values of the domain as columns, and back: lists and maps are JSON, the empty text when there is nothing."""

import json
from collections.abc import Mapping, Sequence

from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.tasks import Command, FailedBy, Progress

_encode = json.JSONEncoder(separators=(",", ":")).encode


def from_texts(texts: Sequence[str]) -> str:
    """Return ids or names as a column."""
    return _encode(texts) if texts else ""


def to_texts(column: str) -> tuple[str, ...]:
    """Return the ids or names of a column."""
    return tuple(json.loads(column)) if column else ()


def from_failed_by(failed_by: Sequence[FailedBy]) -> str:
    """Return the workers that failed as a column."""
    return _encode([(failed.id, failed.identifier) for failed in failed_by]) if failed_by else ""


def to_failed_by(column: str) -> tuple[FailedBy, ...]:
    """Return the workers that failed of a column."""
    if not column:
        return ()
    return tuple(FailedBy(id=worker, identifier=identifier) for worker, identifier in json.loads(column))


def from_timing(timing: Mapping[str, float]) -> str:
    """Return seconds by name as a column."""
    return _encode(dict(timing)) if timing else ""


def to_timing(column: str) -> Mapping[str, float]:
    """Return the seconds by name of a column."""
    return dict(json.loads(column)) if column else {}


def from_progress(progress: Progress | None) -> str:
    """Return a progress as a column."""
    if progress is None:
        return ""
    return f"{progress.task_percentage} {progress.command_index} {progress.command_percentage}"


def to_progress(column: str) -> Progress | None:
    """Return the progress of a column."""
    if not column:
        return None
    task, index, command = column.split(" ")
    return Progress(task_percentage=int(task), command_index=int(index), command_percentage=int(command))


def from_commands(commands: Sequence[Command]) -> str:
    """Return commands as a column."""
    return _encode([(command.name, command.settings) for command in commands])


def to_commands(column: str) -> tuple[Command, ...]:
    """Return the commands of a column."""
    return tuple(Command(name=name, settings=settings) for name, settings in json.loads(column))


def from_sleep_schedule(schedule: SleepSchedule) -> str:
    """Return a worker's week as a column; empty if nothing was ever said of it."""
    if schedule == SleepSchedule():
        return ""
    return _encode((schedule.active, schedule.days, schedule.start, schedule.end, schedule.next_check))


def to_sleep_schedule(column: str) -> SleepSchedule:
    """Return the worker's week of a column."""
    if not column:
        return SleepSchedule()
    active, days, start, end, next_check = json.loads(column)
    return SleepSchedule(active=active, days=tuple(days), start=start, end=end, next_check=next_check)
