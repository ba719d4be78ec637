"""When machines are to sleep, found out from the wall clock alone, quarter by quarter of an hour."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from attrs import Factory, field, frozen

from tests.week.plan import DAY, MINUTE, START, TO_DRAIN, WEEK, offset

_DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
_MIDNIGHT: Final = "24:00"
_QUARTER: Final = 15 * MINUTE


@frozen(kw_only=True)
class Nights:
    """
    A sleep schedule, and what follows from it; times are whole quarters of an hour.

    The one hour that the wall clock shows twice is no time for a start or end here; what happens then is a matter of
    the rule's own tests.
    """

    days: str = ""
    start: str = "00:00"
    end: str = _MIDNIGHT
    _turns: tuple[tuple[float, bool], ...] = field(
        init=False, default=Factory(lambda self: tuple(self._all_turns()), takes_self=True)
    )

    @property
    def document(self) -> Mapping[str, object]:
        """The schedule as operators set it."""
        return {
            "schedule_active": True,
            "days_of_week": self.days,
            "time_start": "" if self.start == "00:00" else self.start,
            "time_end": "" if self.end == _MIDNIGHT else self.end,
        }

    def sleeping_since(self, now: float) -> tuple[bool, float]:
        """Return whether it is time to sleep, and since when that has been so (or not been so)."""
        instant, asleep = self._turns[bisect_right(self._turns, (now, True)) - 1]
        return asleep, instant

    def _all_turns(self) -> list[tuple[float, bool]]:
        turns: list[tuple[float, bool]] = []
        for quarter in range(round((WEEK + TO_DRAIN + 2 * DAY) / _QUARTER)):
            instant = START - DAY + quarter * _QUARTER
            asleep = self._is_asleep(instant)
            if not turns or turns[-1][1] != asleep:
                turns.append((instant, asleep))
        return turns

    def _is_asleep(self, instant: float) -> bool:
        wall = datetime.fromtimestamp(instant + offset(instant), timezone.utc)
        shown = f"{wall:%H:%M}"
        if self.start <= self.end:
            return self._is_listed(wall) and self.start <= shown < self.end
        evening = self._is_listed(wall) and shown >= self.start
        return evening or (self._is_listed(wall - timedelta(days=1)) and shown < self.end)

    def _is_listed(self, day: datetime) -> bool:
        return not self.days or _DAYS[day.weekday()] in self.days.split()


SCHEDULES: Final = (
    Nights(start="22:30", end="06:15"),
    Nights(days="mo tu we th fr", start="20:00", end="07:00"),
    Nights(days="sa su"),
    Nights(start="13:00", end="14:00"),
    Nights(days="fr", start="18:00"),
    Nights(days="sa", start="21:00", end="09:30"),
)
