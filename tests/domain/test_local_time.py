"""The clock on the wall, on ordinary days and on those that are longer or shorter."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.local_time import Offset, instant, utc, wall_clock, zone_name

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = date(2018, 3, 25)
"""There is no 02:00 to 03:00 in Berlin."""
AUTUMN = date(2018, 10, 28)
"""02:00 to 03:00 are twice."""


def in_zone(zone: ZoneInfo) -> Offset:
    """Return what is known of a time zone."""

    def offset(now: float) -> float:
        ahead = datetime.fromtimestamp(now, zone).utcoffset()
        assert ahead is not None
        return ahead.total_seconds()

    return offset


def set_forward(turn: int) -> Offset:
    """Return what is known of a clock that shows UTC, and is set forward by an hour at an instant."""
    return lambda now: 3600.0 if now >= turn else 0.0


def always(seconds: float) -> Offset:
    """Return what is known of a clock that is never set."""
    return lambda _: seconds


class InstantTests(SynchronousTestCase):
    def shown(self, day: date, minutes: int, zone: str = "Europe/Berlin") -> str:
        """Return what the clock shows at the instant of a time of day, with its distance from UTC."""
        found = datetime.fromtimestamp(instant(day, minutes, in_zone(ZoneInfo(zone))), ZoneInfo(zone))
        return found.isoformat(" ", "seconds")

    def test_ordinary(self) -> None:
        """On most days the clock shows at a time's instant that time; 24:00 is the next day's midnight."""
        self.assertEqual(self.shown(date(2018, 12, 13), 1007), "2018-12-13 16:47:00+01:00")
        self.assertEqual(self.shown(date(2018, 12, 13), 0), "2018-12-13 00:00:00+01:00")
        self.assertEqual(self.shown(date(2018, 12, 13), 1440), "2018-12-14 00:00:00+01:00")
        self.assertEqual(self.shown(date(2018, 7, 1), 0, "Asia/Kolkata"), "2018-07-01 00:00:00+05:30")
        self.assertEqual(self.shown(date(2018, 7, 1), 0, "Pacific/Kiritimati"), "2018-07-01 00:00:00+14:00")

    def test_skipped(self) -> None:
        """A time that the clock skips is the instant at which it does; the times around it are themselves."""
        for minutes, shown in ((119, "01:59:00+01:00"), (120, "03:00:00+02:00"), (150, "03:00:00+02:00")):
            self.assertEqual(self.shown(SPRING, minutes), f"2018-03-25 {shown}")
        self.assertEqual(self.shown(SPRING, 181), "2018-03-25 03:01:00+02:00")

    def test_twice(self) -> None:
        """A time that the clock shows twice is its first; what follows the second hour is there once."""
        for minutes, shown in ((119, "01:59:00+02:00"), (150, "02:30:00+02:00"), (180, "03:00:00+01:00")):
            self.assertEqual(self.shown(AUTUMN, minutes), f"2018-10-28 {shown}")

    def test_no_midnight(self) -> None:
        """Where the clock is set at midnight, the day begins when it does; a day that is left out has no length."""
        self.assertEqual(self.shown(date(2018, 8, 12), 0, "America/Santiago"), "2018-08-12 01:00:00-03:00")
        left_out = date(2011, 12, 30)
        apia = in_zone(ZoneInfo("Pacific/Apia"))
        self.assertEqual(instant(left_out, 0, apia), instant(left_out + timedelta(days=1), 0, apia))

    def test_second(self) -> None:
        """The clock may be set at any second: a time that it skips then is at that very second."""
        for turn in range(1_000_000_000, 1_000_000_016):
            self.assertEqual(instant(date(2001, 9, 9), 150, set_forward(turn)), turn)

    @given(
        day=st.dates(date(1990, 1, 1), date(2037, 1, 1)) | st.sampled_from((SPRING, AUTUMN)),
        minutes=st.integers(0, 1439),
        zone=st.sampled_from(("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Tehran", "UTC")),
    )
    def test_first(self, day: date, minutes: int, zone: str) -> None:
        """At the instant it is that late or later, and a second before it is not."""
        offset = in_zone(ZoneInfo(zone))
        wanted = datetime.combine(day, time()) + timedelta(minutes=minutes)
        found = instant(day, minutes, offset)
        self.assertGreaterEqual(wall_clock(found, offset), wanted)
        self.assertLess(wall_clock(found - 1, offset), wanted)


class ZoneTests(SynchronousTestCase):
    def test_names(self) -> None:
        """A zone is named by its distance from UTC, as it is at that instant."""
        summer, winter = 1_530_403_200.0, 1_543_622_400.0
        self.assertEqual(zone_name(summer, in_zone(BERLIN)), "UTC+02:00")
        self.assertEqual(zone_name(winter, in_zone(BERLIN)), "UTC+01:00")
        self.assertEqual(zone_name(winter, in_zone(ZoneInfo("America/St_Johns"))), "UTC-03:30")
        self.assertEqual(zone_name(winter, utc), "UTC+00:00")
        for zone, name in (("Asia/Kathmandu", "UTC+05:45"), ("Pacific/Kiritimati", "UTC+14:00")):
            self.assertEqual(zone_name(winter, in_zone(ZoneInfo(zone))), name)

    def test_odd_offsets(self) -> None:
        """Zones are told to the nearest minute, and with their sign, however small they are."""
        for seconds, name in (
            (-60.0, "UTC-00:01"),
            (3540.0, "UTC+00:59"),
            (1172.0, "UTC+00:20"),
            (1168.0, "UTC+00:19"),
        ):
            self.assertEqual(zone_name(0.0, always(seconds)), name)

    def test_utc(self) -> None:
        """UTC is never ahead of itself."""
        self.assertEqual([utc(0.0), utc(1_530_403_200.0)], [0.0, 0.0])
