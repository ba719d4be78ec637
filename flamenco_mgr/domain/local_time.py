"""
The clock on the wall of the Manager's machine, with its days that have 23 or 25 hours.

All that is known of the time zone is how many seconds the wall clock is ahead of UTC at an instant: the argument
``offset``. Instants are seconds since 1970, UTC.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

Offset = Callable[[float], float]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOST_AHEAD = 16 * 3600
"""Seconds; more than any wall clock is ahead of UTC, or behind."""


def wall_clock(now: float, offset: Offset) -> datetime:
    """Return what the wall clock shows at an instant, as a date and time of no zone."""
    return (_EPOCH + timedelta(seconds=now + offset(now))).replace(tzinfo=None)


def instant(day: date, minutes: int, offset: Offset) -> float:
    """
    Return the first instant at which it is that late, in minutes since midnight, on a day, or later.

    A time that the clock shows twice on that day is thus its first, and one that it skips is when it does.
    """
    shown = float((day - _EPOCH.date()).days * 86400 + minutes * 60)
    before, after = offset(shown - _MOST_AHEAD), offset(shown + _MOST_AHEAD)
    early = shown - before
    if before == after:
        return early
    turned = _turn(shown - _MOST_AHEAD, shown + _MOST_AHEAD, offset)
    return early if early < turned else max(turned, shown - after)


def utc(instant: float) -> float:  # noqa: ARG001 it is the same at all of them
    """Return how far UTC is ahead of itself: the zone of a machine that has none."""
    return 0.0


def zone_name(now: float, offset: Offset) -> str:
    """Return the zone at an instant, for people: ``UTC+01:00``."""
    minutes = round(offset(now) / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _turn(start: float, end: float, offset: Offset) -> float:
    """Return the first second at which the wall clock is set as it is at the end."""
    before, after = int(start), int(end)
    there = offset(end)
    while after - before > 1:
        middle = (before + after) // 2
        if offset(middle) == there:
            after = middle
        else:
            before = middle
    return float(after)
