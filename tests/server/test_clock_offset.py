"""server-api.md 17.2: the Server's clock is known from the Date of its answers."""

from email.utils import formatdate

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.server.clock_offset import ClockOffset

NOW = 1573567032.25


class ClockOffsetTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.offset = ClockOffset(clock=self.clock)

    def heard(self, server_time: float, *, took: float = 0.0) -> float:
        return self.offset.heard(formatdate(server_time, usegmt=True), self.clock.seconds() - took)

    def test_clocks_agree(self) -> None:
        """A Date has whole seconds: clocks that agree are not corrected by fractions."""
        for _ in range(20):
            self.heard(self.clock.seconds())
            self.assertEqual(self.offset.seconds, 0.0)
            self.clock.advance(0.3)

    def test_ahead_and_behind(self) -> None:
        """A Server's clock that is an hour ahead, or behind, is known within a second, and better with more answers."""
        for hour in (3600.0, -3600.0):
            for _ in range(20):
                self.heard(self.clock.seconds() + hour)
                self.assertLessEqual(abs(self.offset.seconds - hour), 1.0)
                self.clock.advance(0.3)
            self.assertLessEqual(abs(self.offset.seconds - hour), 0.3)

    def test_slow_answer(self) -> None:
        """An answer that took a minute says little: the Date is from any instant of it."""
        self.heard(NOW - 40.0, took=60.0)
        self.assertEqual(self.offset.seconds, 0.0)

    def test_no_date(self) -> None:
        """Without a Date, or with one that is none, nothing changes, and the request's beginning stands for it."""
        for date in (None, "", "soon", "Tue, 99 Foo 2019 13:57:09 GMT"):
            self.assertEqual(self.offset.heard(date, NOW - 3.0), NOW - 3.0)
        self.assertEqual(self.offset.seconds, 0.0)

    def test_own_clock_was_set(self) -> None:
        """An exchange that ends before it began says nothing about the Server's clock."""
        self.offset.heard(formatdate(NOW, usegmt=True), NOW + 100.0)
        self.assertEqual(self.offset.seconds, 0.0)

    def test_never_in_the_future(self) -> None:
        """An instant in our future, from before our clock was set back, is told as the Server's now."""
        self.heard(NOW + 60.0)
        self.assertEqual(self.offset.server_time(NOW - 10.0), NOW - 10.0 + self.offset.seconds)
        self.assertEqual(self.offset.server_time(NOW + 500.0), NOW + self.offset.seconds)

    def test_told_once(self) -> None:
        """People are told when the clocks differ by more than five seconds, once, and when they agree again."""
        with capturedLogs() as events:
            for seconds in (3.0, 4.5, 60.0, 60.0, 61.0, 0.0, 0.0):
                self.heard(self.clock.seconds() + seconds)
        self.assertEqual([event["log_level"] for event in events], [LogLevel.warn, LogLevel.info])
