"""Instants as texts."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.stamps import iso_milliseconds, iso_seconds, log_stamp


class StampTests(SynchronousTestCase):
    def test_stamps(self) -> None:
        """Instants are written in UTC: to the second in logs, with milliseconds and ``Z`` for the Server."""
        self.assertEqual(log_stamp(1573567032.318), "2019-11-12T13:57:12+0000")
        self.assertEqual(iso_milliseconds(1573567032.318), "2019-11-12T13:57:12.318Z")
        self.assertEqual(iso_milliseconds(1573567032), "2019-11-12T13:57:12.000Z")

    def test_for_people(self) -> None:
        """Scripts and people are told the second, with ``Z`` (RFC 3339)."""
        self.assertEqual(iso_seconds(1573567032.918), "2019-11-12T13:57:12Z")
