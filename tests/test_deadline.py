"""One deadline for all that a request waits for."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.deadline import seconds_left, unhurried, within


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def test_none(self) -> None:
        """Without a deadline there is as much time as is asked for."""
        self.assertEqual(seconds_left(self.clock, 2.0), 2.0)

    def test_less_and_less(self) -> None:
        """What is left becomes less with the time, and never less than nothing."""
        with within(self.clock, 2.0):
            self.assertEqual(seconds_left(self.clock, 5.0), 2.0)
            self.assertEqual(seconds_left(self.clock, 0.5), 0.5)
            self.clock.advance(1.5)
            self.assertEqual(seconds_left(self.clock, 5.0), 0.5)
            self.clock.advance(1.0)
            self.assertEqual(seconds_left(self.clock, 5.0), 0.0)
        self.assertEqual(seconds_left(self.clock, 5.0), 5.0)

    def test_within_another(self) -> None:
        """A part of a request has no more time than the whole."""
        with within(self.clock, 1.0), within(self.clock, 2.0):
            self.assertEqual(seconds_left(self.clock, 5.0), 1.0)

    def test_outlives(self) -> None:
        """Work that a request only begins has no deadline."""
        with within(self.clock, 1.0):
            with unhurried():
                self.assertEqual(seconds_left(self.clock, 5.0), 5.0)
            self.assertEqual(seconds_left(self.clock, 5.0), 1.0)

    def test_each_its_own(self) -> None:
        """Requests that are served at the same time do not see each other's deadlines."""
        go: Deferred[None] = Deferred()
        left: dict[float, float] = {}

        async def request(seconds: float) -> None:
            with within(self.clock, seconds):
                await go
                left[seconds] = seconds_left(self.clock, 5.0)

        both = [Deferred.fromCoroutine(request(1.0)), Deferred.fromCoroutine(request(2.0))]
        self.assertEqual(seconds_left(self.clock, 5.0), 5.0)
        self.clock.advance(0.5)
        go.callback(None)
        for one in both:
            self.successResultOf(one)
        self.assertEqual(left, {1.0: 0.5, 2.0: 1.5})

    def test_given_up(self) -> None:
        """A request that nobody awaits any more can be closed from elsewhere."""

        async def request() -> None:
            with within(self.clock, 1.0):
                await Deferred()

        coroutine = request()
        _ = Deferred.fromCoroutine(coroutine)
        coroutine.close()
        self.assertEqual(seconds_left(self.clock, 5.0), 5.0)
