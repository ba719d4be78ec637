"""What a Worker reads out of the Manager's answers, as strictly as the real one."""

import json
from collections.abc import Iterator, Mapping

from attrs import frozen

_VERDICT_KEYS = {"may_keep_running", "reason", "status_requested"}


class Malformed(Exception):
    """An answer that makes the real Worker stumble; says why."""


@frozen(kw_only=True)
class Verdict:
    """The answer to may-i-run."""

    may_keep_running: bool
    reason: str = ""
    status_requested: str | None = None


@frozen(kw_only=True)
class HandedCommand:
    """One command of a task, its variables replaced by the Manager."""

    name: str
    settings: Mapping[str, object]


@frozen(kw_only=True)
class HandedTask:
    """
    A task as the Manager gave it out.

    ``trouble`` says what about its commands the Worker will fail at; then there are none.
    """

    id: str
    job: str = ""
    name: str = ""
    task_type: str = ""
    commands: tuple[HandedCommand, ...] = ()
    trouble: str = ""


def worker_id(body: bytes) -> str:
    """Return the id in the answer to a registration (worker-api.md 4.1)."""
    return _text(_json_object(body), "_id")


def verdict(body: bytes) -> Verdict:
    """Return the answer to may-i-run, which has no other than its three keys (worker-api.md 4.6)."""
    document = _json_object(body)
    unknown = document.keys() - _VERDICT_KEYS
    if unknown:
        raise Malformed(f"unknown keys: {', '.join(sorted(unknown))}")
    may = document.get("may_keep_running")
    if not isinstance(may, bool):
        raise Malformed("may_keep_running is not a boolean")
    reason, requested = document.get("reason"), document.get("status_requested")
    if not isinstance(reason, str | None) or not isinstance(requested, str | None):
        raise Malformed("reason or status_requested is not a text")
    return Verdict(may_keep_running=may, reason=reason or "", status_requested=requested or None)


def locked_status(body: bytes) -> str:
    """Return the status that a 423 asks for, which has no other than this one key (worker-api.md 4.3)."""
    document = _json_object(body)
    if document.keys() - {"status_requested"}:
        raise Malformed("keys besides status_requested")
    return _text(document, "status_requested")


def changed_status(body: bytes) -> str:
    """Return the status that a sleeping worker is asked to take (worker-api.md 4.7)."""
    return _text(_json_object(body), "status_requested")


def handed_task(body: bytes) -> HandedTask:
    """Return the task that was given out (worker-api.md 4.3)."""
    document = _json_object(body)
    task_id = _text(document, "_id")
    try:
        commands, trouble = _commands(document.get("commands")), ""
    except Malformed as e:
        commands, trouble = (), str(e)
    job, name, task_type = (str(document.get(key, "")) for key in ("job", "name", "task_type"))
    return HandedTask(id=task_id, job=job, name=name, task_type=task_type, commands=commands, trouble=trouble)


def is_json(body: bytes) -> bool:
    """Whether a body can be parsed at all, which is what the answer to a return has to be unless it is 204."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def whole_floats(value: object, path: str) -> Iterator[str]:
    """Yield where whole numbers are written with a fraction: a command that wants an int refuses ``8.0``."""
    if isinstance(value, float) and value.is_integer():
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from whole_floats(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from whole_floats(inner, f"{path}[{index}]")


def _commands(value: object) -> tuple[HandedCommand, ...]:
    if not isinstance(value, list):
        raise Malformed("commands is not a list")
    return tuple(_command(command) for command in value)


def _command(value: object) -> HandedCommand:
    if not isinstance(value, dict):
        raise Malformed("a command is not an object")
    name, settings = value.get("name"), value.get("settings")
    if not isinstance(name, str) or not name:
        raise Malformed("a command has no name")
    if not isinstance(settings, dict):
        raise Malformed(f"the settings of {name} are not an object")
    return HandedCommand(name=name, settings=settings)


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise Malformed(f"{key} is missing, or not a text")
    return value


def _json_object(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except ValueError as e:
        raise Malformed("not JSON") from e
    if not isinstance(document, dict):
        raise Malformed("not a JSON object")
    return document
