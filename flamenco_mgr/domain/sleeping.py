"""When a worker is to sleep (task-lifecycle.md 14)."""

from attrs import frozen


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
