"""Timers go on when the clock that they go by is set back."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from flamenco_mgr.clock_watch import LOOK_EVERY, ClockWatch

HOUR = 3600.0


class SettableClock(Clock):
    """A reactor's clock that people set, and what its other threads ask it to do."""

    def __init__(self) -> None:
        super().__init__()
        self.rightNow = 1_573_567_032.0

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:
        call(*args)


class ClockWatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = SettableClock()
        self.steady = 1000.0
        self.watch = ClockWatch(reactor=self.clock, wall=self.clock.seconds, steady=lambda: self.steady)
        self.watch.begin()
        self.went_off: list[str] = []

    def timer(self, name: str, seconds: float) -> None:
        self.clock.callLater(seconds, self.went_off.append, name)

    def pass_time(self, seconds: float) -> None:
        self.steady += seconds
        self.clock.advance(seconds)

    def set_clock(self, by: float) -> list[str]:
        """Set the clock, have it looked at, and return what people are told."""
        self.clock.rightNow += by
        with capturedLogs() as events:
            self.watch.look()
        return [str(event["log_format"]) for event in events if event["log_level"] is LogLevel.warn]

    def test_set_back(self) -> None:
        """After the clock is set back by an hour a timer goes off when it would have, and people are told."""
        self.timer("push", 10)
        self.timer("download", 30)
        self.pass_time(4)
        self.assertEqual(len(self.set_clock(-HOUR)), 1)
        self.pass_time(5.9)
        self.assertEqual(self.went_off, [])
        self.pass_time(0.2)
        self.assertEqual(self.went_off, ["push"])
        self.pass_time(20)
        self.assertEqual(self.went_off, ["push", "download"])

    def test_set_since(self) -> None:
        """A timer that was set between the step and its discovery keeps its time."""
        self.clock.rightNow -= HOUR
        self.timer("answer", 1.5)
        self.watch.look()
        self.pass_time(1.4)
        self.assertEqual(self.went_off, [])
        self.pass_time(0.2)
        self.assertEqual(self.went_off, ["answer"])

    def test_moved_once(self) -> None:
        """A step is made up for once."""
        self.timer("push", 10)
        self.set_clock(-HOUR)
        self.watch.look()
        self.pass_time(9.9)
        self.assertEqual(self.went_off, [])

    def test_small_and_forward(self) -> None:
        """What the network's time moves the clock by, and a step forward, are left alone."""
        self.timer("push", 10)
        self.assertEqual(self.set_clock(-0.5) + self.set_clock(HOUR), [])
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 1_573_567_042.0)


class ThreadTests(TestCase):
    async def test_thread(self) -> None:
        """While the service runs the clocks are looked at, without a timer of the reactor's."""
        from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor

        looked: Deferred[None] = Deferred()
        times = iter(range(1000))

        class Once:
            """The real reactor, as far as it is asked from another thread."""

            seconds = staticmethod(reactor.seconds)

            @staticmethod
            def getDelayedCalls() -> list[Any]:
                looked.callback(None)
                return []

            callFromThread = staticmethod(reactor.callFromThread)  # type: ignore[attr-defined]

        watch = ClockWatch(reactor=Once(), wall=lambda: -HOUR if next(times) else 0.0, steady=lambda: 0.0)
        watch.startService()
        self.addCleanup(watch.stopService)
        await looked.addTimeout(30 * LOOK_EVERY, reactor)
