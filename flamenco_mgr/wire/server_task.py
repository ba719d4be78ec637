"""The Server's document of a task (server-api.md 3.4)."""

import math
import re
from collections.abc import Mapping
from typing import Any

from flamenco_mgr.domain.assigning import NOBODY
from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.tasks import KNOWN, UNKNOWN_TYPE, Command, FailedBy, Progress, ServerTask, Task
from flamenco_mgr.wire.server_json import BadDocument, parsed, sound

_DEEPEST = 32
_LARGEST = 2**53
_ENTIRE = 100
_AN_ID = re.compile(rb'"_id"\s*:\s*"([0-9a-fA-F]{24})"')


def server_task(text: bytes) -> ServerTask:
    """Return the task that a JSON text describes, or raise `BadDocument`."""
    return described(parsed(text))


def described(document: object) -> ServerTask:
    """
    Return the task that a document describes, or raise `BadDocument` for its first mistake.

    What the Server only repeats of what it was told (activity, progress, timing, who failed) is passed over when it
    makes no sense; unknown fields are ignored.
    """
    if not isinstance(document, dict):
        raise BadDocument("", "is not an object")
    task_id = _id(document, "_id")
    task = Task(
        id=task_id,
        job=_id(document, "job"),
        status=_status(document),
        name=_text(document, "name"),
        priority=_integer(document, "priority"),
        job_priority=_integer(document, "job_priority"),
        job_type=_text(document, "job_type"),
        task_type=_text(document, "task_type") or UNKNOWN_TYPE,
        parents=_parents(document, task_id),
        etag=_etag(document),
        manager=_id(document, "manager", needed=False),
        project=_id(document, "project", needed=False),
        user=_id(document, "user", needed=False),
        log=_repeated(document, "log"),
        activity=_repeated(document, "activity"),
        worker="" if document.get("worker") == NOBODY else _repeated(document, "worker"),
        failed_by=_failed_by(document),
        timing=_timing(document),
        progress=_progress(document),
    )
    return ServerTask(task=task, commands=_commands(document))


def _id(document: Mapping[str, Any], key: str, *, needed: bool = True) -> str:
    value = document.get(key)
    if value is None:
        if needed:
            raise BadDocument(key, "is missing")
        return ""
    found = normal_id(value)
    if found is None:
        raise BadDocument(key, f"is not an id: {_shown(value)}")
    return found


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadDocument(key, f"is not a text: {_shown(value)}")
    return sound(value)


def _repeated(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return sound(value) if isinstance(value, str) else ""


def _status(document: Mapping[str, Any]) -> str:
    status = _text(document, "status")
    if status not in KNOWN:
        raise BadDocument("status", f"is unknown: {_shown(status)}" if status else "is missing")
    return status


def _etag(document: Mapping[str, Any]) -> str:
    # It is sent back in a header: what cannot be there is as good as none.
    etag = _repeated(document, "_etag")
    return etag if etag.isascii() and etag.isprintable() else ""


def _integer(document: Mapping[str, Any], key: str) -> int:
    value = document.get(key)
    if value is None:
        return 0
    number = _whole(value)
    if number is None or abs(number) > _LARGEST:
        raise BadDocument(key, f"is not an integer: {_shown(value)}")
    return number


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value)


def _parents(document: Mapping[str, Any], task_id: str) -> tuple[str, ...]:
    listed = document.get("parents")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise BadDocument("parents", "is not a list")
    parents: dict[str, None] = {}
    for value in listed:
        parent = normal_id(value)
        if parent is None:
            raise BadDocument("parents", f"has what is not an id: {_shown(value)}")
        if parent == task_id:
            raise BadDocument("parents", "names the task itself")
        parents[parent] = None
    return tuple(parents)


def _commands(document: Mapping[str, Any]) -> tuple[Command, ...]:
    listed = document.get("commands")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise BadDocument("commands", "is not a list")
    return tuple(_command(value) for value in listed)


def _command(value: object) -> Command:
    if not isinstance(value, dict):
        raise BadDocument("commands", f"has what is not an object: {_shown(value)}")
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise BadDocument("commands", f"has one without a name: {_shown(name)}")
    settings = value.get("settings")
    if settings is None:
        settings = {}
    if not isinstance(settings, dict):
        raise BadDocument("commands", f"has settings that are not an object: {_shown(settings)}")
    return Command(name=sound(name), settings={sound(key): _clean(setting, 0) for key, setting in settings.items()})


def _clean(value: object, depth: int) -> object:
    """Return a setting's value as it can be stored and sent: sound texts, finite numbers, not too deep."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadDocument("commands", "has a number that is too large")
    if isinstance(value, (list, dict)):
        if depth == _DEEPEST:
            raise BadDocument("commands", "is nested too deeply")
        if isinstance(value, list):
            return [_clean(item, depth + 1) for item in value]
        return {sound(key): _clean(item, depth + 1) for key, item in value.items()}
    return value


def _failed_by(document: Mapping[str, Any]) -> tuple[FailedBy, ...]:
    listed = document.get("failed_by_workers")
    if not isinstance(listed, list):
        return ()
    failed: dict[str, FailedBy] = {}
    for value in listed:
        worker = normal_id(value.get("id")) if isinstance(value, dict) else None
        if worker is not None:
            failed[worker] = FailedBy(id=worker, identifier=_repeated(value, "identifier"))
    return tuple(failed.values())


def _timing(document: Mapping[str, Any]) -> dict[str, float]:
    metrics = document.get("metrics")
    timing = metrics.get("timing") if isinstance(metrics, dict) else None
    if not isinstance(timing, dict):
        return {}
    return {
        sound(name): float(seconds)
        for name, seconds in timing.items()
        if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and abs(seconds) <= _LARGEST
    }


def _progress(document: Mapping[str, Any]) -> Progress | None:
    keys = ("task_progress_percentage", "current_command_index", "command_progress_percentage")
    task, index, command = (_whole(document.get(key)) for key in keys)
    if task is None and index is None and command is None:
        return None
    return Progress(
        task_percentage=_bounded(task, _ENTIRE),
        command_index=_bounded(index, _LARGEST),
        command_percentage=_bounded(command, _ENTIRE),
    )


def _bounded(number: int | None, most: int) -> int:
    return max(0, min(number or 0, most))


def _shown(value: object) -> str:
    # A list may be long and deep; that it is one says enough.
    return type(value).__name__ if isinstance(value, (list, dict)) else ascii(value)[:60]


def id_in(text: bytes) -> str | None:
    """Return the id of the task that a text is about, even if it makes no sense otherwise; None if it names none."""
    try:
        document = parsed(text)
    except BadDocument:
        found = _AN_ID.search(text)
        return normal_id(found[1].decode("ascii", "replace")) if found else None
    return normal_id(document.get("_id")) if isinstance(document, dict) else None
