"""
Records as JSON, and back: their fields by name, without those that have their usual value.

Reading is strict: a field of another type, one that is missing, and one that is unknown are mistakes.
"""

import base64
import math
from collections.abc import Mapping
from typing import Any

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError, StructureHandlerNotFoundError

from flamenco_mgr.storekeeping.records import KINDS, NAMES, Record

_MOST = 1 << 63

_converter = Converter(omit_if_default=True, forbid_extra_keys=True)


def _flag(value: Any, _kind: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{value!r:.60} is no bool")
    return value


def _text(value: Any, _kind: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r:.60} is no str")
    value.encode()  # which fails for half a character
    return value


def _whole(value: Any, _kind: Any) -> int:
    if type(value) is not int or not -_MOST <= value < _MOST:
        raise TypeError(f"{value!r:.60} is no number that a database has")
    return value


def _number(value: Any, _kind: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _whole(value, _kind)


def _bytes(value: Any, _kind: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return base64.b64decode(value, validate=True)


_converter.register_structure_hook(str, _text)
_converter.register_structure_hook(int, _whole)
_converter.register_structure_hook(bool, _flag)
_converter.register_structure_hook(float, _number)
_converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _kind: value)
_converter.register_structure_hook(bytes, _bytes)
_converter.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode("ascii"))


class NotARecord(ValueError):
    """What was read is no record of this kind; its text says why."""


def to_document(record: Record) -> dict[str, Any]:
    """Return a record as a new JSON object; its kind is not in it."""
    document: dict[str, Any] = _converter.unstructure(record)
    return document


def from_document(name: str, document: Any) -> Record:
    """Return the record of a kind, by its name, that a JSON object tells; `NotARecord` if it tells none."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotARecord(f"there is no kind {name!r:.40} of records")
    if not isinstance(document, Mapping):
        raise NotARecord(f"{document!r:.60} is no object")
    try:
        record: Record = _converter.structure(document, kind)
    except (BaseValidationError, ForbiddenExtraKeysError, StructureHandlerNotFoundError) as e:
        raise NotARecord("; ".join(transform_error(e))[:300]) from None
    return record


def named(record: Record) -> tuple[str, dict[str, Any]]:
    """Return the name of a record's kind, and its JSON object."""
    return NAMES[type(record)], to_document(record)
