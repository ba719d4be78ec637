"""Values of the domain as BSON, and back: what is empty is absent, what BSON cannot hold as it is, is JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import bson
from bson import ObjectId
from bson.errors import InvalidBSON, InvalidDocument, InvalidStringData

from flamenco_mgr.domain.tasks import Command, FailedBy, Progress

Document = dict[str, Any]

ABSENT: Final = object()
"""What a field without a value is written as: not at all."""

LARGEST = 15 << 20
"""Bytes of a document that is stored; MongoDB's bound is a megabyte higher, which is left for what is added later."""

_ID = re.compile(r"[0-9a-f]{24}\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOST = 1 << 63
_SEARCHED = 200
"""Letters of a name by which it is looked for."""

_DEEPEST = 64
"""Levels; MongoDB takes a hundred, of the whole document."""

# pymongo raises SystemError for binary data of subtype 255, which it reads itself.
_ENCODING_FAILED = (
    *(InvalidBSON, InvalidDocument, InvalidStringData),
    *(OverflowError, RecursionError, SystemError, UnicodeError),
)


def from_id(text: str) -> Any:
    """Return an id as an ObjectId; a text that is none stays one."""
    return ObjectId(text) if _ID.match(text) else text


def to_id(value: Any) -> str:
    """Return an id as a text; empty if there is none."""
    return "" if value is None else str(value)


def key_of(update_id: str) -> str:
    """Return an id as a name of a field, in which ``.`` and ``$`` would have a meaning."""
    return update_id if update_id.isalnum() else "x" + update_id.encode("utf-8", "surrogatepass").hex()


def from_time(seconds: float | None) -> Any:
    """Return a time, in seconds since 1970, UTC, as a date; to the millisecond, as BSON has them."""
    return ABSENT if seconds is None else _EPOCH + timedelta(milliseconds=round(seconds * 1000))


def date_or_none(seconds: float | None) -> Any:
    """Return a time as a date to compare a field with, which is absent, or null, without one."""
    return None if seconds is None else from_time(seconds)


def to_time(value: Any) -> float | None:
    """Return the time of a date, in seconds since 1970, UTC."""
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)).timestamp()


def small(name: str) -> str:
    """Return the beginning of a name as it is looked for, in small letters."""
    return name[:_SEARCHED].lower()


def from_failed_by(failed_by: Sequence[FailedBy]) -> list[Document]:
    """Return workers that failed as a list of documents."""
    return [{"id": from_id(failed.id), "identifier": failed.identifier} for failed in failed_by]


def to_failed_by(value: Any) -> tuple[FailedBy, ...]:
    """Return the workers that failed of a list of documents."""
    return tuple(FailedBy(id=to_id(one["id"]), identifier=one.get("identifier") or "") for one in value or ())


def from_progress(progress: Progress | None) -> Any:
    """Return a progress as a document."""
    if progress is None:
        return ABSENT
    return {
        "task": progress.task_percentage,
        "index": progress.command_index,
        "command": progress.command_percentage,
    }


def to_progress(value: Any) -> Progress | None:
    """Return the progress of a document."""
    if not value:
        return None
    return Progress(task_percentage=value["task"], command_index=value["index"], command_percentage=value["command"])


def from_timing(timing: Mapping[str, float]) -> tuple[Any, Any]:
    """Return seconds by name as a document, or, if a name cannot be one of a field, as JSON."""
    if not timing:
        return ABSENT, ABSENT
    return (dict(timing), ABSENT) if is_plain(timing) else (ABSENT, json.dumps(dict(timing)))


def to_timing(metrics: Any, text: Any) -> Mapping[str, float]:
    """Return the seconds by name of the original's ``metrics``, or of JSON."""
    timing: Mapping[str, float] = json.loads(text) if text else (metrics or {}).get("timing") or {}
    return timing


def from_commands(commands: Sequence[Command]) -> tuple[list[Document], Any]:
    """Return commands as the original stores them, or, if BSON cannot hold them as they are, none of them and JSON."""
    documents = [{"name": command.name, "settings": dict(command.settings)} for command in commands]
    return (documents, ABSENT) if is_plain(documents) else ([], json.dumps(documents))


def to_commands(documents: Any, text: Any) -> tuple[Command, ...]:
    """Return commands of documents, or of JSON."""
    listed = json.loads(text) if text else documents or ()
    return tuple(Command(name=one["name"], settings=one.get("settings") or {}) for one in listed)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value of JSON comes back from any MongoDB as it went in."""
    if isinstance(value, str):
        return value.isascii() or not _has_surrogates(value)
    if isinstance(value, Mapping):
        return depth < _DEEPEST and all(
            _is_plain_name(name) and is_plain(item, depth + 1) for name, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return depth < _DEEPEST and all(is_plain(item, depth + 1) for item in value)
    return not isinstance(value, int) or -_MOST <= value < _MOST


def _is_plain_name(name: str) -> bool:
    return not name.startswith("$") and "." not in name and "\x00" not in name and not _has_surrogates(name)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def misfit(document: Document) -> str:
    """Return why a document cannot be stored, for people; empty if it can be."""
    try:
        size = len(bson.encode(document))
    except _ENCODING_FAILED as e:
        return f"MongoDB cannot hold it: {ascii(str(e))[:200]}"
    return f"it is {size / (1 << 20):.1f} MiB, of at most {LARGEST >> 20}" if size > LARGEST else ""
