"""
Workers' sleep schedules as the original stores them, and as old databases have them.

``{schedule_active, days_of_week: "mo tu", start: {time: "HH:MM"}, end: {time: "HH:MM"}, next_check}``; what is empty is
absent.
"""

import re
from typing import Any

from flamenco_mgr.domain import sleeping
from flamenco_mgr.domain.sleeping import DAYS, BadSchedule, SleepSchedule
from flamenco_mgr.store.mongo import odd_values as values
from flamenco_mgr.store.mongo.encoding import ABSENT, from_time, to_time
from flamenco_mgr.store.mongo.odd_values import Senseless

_TIME = re.compile(r"[0-9]{1,2}:[0-9]{1,2}")
"""What counts of a time; the original reads no further, so that seconds, and whatever else follows, say nothing."""

_DAY = 2
"""Letters of a day that the original looks at."""


def from_schedule(schedule: SleepSchedule) -> Any:
    """Return a worker's week as a document; nothing if nothing was ever said of it."""
    if schedule == SleepSchedule():
        return ABSENT
    fields = {
        "schedule_active": schedule.active,
        "days_of_week": " ".join(schedule.days) or ABSENT,
        "start": ABSENT if schedule.start is None else {"time": schedule.start},
        "end": ABSENT if schedule.end is None else {"time": schedule.end},
        "next_check": from_time(schedule.next_check),
    }
    return {name: value for name, value in fields.items() if value is not ABSENT}


def to_schedule(value: Any) -> SleepSchedule:
    """Return the worker's week of a document; one that makes no sense is none, and nobody sleeps by it."""
    try:
        return _schedule(value)
    except Senseless:
        return SleepSchedule()


def plain(value: Any) -> Any:
    """Return a document that says plainly what one of an old database means; raises `Senseless` if that is nothing."""
    meant = from_schedule(_schedule(value))
    if meant is ABSENT:
        return value
    return value if all(value.get(name) == said for name, said in meant.items()) else {**value, **meant}


def _schedule(value: Any) -> SleepSchedule:
    if value is None:
        return SleepSchedule()
    if not isinstance(value, dict):
        raise Senseless("is no document")
    active = value.get("schedule_active")
    return SleepSchedule(
        active=False if active is None else values.flag(active),
        days=_days(value.get("days_of_week")),
        start=_time(value.get("start")),
        end=_time(value.get("end")),
        next_check=_next_check(value.get("next_check")),
    )


def _days(value: Any) -> tuple[str, ...]:
    words = [] if value is None else values.text(value).lower().split()
    named = {word[:_DAY] for word in words}
    days = tuple(day for day in DAYS if day in named)
    if words and not days:
        raise Senseless("has no day of the week among its days")
    return days


def _time(value: Any) -> str | None:
    text = value.get("time") if isinstance(value, dict) else value
    if text is None or text == "":
        return None
    found = _TIME.match(values.text(text))
    try:
        return sleeping.time_of_day(found.group() if found else text)
    except BadSchedule as e:
        raise Senseless(f"has a time that is none: {e}") from None


def _next_check(value: Any) -> float | None:
    try:
        return to_time(values.moment(value))
    except Senseless:
        return None  # it is looked at soon, and computed anew
