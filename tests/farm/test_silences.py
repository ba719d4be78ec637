"""By our own clock it is told since when nothing was heard of somebody."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.silences import Silences

NOW = 1_600_000_000.0


class SilencesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.silences = Silences(self.clock.seconds)
        self.ahead = 0.0

    def silent(self, stored: float, after: float = 60.0) -> float:
        """Return for how long somebody has been silent at a look so many seconds after the last one."""
        self.clock.advance(after)
        self.silences.begin()
        return self.again(stored)

    def again(self, stored: float) -> float:
        """Return the same in the same look."""
        now = NOW + self.ahead + self.clock.seconds()
        return now - self.silences.heard_at("w", NOW + stored, now)

    def test_own_clock(self) -> None:
        """A time by our own clock is used as it is."""
        self.assertEqual(self.silent(50), 10)
        self.assertEqual(self.silent(50), 70)
        self.assertEqual(self.again(50), 70)
        self.assertEqual(self.silent(50), 130)

    def test_heard_since(self) -> None:
        """Who was heard since the last look counts as just heard, and from the next look on from when that was."""
        self.silent(50)
        self.assertEqual(self.silent(70), 0)
        self.assertEqual(self.again(70), 0)
        self.assertEqual(self.silent(70), 110)

    def test_heard_in_between(self) -> None:
        """Who is heard while others are looked at counts as just heard."""
        self.silent(50)
        self.assertEqual(self.silent(50), 70)
        self.assertEqual(self.again(119), 0)

    def test_clock_behind(self) -> None:
        """Who is heard again and again by a Manager whose clock is behind is never silent; who then is, is in time."""
        self.silent(60 - 3600)
        self.assertEqual(self.silent(120 - 3600), 0)
        self.assertEqual(self.silent(180 - 3600), 0)
        self.assertEqual(self.silent(180 - 3600), 60)
        self.assertEqual(self.silent(180 - 3600), 120)

    def test_clock_ahead(self) -> None:
        """Who was last heard of in the future, by another clock, is silent from when that was noticed."""
        self.assertEqual(self.silent(3600), 0)
        self.assertEqual(self.silent(3600), 60)
        self.assertEqual(self.silent(3700), 0)
        self.assertEqual(self.silent(3700), 60)

    def test_our_clock_set(self) -> None:
        """A clock of ours that is set does not make the silence of anybody longer or shorter."""
        self.silent(0)
        self.silent(119)
        self.ahead = 7200.0
        self.assertEqual(self.silent(119), 60)
        self.ahead = -7200.0
        self.assertEqual(self.silent(119), 120)

    def test_forgotten(self) -> None:
        """Who was not asked about is forgotten, and then its time is used as it is, again."""
        self.silent(60 - 3600)
        self.clock.advance(60)
        self.silences.begin()
        self.assertEqual(self.silent(60 - 3600), 3720)
