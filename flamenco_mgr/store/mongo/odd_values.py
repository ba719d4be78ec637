"""
Single values of a database that the original Manager wrote, or somebody's hand: what each of them can only mean.

Each function takes a value as BSON gives it. It returns the value itself if that is as the Manager writes it, another
one that means the same, or `ABSENT` where nothing is meant; it raises `Senseless` if no reading makes sense.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final

from bson import Binary, CodecOptions, Decimal128, ObjectId
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS

from flamenco_mgr.domain.ids import normal_id

ABSENT: Final = object()
"""Nothing is there, or nothing that says anything."""

LENIENT: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
)
"""How BSON is read so that one value that Python does not have spoils no document, and none of its neighbours."""

_LARGEST = 2**53
_DEEPEST = 64
_BCRYPT = b"$2"
_BCRYPT_LENGTH = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SENDABLE = (str, int, float, type(None))

Kind = Callable[[Any], Any]


class Senseless(ValueError):
    """A value with no meaning where it stands; the text says what it is, as the end of a sentence that names it."""


def text(value: Any) -> Any:
    """Read a text."""
    return _of(value, str)


def header_text(value: Any) -> Any:
    """Read a text that goes into a header of HTTP."""
    if not text(value).isascii() or not value.isprintable():
        raise Senseless("has characters that no header can carry")
    return value


def flag(value: Any) -> Any:
    """Read a yes or no; 0 and 1 are that, too."""
    if not isinstance(value, bool) and value in (0, 1):
        return bool(value)
    return _of(value, bool)


def whole(value: Any) -> Any:
    """Read a whole number of any of BSON's kinds; the fraction of one that has any is cut off, as the original does."""
    number = _decimal(value) if isinstance(value, Decimal128) else value
    if isinstance(number, bool) or not isinstance(number, (int, float, Decimal)):
        raise _not_a("number", value)
    is_finite = number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)
    if not is_finite or not -_LARGEST <= number <= _LARGEST:
        raise Senseless(f"is {value}")
    return value if isinstance(value, int) else int(number)


def object_id(value: Any) -> Any:
    """Read an id; its 24 hexadecimal digits as a text will do, and the empty text means none."""
    if value == "":
        return ABSENT
    if isinstance(value, ObjectId):
        return value
    digits = normal_id(value)
    if digits is None:
        raise _not_a("id", value)
    return ObjectId(digits)


def moment(value: Any) -> Any:
    """Read a time; one as ISO 8601 writes it will do. What is before 1970 is none: the original's zero is year 1."""
    if isinstance(value, str):
        value = _instant(value)
    if isinstance(value, DatetimeMS):
        raise Senseless("is a time that no calendar has")
    if not isinstance(value, datetime):
        raise _not_a("time", value)
    aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
    return ABSENT if aware < _EPOCH else value


def ids(value: Any) -> Any:
    """Read a list of ids."""
    return _each(value, _present_id)


def texts(value: Any) -> Any:
    """Read a list of texts."""
    return _each(value, text)


def failed_by(value: Any) -> Any:
    """Read a list of workers that failed at a task."""
    return _each(value, _failed)


def commands(value: Any) -> Any:
    """Read a task's commands: each has a name, and settings that JSON can hold."""
    return _each(value, _command)


def metrics(value: Any) -> Any:
    """Read what was measured: ``timing``, if there is any, is seconds by name."""
    timing = _of(value, dict).get("timing")
    if timing is None:
        return value
    for seconds in _of(timing, dict).values():
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not abs(seconds) <= _LARGEST:
            raise Senseless("has a timing that is no number of seconds")
    return value


def secret(value: Any) -> Any:
    """Read the hash of a worker's secret."""
    found = value.encode("ascii", "replace") if isinstance(value, str) else value
    if not isinstance(found, bytes) or not found.startswith(_BCRYPT) or len(found) != _BCRYPT_LENGTH:
        raise Senseless("is no bcrypt hash")  # and is not shown
    return Binary(found) if isinstance(value, str) else value


def _of(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _not_a(_NAMES[kind], value)
    return value


_NAMES: dict[type, str] = {str: "text", bool: "yes or no", dict: "document", list: "list"}


def _not_a(wanted: str, value: Any) -> Senseless:
    if isinstance(value, Decimal128):
        value = _decimal(value)
    shown = type(value).__name__ if isinstance(value, (dict, list)) else repr(value)[:60]
    return Senseless(f"is no {wanted}: {shown}")


def _decimal(value: Decimal128) -> Decimal:
    try:
        return value.to_decimal()
    except ArithmeticError:  # which its text would raise as well
        raise Senseless("is a decimal number of more digits than there are") from None


def _each(value: Any, read: Kind) -> Any:
    entries: Sequence[Any] = _of(value, list)
    found = [read(entry) for entry in entries]
    same = all(new is old for new, old in zip(found, entries, strict=True))
    return value if same else found


def _present_id(value: Any) -> Any:
    found = object_id(value)
    if found is ABSENT:
        raise _not_a("id", value)
    return found


def _failed(value: Any) -> Any:
    worker = _present_id(_of(value, dict).get("id"))
    identifier = value.get("identifier")
    named = "" if identifier is None else text(identifier)
    same = worker is value["id"] and named is identifier
    return value if same else {**value, "id": worker, "identifier": named}


def _command(value: Any) -> Any:
    if not text(_of(value, dict).get("name")):
        raise Senseless("has one without a name")
    settings = value.get("settings")
    if settings is None:
        return {**value, "settings": {}}
    _sendable(_of(settings, dict), 0)
    return value


def _sendable(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise Senseless("are nested too deeply")
    if isinstance(value, (list, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            _sendable(entry, depth + 1)
    elif not isinstance(value, _SENDABLE):
        raise Senseless(f"have a setting that cannot be sent to a worker: {type(value).__name__}")


def _instant(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise _not_a("time", value) from None
