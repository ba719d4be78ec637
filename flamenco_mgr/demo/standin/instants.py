"""The Server's time, and how it is written on the wire; an instant is an int of milliseconds since 1970, UTC."""

import re
from datetime import datetime, timedelta, timezone
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Final

from attrs import define
from twisted.internet.interfaces import IReactorTime

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ISO_8601: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.(?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?\Z",
    re.ASCII | re.IGNORECASE,
)


@define(eq=False, kw_only=True)
class ServerTime:
    """
    The Server's clock: the injected one's seconds since ``epoch``, which is given in seconds since 1970.

    ``offset`` is by how many seconds the clock is wrong; it can be set at any time.
    """

    clock: IReactorTime
    epoch: float = 0.0
    offset: float = 0.0

    def now(self) -> int:
        """Return the instant that the Server believes it is."""
        return round((self.epoch + self.clock.seconds() + self.offset) * 1000)


def rfc_1123(instant: int) -> str:
    """Return an instant as in JSON answers and HTTP headers, to the second: ``Tue, 12 Nov 2019 13:57:09 GMT``."""
    return _second_as_text(instant // 1000)


@lru_cache(maxsize=4096)
def _second_as_text(second: int) -> str:
    return formatdate(second, usegmt=True)


def from_rfc_1123(text: str) -> int:
    """Return the instant that `rfc_1123` has written, to the second."""
    return (parsedate_to_datetime(text) - _EPOCH) // _MILLISECOND


def iso_8601(instant: int) -> str:
    """Return an instant as in ``X-Flamenco-Last-Updated``: without a fraction when that is zero (server-api.md 3.3)."""
    return (_EPOCH + instant * _MILLISECOND).isoformat()


def microseconds(text: str) -> int:
    """
    Return the microseconds since 1970 of an ISO 8601 text, which is UTC when it has no offset (server-api.md 5.2).

    Raises ValueError for what the Server could not read either.
    """
    found = _ISO_8601.match(text.strip())
    if found is None:
        raise ValueError(f"no date and time: {text[:80]!r}")
    date = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=timezone.utc)
    time = timedelta(
        hours=int(found["hour"] or 0),
        minutes=int(found["minute"] or 0),
        seconds=int(found["second"] or 0),
        microseconds=int((found["fraction"] or "").ljust(6, "0")[:6]),
    )
    try:
        instant = date + time - _zone(found["zone"])
    except OverflowError as e:
        raise ValueError(f"no date of these eras: {text!r}") from e
    return (instant - _EPOCH) // _MICROSECOND


def _zone(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -ahead if text.startswith("-") else ahead
