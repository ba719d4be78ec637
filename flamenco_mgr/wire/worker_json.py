"""What Workers send and get as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from flamenco_mgr.domain.reporting import Report
from flamenco_mgr.domain.running import Verdict
from flamenco_mgr.domain.stamps import iso_milliseconds
from flamenco_mgr.domain.tasks import Command, Progress, Task
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.wire.numbers import without_fractions
from flamenco_mgr.wire.strict_json import harmless, parsed_object

LONGEST_SECRET = 72
"""Bytes of a worker's secret; bcrypt looks at no more."""

LONGEST_NAME = 255
"""Characters of names: of workers, platforms, task types, statuses, timings."""

LONGEST_ACTIVITY = 10_000
"""Characters; the rest of a longer activity is cut off."""

MOST_TASK_TYPES = 100
MOST_TIMINGS = 100
MOST_PATHS = 100
HIGHEST_INDEX = 2**31 - 1

_MANY_KEYS = 1000


class BadDocument(ValueError):
    """A JSON object that does not say what it has to; its text names the key, for people."""


@frozen(kw_only=True)
class RegistrationBody:
    """The body of a registration (worker-api.md 4.1)."""

    secret: str = field(repr=False)
    platform: str
    supported_task_types: tuple[str, ...]
    nickname: str


@frozen(kw_only=True)
class SignOnBody:
    """The body of a sign-on; what it does not say is empty (worker-api.md 4.2)."""

    supported_task_types: tuple[str, ...]
    nickname: str


def registration(body: bytes) -> RegistrationBody:
    """Read a registration; raises `BadJSON` or `BadDocument`."""
    document = _fields(parsed_object(body))
    return RegistrationBody(
        secret=_secret(document.get("secret")),
        platform=_name(document, "platform"),
        supported_task_types=_task_types(document),
        nickname=_name(document, "nickname"),
    )


def sign_on(body: bytes) -> SignOnBody:
    """Read a sign-on; raises `BadJSON` or `BadDocument`."""
    document = _fields(parsed_object(body))
    return SignOnBody(supported_task_types=_task_types(document), nickname=_name(document, "nickname"))


def report(body: bytes) -> Report:
    """
    Read what a worker reports of a task; raises `BadJSON` only if it is no JSON object.

    A worker repeats a refused report for ever, so whatever can be left out is (worker-api.md 4.4).
    """
    document = _fields(parsed_object(body))
    return Report(
        status=_text(document.get("task_status"))[:LONGEST_NAME] or None,
        activity=_text(document.get("activity"))[:LONGEST_ACTIVITY],
        progress=_progress(document),
        timing=_timing(document.get("metrics")),
        log=_text(document.get("log")),
    )


def output_paths(body: bytes) -> tuple[str, ...]:
    """
    Read which files a worker has written; raises `BadJSON` or `BadDocument`.

    There are only a few places for them (worker-api.md 4.9), so those beyond a hundred are left out.
    """
    return _texts(_fields(parsed_object(body)), "paths")[:MOST_PATHS]


def task_document(task: Task, commands: Sequence[Command]) -> dict[str, Any]:
    """Return a task as the worker gets it that is to run it (worker-api.md 4.3)."""
    document: dict[str, Any] = {
        "_id": task.id,
        "job": task.job,
        "manager": task.manager,
        "project": task.project,
        "user": task.user,
        "name": task.name,
        "status": task.status,
        "priority": task.priority,
        "job_priority": task.job_priority,
        "job_type": task.job_type,
        "task_type": task.task_type,
        "commands": [{"name": command.name, "settings": without_fractions(command.settings)} for command in commands],
    }
    optional: dict[str, Any] = {
        "_etag": task.etag,
        "log": task.log,
        "activity": task.activity,
        "parents": list(task.parents),
        "worker": task.worker,
        "failed_by_workers": [{"id": failed.id, "identifier": failed.identifier} for failed in task.failed_by],
        "metrics": {"timing": dict(task.timing)} if task.timing else None,
    }
    document.update((key, value) for key, value in optional.items() if value)
    return document


def worker_document(worker: Worker) -> dict[str, Any]:
    """Return a worker as it is told about itself: never its secret, nor that secret's hash (worker-api.md 4.1)."""
    document: dict[str, Any] = {
        "_id": worker.id,
        "nickname": worker.nickname,
        "address": worker.address,
        "status": worker.status,
        "platform": worker.platform,
        "time_cost": 0,
        "supported_task_types": list(worker.supported_task_types),
        "software": worker.software,
        "status_requested": worker.status_requested or "",
        "lazy_status_request": worker.lazy_status_request,
        "sleep_schedule": {"schedule_active": False},
    }
    if worker.current_task:
        document["current_task"] = worker.current_task
    if worker.current_task_status:
        document["current_task_status"] = worker.current_task_status
    if worker.current_task_updated is not None:
        document["current_task_updated"] = iso_milliseconds(worker.current_task_updated)
    if worker.last_activity is not None:
        document["last_activity"] = iso_milliseconds(worker.last_activity)
    return document


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return the answer to a worker that asks whether to go on: three keys at most, or it never asks again."""
    document: dict[str, Any] = {"may_keep_running": verdict.may_keep_running}
    if verdict.reason:
        document["reason"] = verdict.reason
    if verdict.status_requested:
        document["status_requested"] = verdict.status_requested
    return document


def _fields(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return an object with its keys in lower case, where the exact spelling wins; one of very many keys as it is."""
    if len(document) > _MANY_KEYS:
        return document
    lowered = {key.lower(): value for key, value in document.items()}
    return lowered if lowered.keys() == document.keys() else {**lowered, **document}


def _text(value: object) -> str:
    return harmless(value) if isinstance(value, str) else ""


def _integer(value: object, highest: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return min(max(int(value), 0), highest)


def _progress(document: Mapping[str, object]) -> Progress | None:
    task = _integer(document.get("task_progress_percentage"), 100)
    index = _integer(document.get("current_command_idx"), HIGHEST_INDEX)
    command = _integer(document.get("command_progress_percentage"), 100)
    if task is None and index is None and command is None:
        return None
    return Progress(task_percentage=task or 0, command_index=index or 0, command_percentage=command or 0)


def _timing(metrics: object) -> dict[str, float]:
    if not isinstance(metrics, dict):
        return {}
    timing = _fields(metrics).get("timing")
    if not isinstance(timing, dict):
        return {}
    measured: dict[str, float] = {}
    for name, value in timing.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _is_plain(name):
            measured[name] = float(value)
        if len(measured) == MOST_TIMINGS:
            break
    return measured


def _is_plain(name: str) -> bool:
    # The Server's database takes no keys that begin with a dollar; the whole batch of updates would be refused.
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and not name.startswith("$")


def _secret(value: object) -> str:
    if value is None or value == "":
        raise BadDocument("secret is missing")
    if not isinstance(value, str):
        raise BadDocument("secret is not a string")
    if harmless(value) != value:
        raise BadDocument("secret has a NUL or half a character in it")
    if len(value.encode()) > LONGEST_SECRET:
        raise BadDocument(f"secret is longer than {LONGEST_SECRET} bytes")
    return value


def _name(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadDocument(f"{key} is not a string")
    if len(value) > LONGEST_NAME:
        raise BadDocument(f"{key} is longer than {LONGEST_NAME} characters")
    return _one_line(harmless(value))


def _one_line(name: str) -> str:
    # Names stand in lines of logs.
    return name if name.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _texts(document: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadDocument(f"{key} is not a list of strings")
    return tuple(harmless(item) for item in value)


def _task_types(document: Mapping[str, object]) -> tuple[str, ...]:
    types = _texts(document, "supported_task_types")
    if len(types) > MOST_TASK_TYPES:
        raise BadDocument(f"supported_task_types has more than {MOST_TASK_TYPES} entries")
    if any(len(task_type) > LONGEST_NAME for task_type in types):
        raise BadDocument(f"an entry of supported_task_types is longer than {LONGEST_NAME} characters")
    return tuple(_one_line(task_type) for task_type in types)
