"""JSON from outside: read strictly, and made harmless."""

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

_LONGEST_INTEGER = 300
"""Digits; no number of the farm comes near, and reading longer ones takes quadratic time."""

MOST_VALUES = 250_000
"""Values in one text; a body of megabytes that is all brackets would stop everything for seconds."""

_SMALL = 1 << 18
"""Bytes of a text that cannot hold so many."""

# A string without escapes, or one that never ends: else the search would begin anew at each of its quotes.
_STRINGS = re.compile(rb'"[^"]*(?:"|\Z)')
_BLANKS = re.compile(rb"[ \t\r\n]*")
_HARMFUL = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


class BadJSON(ValueError):
    """A text that is no JSON, or none that can be read; its own text says why, for people."""


def parsed(body: bytes) -> object:
    """
    Return the first JSON value of a body; what follows it is ignored (worker-api.md 4).

    Raises `BadJSON` for whatever makes a reader give up: bad UTF-8, NaN and infinities, numbers of hundreds of digits,
    deep nesting, and so many values that reading them would take seconds.
    """
    if len(body) > _SMALL and _values(body) > MOST_VALUES:
        raise BadJSON(f"it has more than {MOST_VALUES} values")
    blanks = _BLANKS.match(body)
    start = blanks.end() if blanks else 0
    if start == len(body):
        raise BadJSON("there is no body")
    try:
        value: object
        value, _ = _DECODER.raw_decode(body[start:].decode() if start else body.decode())
    except RecursionError:
        raise BadJSON("it is nested too deeply") from None
    except (ValueError, OverflowError) as e:
        raise BadJSON(str(e)[:200]) from None
    return value


def parsed_object(body: bytes) -> Mapping[str, object]:
    """Return the JSON object that a body is; raises `BadJSON` if it is none."""
    value = parsed(body)
    if not isinstance(value, dict):
        raise BadJSON("it is not an object")
    return value


def harmless(text: str) -> str:
    """Return a text without what databases and encoders stumble over: NULs and lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return _HARMFUL.sub(_REPLACEMENT, text)


def _values(body: bytes) -> int:
    """Return about how many values a text has: there is one behind each of these characters."""
    rest = _STRINGS.sub(b"", body.replace(b"\\\\", b"").replace(b'\\"', b""))
    return sum(rest.count(mark) for mark in (b",", b"[", b"{"))


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise BadJSON("a number has too many digits")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadJSON("a number is too large")
    return number


def _no_number(name: str) -> NoReturn:
    raise BadJSON(f"{name} is not a number of JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_no_number)
