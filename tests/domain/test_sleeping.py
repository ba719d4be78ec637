"""When a worker is to sleep, instant by instant: facts 64 to 69, 74 and 75 of task-lifecycle.md 20."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import sleeping
from flamenco_mgr.domain.local_time import instant, wall_clock
from flamenco_mgr.domain.sleeping import BadSchedule, SleepSchedule
from tests.domain.test_local_time import AUTUMN, BERLIN, SPRING, in_zone

OFFSET = in_zone(BERLIN)
WEDNESDAY = date(2018, 12, 12)
THURSDAY = date(2018, 12, 13)


def at(day: date, hour: int, minute: int = 0, second: float = 0) -> float:
    """Return the instant at which the wall clock in Berlin shows this, for the first time."""
    return instant(day, hour * 60 + minute, OFFSET) + second


def a_schedule(**fields: Any) -> SleepSchedule:
    """Return an active schedule."""
    return SleepSchedule(active=True, **fields)


class NightTests(SynchronousTestCase):
    def asleep(self, schedule: SleepSchedule, day: date, hour: int, minute: int = 0, second: float = 0) -> bool:
        """Whether the worker of a schedule is to sleep then."""
        return sleeping.is_night(schedule, at(day, hour, minute, second), OFFSET)

    def test_days(self) -> None:
        """Facts 65 and 66: without times, listed days are for sleeping; on others the worker is to be awake (21.32)."""
        schedule = a_schedule(days=("mo", "tu", "we"))
        self.assertTrue(self.asleep(schedule, WEDNESDAY, 0))
        self.assertTrue(self.asleep(schedule, WEDNESDAY, 23, 59, 59.9))
        self.assertFalse(self.asleep(schedule, THURSDAY, 0))
        self.assertFalse(self.asleep(schedule, THURSDAY, 12))

    def test_times(self) -> None:
        """Facts 67 and 68: the start is for sleeping, the end is not."""
        schedule = a_schedule(days=("mo", "tu", "we"), start="08:00", end="17:00")
        for hour, minute, second, asleep in (
            (7, 5, 0, False),
            (7, 59, 59.9, False),
            (8, 0, 0, True),
            (8, 0, 43, True),
            (16, 59, 59.9, True),
            (17, 0, 0, False),
            (23, 5, 0, False),
        ):
            self.assertIs(self.asleep(schedule, WEDNESDAY, hour, minute, second), asleep, (hour, minute, second))

    def test_one_time(self) -> None:
        """Without a start it begins with the day, without an end it ends with it."""
        self.assertTrue(self.asleep(a_schedule(end="06:00"), WEDNESDAY, 0))
        self.assertFalse(self.asleep(a_schedule(end="06:00"), WEDNESDAY, 6))
        self.assertFalse(self.asleep(a_schedule(start="20:00"), WEDNESDAY, 19, 59))
        self.assertTrue(self.asleep(a_schedule(start="20:00", end="24:00"), WEDNESDAY, 23, 59, 59.9))
        self.assertFalse(self.asleep(a_schedule(start="20:00"), THURSDAY, 0))

    def test_over_midnight(self) -> None:
        """A night belongs to the day that it starts on, whatever the next day is."""
        schedule = a_schedule(days=("we",), start="22:00", end="06:00")
        self.assertFalse(self.asleep(schedule, WEDNESDAY, 5))
        self.assertFalse(self.asleep(schedule, WEDNESDAY, 21, 59))
        self.assertTrue(self.asleep(schedule, WEDNESDAY, 22))
        self.assertTrue(self.asleep(schedule, THURSDAY, 0))
        self.assertTrue(self.asleep(schedule, THURSDAY, 5, 59, 59.9))
        self.assertFalse(self.asleep(schedule, THURSDAY, 6))
        self.assertFalse(self.asleep(schedule, THURSDAY, 22))

    def test_no_time_at_all(self) -> None:
        """From a time to the same time nobody sleeps."""
        for time in ("00:00", "12:00", "24:00"):
            for hour in (0, 12, 23):
                self.assertFalse(self.asleep(a_schedule(start=time, end=time), WEDNESDAY, hour))

    def test_until_midnight(self) -> None:
        """From the evening to 00:00 and to 24:00 is the same; so is from 24:00, and from 00:00 of the next day."""
        for hour, asleep in ((21, False), (22, True), (23, True)):
            for end in ("00:00", "24:00"):
                self.assertIs(self.asleep(a_schedule(days=("we",), start="22:00", end=end), WEDNESDAY, hour), asleep)
        self.assertFalse(self.asleep(a_schedule(days=("we",), start="22:00", end="00:00"), THURSDAY, 0))
        self.assertTrue(self.asleep(a_schedule(days=("we",), start="24:00", end="06:00"), THURSDAY, 5))

    def test_short_day(self) -> None:
        """A start that the clock skips is when it does; an end that it skips, too."""
        before, after = at(SPRING, 1, 59, 59), at(SPRING, 3)
        self.assertEqual(after - before, 1)
        starts, ends = a_schedule(start="02:30", end="08:00"), a_schedule(start="00:00", end="02:30")
        self.assertFalse(sleeping.is_night(starts, before, OFFSET))
        self.assertTrue(sleeping.is_night(starts, after, OFFSET))
        self.assertTrue(sleeping.is_night(ends, before, OFFSET))
        self.assertFalse(sleeping.is_night(ends, after, OFFSET))

    def test_long_day(self) -> None:
        """Of times that are shown twice the first counts, so that nobody is woken and sent to sleep within the hour."""
        first = at(AUTUMN, 2, 30)
        for schedule, asleep in ((a_schedule(start="02:30"), True), (a_schedule(end="02:30"), False)):
            self.assertIs(sleeping.is_night(schedule, first - 1, OFFSET), not asleep)
            for later in (0, 1800, 3599, 3600, 5400):
                self.assertIs(sleeping.is_night(schedule, first + later, OFFSET), asleep)


class NextCheckTests(SynchronousTestCase):
    def check(self, schedule: SleepSchedule, now: float) -> str:
        """Return what the clock shows when a schedule acts next: day of December 2018, and time."""
        found = datetime.fromtimestamp(sleeping.next_check(schedule, now, OFFSET), BERLIN)
        return found.isoformat(" ", "minutes").removeprefix("2018-12-").removesuffix("+01:00")

    def test_next(self) -> None:
        """Fact 69: the next start, end or midnight."""
        day, midnight = WEDNESDAY, "13 00:00"
        both = a_schedule(start="08:00", end="17:00")
        self.assertEqual(self.check(both, at(day, 7, 59, 43)), "12 08:00")
        self.assertEqual(self.check(both, at(day, 8, 0, 43)), "12 17:00")
        self.assertEqual(self.check(both, at(day, 17, 0, 43)), midnight)
        self.assertEqual(self.check(a_schedule(end="17:00"), at(day, 7, 59, 43)), "12 17:00")
        self.assertEqual(self.check(a_schedule(), at(day, 7, 59, 43)), midnight)
        self.assertEqual(self.check(a_schedule(start="08:00"), at(day, 8, 0, 43)), midnight)

    def test_start_alone(self) -> None:
        """A schedule with only a start is looked at when it starts (dashboard.md W16)."""
        self.assertEqual(self.check(a_schedule(start="08:00"), at(WEDNESDAY, 7)), "12 08:00")

    def test_over_midnight(self) -> None:
        """Of a night over midnight there are three looks: at its start, at midnight, and at its end."""
        night = a_schedule(start="22:00", end="06:00")
        self.assertEqual(self.check(night, at(WEDNESDAY, 21)), "12 22:00")
        self.assertEqual(self.check(night, at(WEDNESDAY, 22)), "13 00:00")
        self.assertEqual(self.check(night, at(THURSDAY, 0)), "13 06:00")

    def test_day_that_comes_back(self) -> None:
        """Where the clock was set back over midnight, that midnight is over: the next look is at the one after it."""
        offset = in_zone(ZoneInfo("America/St_Johns"))
        midnight = instant(date(2006, 10, 29), 0, offset)
        again = midnight + 1800
        self.assertEqual(wall_clock(again, offset).isoformat(), "2006-10-28T23:30:00")
        for schedule in (a_schedule(), a_schedule(start="00:00", end="00:00")):
            self.assertEqual(sleeping.next_check(schedule, again, offset), midnight + 25 * 3600)

    @given(
        now=st.floats(1_500_000_000, 1_600_000_000),
        times=st.tuples(*[st.none() | st.sampled_from(("00:00", "02:30", "07:00", "22:00", "24:00"))] * 2),
        days=st.sampled_from(((), ("mo",), ("sa", "su"))),
    )
    def test_nothing_is_missed(self, now: float, times: tuple[str | None, str | None], days: tuple[str, ...]) -> None:
        """Between two looks nothing changes of what is wanted; and the next look is within 25 hours."""
        schedule = a_schedule(days=days, start=times[0], end=times[1])
        until = sleeping.next_check(schedule, now, OFFSET)
        self.assertLess(now, until)
        self.assertLessEqual(until, now + 25 * 3600)
        wanted = {
            sleeping.is_night(schedule, now + (until - now) * part, OFFSET) for part in (0, 0.2, 0.4, 0.6, 0.8, 0.999)
        }
        self.assertEqual(len(wanted), 1)


class DueTests(SynchronousTestCase):
    def test_due(self) -> None:
        """Fact 64: a schedule that is not active is never due; another one at its next check, or at once."""
        self.assertFalse(sleeping.is_due(SleepSchedule(next_check=1.0), 5.0))
        self.assertFalse(sleeping.is_due(SleepSchedule(), 5.0))
        self.assertTrue(sleeping.is_due(a_schedule(), 5.0))
        for now, due in ((4.9, False), (5.0, True), (6.0, True)):
            self.assertIs(sleeping.is_due(a_schedule(next_check=5.0), now), due)


class InputTests(SynchronousTestCase):
    def test_days(self) -> None:
        """Days are English names or their beginnings, in any order and case; kept once, in the week's order."""
        for text, days in (
            ("", ()),
            (" \n", ()),
            (" Mo   TU we\u00a0friday\n", ("mo", "tu", "we", "fr")),
            ("su sa Sunday", ("sa", "su")),
            ("thurs wednesday th", ("we", "th")),
        ):
            self.assertEqual(sleeping.days(text), days)

    def test_no_days(self) -> None:
        """What is no day is refused, with the days that there are: one letter, too, and what only begins like one."""
        for text in ("m", "mo t", "frx", "mox", "mo,tu", "montag", "1", "mo\x00", "x" * 1_000_000):
            error = self.assertRaises(BadSchedule, sleeping.days, text)
            self.assertIn("no day of the week: they are mo, tu, we, th, fr, sa, su", str(error))
            self.assertLess(len(str(error)), 200)

    def test_times(self) -> None:
        """Fact 75: times have hours and minutes of one or two digits, and are kept with two each."""
        for text, time in (("02:34", "02:34"), ("16:4", "16:04"), ("9:0", "09:00"), ("24:00", "24:00")):
            self.assertEqual(sleeping.time_of_day(text), time)
        self.assertIsNone(sleeping.time_of_day(""))

    def test_no_times(self) -> None:
        """Seconds, what is beyond 24:00 or beyond 59 minutes, and words are refused (dashboard.md W15)."""
        for text in (
            "16:34:44",
            "99:99",
            "24:01",
            "25:00",
            "12:60",
            "12:61",
            "12:99",
            "24:30",
            "24:32",
            "24:45",
            "16:",
            ":30",
            "noon",
            "-1:00",
            " 8:00",
            "8:00 ",
            "٣:٠٠",
        ):
            error = self.assertRaises(BadSchedule, sleeping.time_of_day, text)
            self.assertIn("no time of day", str(error))
        self.assertLess(len(str(self.assertRaises(BadSchedule, sleeping.time_of_day, "1" * 1_000_000))), 200)

    def test_shown(self) -> None:
        """Of a long text its first forty characters are told, of others all."""
        for text, shown in (("x" * 40, "'" + "x" * 40 + "'"), ("x" * 41, "'" + "x" * 40 + "\\u2026'"), ("no", "'no'")):
            self.assertIn(f"{shown} is no", str(self.assertRaises(BadSchedule, sleeping.days, text)))

    def test_text(self) -> None:
        """A schedule can be told in words."""
        self.assertEqual(SleepSchedule().text, "every day, 00:00 to 24:00, which is not active")
        self.assertEqual(a_schedule(days=("mo", "tu"), start="09:00").text, "mo tu, 09:00 to 24:00")
