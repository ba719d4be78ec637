"""The nights that the demonstration's operator gives to Workers, at every hour."""

from datetime import datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.operator import night_after, night_around
from flamenco_mgr.domain.sleeping import is_night
from flamenco_mgr.wire.operator_json import sleep_schedule_document, sleep_schedule_of

HOURS = [datetime(2026, 11, 25, hour, 59, 30, tzinfo=timezone.utc) for hour in range(24)]


class NightTests(SynchronousTestCase):
    def test_around(self) -> None:
        """It is night now, and for an hour still; the Manager understands the schedule."""
        for now in HOURS:
            night = sleep_schedule_of(sleep_schedule_document(night_around(now)))
            for moment in (now, now + timedelta(hours=1)):
                self.assertTrue(is_night(night, moment.timestamp(), lambda _: 0), (moment, night))

    def test_after(self) -> None:
        """It is no night now, and not for an hour."""
        for now in HOURS:
            night = night_after(now)
            for moment in (now, now + timedelta(hours=1)):
                self.assertFalse(is_night(night, moment.timestamp(), lambda _: 0), (moment, night))
            self.assertTrue(is_night(night, (now + timedelta(hours=3)).timestamp(), lambda _: 0), night)
