"""When a worker is to sleep (task-lifecycle.md 14)."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from attrs import frozen

from flamenco_mgr.domain.local_time import Offset, instant, wall_clock

DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST_NAME = 2
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2})")
_HOUR = 60
_MIDNIGHT = 24 * _HOUR
_DAY = timedelta(days=1)
_SHOWN = 40


class BadSchedule(ValueError):
    """What somebody wants to be a schedule makes no sense; the text says why, for people."""


@frozen(kw_only=True)
class SleepSchedule:
    """
    A worker's week.

    ``days`` are two letters each, ``mo`` to ``su``; none means every day. ``start`` and ``end`` are ``HH:MM`` in the
    time of the Manager's machine, None for the beginning and the end of the day. ``next_check`` is when the schedule
    acts again, in seconds since 1970, UTC; None: at once.
    """

    active: bool = False
    days: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    next_check: float | None = None

    @property
    def text(self) -> str:
        """The schedule in a few words, for people."""
        hours = f"{self.start or '00:00'} to {self.end or '24:00'}"
        return f"{' '.join(self.days) or 'every day'}, {hours}" + ("" if self.active else ", which is not active")


NO_SCHEDULE = SleepSchedule()
"""The week of a worker of which nothing was ever said."""


def days(text: str) -> tuple[str, ...]:
    """
    Return the days that a text names, each once and in the order of the week.

    They are English names, or their beginnings of at least two letters, with white space in between (dashboard.md W15).
    """
    named = {_day(word) for word in set(text.split())}
    return tuple(day for day in DAYS if day in named)


def time_of_day(text: str) -> str | None:
    """Return a time from 00:00 to 24:00 as it is kept, None for the empty text (dashboard.md W15)."""
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadSchedule(f"{_shown(text)} is no time of day: it is written as HH:MM")
    hour, minute = (int(number) for number in found.groups())
    if minute >= _HOUR or hour * _HOUR + minute > _MIDNIGHT:
        raise BadSchedule(f"{_shown(text)} is no time of day: they go from 00:00 to 24:00")
    return f"{hour:02}:{minute:02}"


def is_due(schedule: SleepSchedule, now: float) -> bool:
    """Whether a schedule is to act now."""
    return schedule.active and (schedule.next_check is None or schedule.next_check <= now)


def is_night(schedule: SleepSchedule, now: float, offset: Offset) -> bool:
    """
    Whether the schedule's worker is to sleep at an instant, or else to be awake.

    The start itself is for sleeping, the end is not. A night, with its start after its end, belongs to the day that it
    starts on. A worker is to be awake on days that are not listed (task-lifecycle.md 21.32).
    """
    today = wall_clock(now, offset).date()
    return any(
        _is_listed(schedule, day) and begins <= now < ends
        for day, begins, ends in _nights(schedule, (today - _DAY, today), offset)
    )


def next_check(schedule: SleepSchedule, now: float, offset: Offset) -> float:
    """Return when the schedule acts next: at the next start, end or midnight, whichever is the first."""
    today = wall_clock(now, offset).date()
    around = (today - _DAY, today, today + _DAY)
    instants = [instant(day, 0, offset) for day in (*around, today + 2 * _DAY)]
    for _, begins, ends in _nights(schedule, around, offset):
        instants += [begins, ends]
    return min(one for one in instants if one > now)


def _nights(schedule: SleepSchedule, days: tuple[date, ...], offset: Offset) -> Iterator[tuple[date, float, float]]:
    start, end = _minutes(schedule.start, 0), _minutes(schedule.end, _MIDNIGHT)
    for day in days:
        last = day + _DAY if start > end else day
        yield day, instant(day, start, offset), instant(last, end, offset)


def _is_listed(schedule: SleepSchedule, day: date) -> bool:
    return not schedule.days or DAYS[day.weekday()] in schedule.days


def _minutes(time: str | None, default: int) -> int:
    if time is None:
        return default
    hour, _, minute = time.partition(":")
    return int(hour) * _HOUR + int(minute)


def _day(word: str) -> str:
    begins = word.lower()
    if len(begins) >= _SHORTEST_NAME:
        for day, name in zip(DAYS, _NAMES, strict=True):
            if name.startswith(begins):
                return day
    raise BadSchedule(f"{_shown(word)} is no day of the week: they are {', '.join(DAYS)}, or whole English names")


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
